"""Frames and angles of the template's hands, of hands built from known angles, and of what is no hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from posed_hand import posed_hand, rotation

from handos_model.hand import BONES, FINGERS
from handos_model.kinematics.frames import finger_frames, joint_rotations, quaternion, retargeting_joints, wrist_frame
from handos_model.template.load import load_template

RECORDED = Path(__file__).resolve().parents[3] / "shared/data/video/human_hand_retargeting_joints.npz"
FUNCTIONS = (wrist_frame, finger_frames, joint_rotations, retargeting_joints)


def built_hand(side: str, angles: np.ndarray) -> np.ndarray:
    """Joints (21, 3) of fingers (thumb aside, which stays straight) bent by angles (5, 4), fingers along x, back to z.

    Written as turns about the axes of each bone: abduction about z, then flexion about y.
    """
    thumbwards = 1 if side == "right" else -1
    joints = np.zeros((21, 3))
    joints[1:5] = np.outer([1, 2, 3, 4], [0.02, thumbwards * 0.02, 0])
    for finger in range(1, 5):
        metacarpal = np.array([0.09, thumbwards * 0.02 * (2 - finger), 0])
        frame = rotation((0, 0, 1), np.arctan2(metacarpal[1], metacarpal[0]))
        joint = 1 + 4 * finger
        joints[joint] = metacarpal
        for bone in range(3):
            abduction = thumbwards * angles[finger, 0] if bone == 0 else 0.0
            frame = frame @ rotation((0, 1, 0), angles[finger, 1 + bone]) @ rotation((0, 0, 1), abduction)
            joints[joint + bone + 1] = joints[joint + bone] + frame @ [0.05 - 0.01 * bone, 0, 0]
    return joints


def test_wrist_frame_of_the_rest_pose() -> None:
    template = load_template()
    joints = template.joints.astype(np.float64)
    position, R = wrist_frame(joints + [0.1, 0.2, 0.5], "right")
    np.testing.assert_allclose(position, joints[0] + [0.1, 0.2, 0.5])
    np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)
    middle = joints[9] - joints[0]
    np.testing.assert_allclose(R[:, 0], middle / np.linalg.norm(middle), atol=1e-12)
    # The template: -z to the middle finger, +y out of the back, the thumb at -x. Its palm is cupped by some degrees.
    np.testing.assert_allclose(R, [[0, -1, 0], [0, 0, 1], [-1, 0, 0]], atol=0.12)


@pytest.mark.parametrize("turn", [np.eye(3), rotation((1, 2, 3), 2.0)])
def test_a_mirrored_left_hand_has_the_mirrored_axes(turn: np.ndarray) -> None:
    right, left = posed_hand(0.4, "right")[1], posed_hand(0.4, "left")[1]
    mirror = np.diag([-1.0, 1, 1])
    R, L = wrist_frame(right @ turn.T, "right")[1], wrist_frame(left @ turn.T, "left")[1]
    expected = turn @ mirror @ turn.T @ R
    np.testing.assert_allclose(L, expected * [1, -1, 1], atol=1e-9)  # x and z mirrored, y completes: other way round
    assert np.linalg.det(L) == pytest.approx(1)


def test_back_and_thumb_as_seen_by_the_camera() -> None:
    for side in ("right", "left"):
        joints = posed_hand(0.2, side)[1]  # the palm shows to the camera, fingers up
        R = wrist_frame(joints, side)[1]
        assert R[1, 0] < -0.95 and R[2, 2] > 0.95
        towards_thumb = (joints[5] - joints[17]) @ R[:, 1] > 0
        assert towards_thumb == (side == "right")


@pytest.mark.parametrize("side", ["left", "right"])
def test_finger_frames_follow_the_bones(side: str) -> None:
    joints = posed_hand(0.5, side, rotation((3, -1, 2), 1.0))[1]
    frames = finger_frames(joints, side)
    assert frames.shape == (20, 3, 3)
    np.testing.assert_allclose(frames.transpose(0, 2, 1) @ frames, np.tile(np.eye(3), (20, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(frames), 1)
    for parent, child in BONES:
        bone = (joints[child] - joints[parent]) / np.linalg.norm(joints[child] - joints[parent])
        if parent:
            np.testing.assert_allclose(frames[parent - 1, :, 0], bone, atol=1e-12)
        if child % 4 == 0:
            np.testing.assert_allclose(frames[child - 1, :, 0], bone, atol=1e-12)


def test_finger_frames_agree_with_the_template_s_bones() -> None:
    template = load_template()
    frames = finger_frames(template.joints, "right")
    ends = ("phalanx-proximal", "phalanx-intermediate", "phalanx-distal")
    names = {"thumb": ("metacarpal", "phalanx-proximal", "phalanx-distal"), "little": ends}
    for number, finger in enumerate(FINGERS):
        webxr = {"thumb": "thumb", "little": "pinky-finger"}.get(finger, f"{finger}-finger")
        for bone, end in enumerate(names.get(finger, ends)):
            index = [i for i, name in enumerate(template.bone_names) if name.endswith(f"{webxr}-{end}")]
            assert len(index) == 1
            frame = template.bone_frames[index[0], :3, :3]
            theirs = np.stack([-frame[:, 2], -frame[:, 0], frame[:, 1]], axis=1)  # -z along the bone, +y out of it
            turn = theirs.T @ frames[4 * number + bone]
            assert np.degrees(np.arccos((np.trace(turn) - 1) / 2)) < 20, (finger, end)


@pytest.mark.parametrize("side", ["left", "right"])
def test_angles_come_back_from_a_hand_built_of_them(side: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        angles = rng.uniform([-0.3, -0.4, 0, 0], [0.3, 1.7, 1.9, 1.2], (5, 4))
        turn, shift = rotation(tuple(rng.normal(size=3)), rng.uniform(0, 3)), rng.normal(size=3)
        found = joint_rotations(built_hand(side, angles) @ turn.T + shift, side)
        assert found.shape == (5, 4)
        np.testing.assert_allclose(found[1:, 1:], angles[1:, 1:], atol=1e-6)
        np.testing.assert_allclose(found[1:, 0], angles[1:, 0], atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_template_s_curl_is_seen(side: str) -> None:
    rest, curled = (joint_rotations(posed_hand(curl, side)[1], side) for curl in (0.0, 0.6))
    flexed = (curled - rest)[:, 1:]
    np.testing.assert_allclose(flexed[1:], 0.6, atol=0.1)
    np.testing.assert_allclose(flexed[0, 1:], 0.6, atol=0.15)  # the thumb's CMC is no phalanx: it stays
    assert abs(flexed[0, 0]) < 0.05
    np.testing.assert_allclose(
        joint_rotations(posed_hand(0.6, "left")[1], "left"),
        joint_rotations(posed_hand(0.6, "right")[1], "right"),
        atol=1e-9,
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_retargeting_frame(side: str) -> None:
    joints = posed_hand(0.3, side, rotation((1, 1, 0), 0.7))[1]
    found = retargeting_joints(joints + [0.2, 0.1, 0.6], side)
    np.testing.assert_allclose(found[0], 0, atol=1e-12)
    np.testing.assert_allclose(found[9], [0, 0, np.linalg.norm(joints[9])], atol=1e-12)
    assert found[8, 0] > 0.01 and found[16, 0] > 0.01  # flexed fingertips: in front of the palm
    assert (found[5, 1] > found[17, 1]) == (side == "right")
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.linalg.norm(joints, axis=1), atol=1e-12)


@pytest.mark.skipif(not RECORDED.is_file(), reason=f"no recorded joints at {RECORDED}")
def test_retargeting_frame_is_that_of_dex_retargeting() -> None:
    with np.load(RECORDED) as archive:
        recorded = next(archive[key] for key in archive.files if archive[key].shape[1:] == (21, 3))
    recorded = recorded[np.isfinite(recorded).all(axis=(1, 2)) & (np.ptp(recorded, axis=1).max(axis=1) > 0)]
    turn = rotation((2, -1, 1), 2.2)
    found = np.array([retargeting_joints(joints @ turn.T + 0.3, "right") for joints in recorded.astype(np.float64)])
    assert len(recorded) > 500
    np.testing.assert_allclose(found, recorded, atol=1e-5)


def test_quaternions() -> None:
    np.testing.assert_allclose(quaternion(np.eye(3)), [0, 0, 0, 1])
    rng = np.random.default_rng(0)
    axes = [*np.eye(3), *-np.eye(3), *rng.normal(size=(20, 3))]
    for axis in axes:
        unit = axis / np.linalg.norm(axis)
        for angle in (0.3, 1.9, 3.0, np.pi):
            found = quaternion(rotation(tuple(axis), angle))
            expected = np.array([*(np.sin(angle / 2) * unit), np.cos(angle / 2)])
            assert abs(found @ expected) == pytest.approx(1, abs=1e-9)
            assert found[3] >= 0
    many = np.stack([[rotation(tuple(axis), 0.4) for axis in axes[:4]], [np.eye(3)] * 4])
    found = quaternion(many)
    assert found.shape == (2, 4, 4)
    np.testing.assert_allclose(found[0, 0], [np.sin(0.2), 0, 0, np.cos(0.2)], atol=1e-12)
    assert quaternion(np.zeros((0, 3, 3))).shape == (0, 4)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_no_hand_is_refused(function) -> None:
    joints = posed_hand()[1]
    with pytest.raises(ValueError, match=r"the shape \(20, 3\), must be \(21, 3\)"):
        function(joints[1:], "right")
    with pytest.raises(ValueError, match="side is 'unknown', must be left or right"):
        function(joints, "unknown")
    broken = joints.copy()
    broken[4, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        function(broken, "right")
    with pytest.raises(ValueError, match="no (wrist|finger) frame"):
        function(np.zeros((21, 3)), "right")
    with pytest.raises(ValueError, match="no wrist frame"):
        function(np.outer(np.arange(21), [0.01, 0.02, 0.0]), "left")


def test_two_joints_in_one_point_have_no_finger_frame() -> None:
    joints = posed_hand()[1]
    joints[8] = joints[7]
    with pytest.raises(ValueError, match="neighbouring joints lie in one point"):
        finger_frames(joints, "right")
    wrist_frame(joints, "right")


def test_a_bone_that_turns_back_is_still_a_frame() -> None:
    joints = built_hand("right", np.zeros((5, 4)))
    joints[10] = joints[9] - (joints[9] - joints[0]) / 2  # exactly backwards
    frames = finger_frames(joints, "right")
    np.testing.assert_allclose(frames[8, :, 0], [-1, 0, 0], atol=1e-12)
    assert np.linalg.det(frames[8]) == pytest.approx(1)


def test_wrong_rotation_shape() -> None:
    with pytest.raises(ValueError, match=r"the shape \(4, 4\), must be \(\.\.\., 3, 3\)"):
        quaternion(np.eye(4))
