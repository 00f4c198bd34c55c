from dataclasses import replace

import numpy as np
import pytest
from made_hand import CAMERA, make_hand

pytest.importorskip("rclpy", reason="needs ROS 2")
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.hand import JOINT_NAMES, Hand
from handos_ros.conversions.hands import hand_array, hand_transforms
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray


def header() -> Header:
    message = Header(frame_id="camera_optical")
    message.stamp.sec, message.stamp.nanosec = 12, 345
    return message


def received(*arguments, **options) -> HandArray:
    """The message as a subscriber gets it."""
    return deserialize_message(serialize_message(hand_array(*arguments, **options)), HandArray)


def turned(q) -> np.ndarray:
    """Rotation matrix of a quaternion message."""
    x, y, z, w = q.x, q.y, q.z, q.w
    assert x * x + y * y + z * z + w * w == pytest.approx(1)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def xyz(points) -> np.ndarray:
    return np.array([[p.x, p.y, p.z] for p in points])


def test_a_hand_array_says_what_the_hands_are():
    hands = [make_hand(number=4), make_hand("left", 0.7, (-0.1, 0.03, 0.8), shape="left")]
    hands[1] = replace(hands[1], scale_source="remembered")
    message = received(hands, header(), CAMERA, HandArray.SCALE_USER, "handos_small 3")
    assert message.header == header()
    assert (message.intrinsics_source, message.scale_source) == (HandArray.INTRINSICS_CAMERA_INFO, HandArray.SCALE_USER)
    assert (message.width, message.height, message.model) == (640, 480, "handos_small 3")
    assert [h.scale_source for h in message.hands] == [HandMessage.SCALE_PRIOR, HandMessage.SCALE_REMEMBERED]
    assert (message.fx, message.fy, message.cx, message.cy) == (600, 590, 322, 241)
    assert [(h.id, h.side) for h in message.hands] == [(4, HandMessage.RIGHT), (-1, HandMessage.LEFT)]
    for said, hand in zip(message.hands, hands, strict=True):
        assert (said.score, said.side_confidence) == pytest.approx((hand.score, hand.side_confidence))
        np.testing.assert_array_equal(said.box, hand.box)
        np.testing.assert_array_equal(said.joint_confidence, hand.joint_confidence)
        np.testing.assert_array_equal([[p.x, p.y] for p in said.joints_2d], hand.joints_2d)
        np.testing.assert_array_equal(xyz(said.joints_3d), hand.joints_3d)
        np.testing.assert_array_equal(np.reshape(said.vertices, (778, 3)), hand.vertices)
        np.testing.assert_array_equal(xyz([said.translation])[0], hand.translation)
        np.testing.assert_array_equal(xyz([said.wrist.pose.position])[0], hand.translation)


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_wrists_frame_in_message_and_tf(side):
    hand = make_hand(side, shape=side)
    message = received([hand], header(), CAMERA, HandArray.SCALE_PRIOR)
    assert message.hands[0].wrist_valid
    frame = turned(message.hands[0].wrist.pose.orientation)
    to_middle = hand.joints_3d[9] - hand.joints_3d[0]
    np.testing.assert_allclose(frame[:, 0], to_middle / np.linalg.norm(to_middle), atol=1e-6)
    fingertips = hand.joints_3d[[8, 12, 16, 20]].mean(axis=0)  # a curled hand's fingers lie on the palm's side
    assert (fingertips - hand.joints_3d[0]) @ frame[:, 2] < -0.01
    (transform,) = hand_transforms([hand], header(), "side", prefix="rig/")
    assert (transform.header, transform.child_frame_id) == (header(), f"rig/{side}_hand")
    assert transform.transform.rotation == message.hands[0].wrist.pose.orientation
    np.testing.assert_array_equal(xyz([transform.transform.translation])[0], hand.translation)


def test_no_hands():
    message = received([], header(), Camera.from_fov(640, 480), HandArray.SCALE_PRIOR)
    assert (list(message.hands), message.intrinsics_source) == ([], HandArray.INTRINSICS_ASSUMED)
    assert hand_transforms([], header(), "side", True) == []


def test_meshes_can_be_left_out():
    message = received([make_hand()], header(), CAMERA, HandArray.SCALE_PRIOR, vertices=False)
    assert len(message.hands[0].vertices) == 0


def test_the_best_hand_of_each_side_has_the_frame():
    near, far = make_hand(score=0.5), make_hand(score=0.8, place=(0, 0, 1.2))
    left, unknown = make_hand("left", 0.6, shape="left"), make_hand("unknown", 0.99)
    transforms = hand_transforms([near, unknown, far, left], header(), "side")
    assert [t.child_frame_id for t in transforms] == ["right_hand", "left_hand"]
    assert transforms[0].transform.translation.z == pytest.approx(1.2)


def test_frames_by_id():
    hands = [make_hand(number=7), make_hand(number=3), make_hand(number=-1), make_hand("unknown", number=5)]
    assert [t.child_frame_id for t in hand_transforms(hands, header(), "id")] == ["hand_7", "hand_3"]
    with pytest.raises(ValueError, match="'colour', must be side or id"):
        hand_transforms(hands, header(), "colour")


def test_finger_frames_lie_at_the_joints():
    hand = make_hand()
    wrist, *fingers = hand_transforms([hand], header(), "side", fingers=True)
    assert [t.child_frame_id for t in fingers] == [f"right_hand_{name}" for name in JOINT_NAMES[1:]]
    assert {t.header.frame_id for t in fingers} == {"right_hand"}
    frame, place = turned(wrist.transform.rotation), xyz([wrist.transform.translation])
    positions = xyz(t.transform.translation for t in fingers) @ frame.T + place
    np.testing.assert_allclose(positions, hand.joints_3d[1:], atol=1e-6)
    along = frame @ turned(fingers[4].transform.rotation)[:, 0]  # index MCP, towards its PIP
    bone = hand.joints_3d[6] - hand.joints_3d[5]
    np.testing.assert_allclose(along, bone / np.linalg.norm(bone), atol=1e-6)


def test_a_hand_without_a_palm_has_no_frame_and_no_certain_orientation():
    flat = make_hand()
    flat.joints_3d[:] = flat.joints_3d[0]
    for hand in (flat, make_hand("unknown")):
        assert hand_transforms([hand], header(), "side", True) == []
        message = received([hand], header(), CAMERA, HandArray.SCALE_PRIOR).hands[0]
        wrist = message.wrist
        assert not message.wrist_valid and wrist.pose.orientation.w == 1
        np.testing.assert_allclose(np.diag(wrist.covariance.reshape(6, 6))[3:], np.pi**2)


def deviations(hand: Hand, camera: Camera, source: str = "prior") -> tuple[float, float, float]:
    """Standard deviations along and across the wrist's ray, m, and of the rotation, rad."""
    hand = replace(hand, scale_source=source)
    covariance = received([hand], header(), camera, HandArray.SCALE_PRIOR).hands[0].wrist.covariance.reshape(6, 6)
    np.testing.assert_array_equal(covariance, covariance.T)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    assert not covariance[:3, 3:].any()
    ray = hand.translation / np.linalg.norm(hand.translation)
    across = np.cross(ray, [0, 1, 0]) / np.linalg.norm(np.cross(ray, [0, 1, 0]))
    return *(float(np.sqrt(v @ covariance[:3, :3] @ v)) for v in (ray, across)), float(np.sqrt(covariance[3, 3]))


def test_covariance_follows_what_is_known():
    hand = make_hand()
    distance = float(np.linalg.norm(hand.translation))
    along, across, turn = deviations(hand, CAMERA)
    assert 0.12 * distance < along < 0.15 * distance  # 7 % by size, 11 % by shape, 5 % by noise
    size = float(max(hand.box[2:] - hand.box[:2]))
    assert across == pytest.approx(0.05 * size / float(hand.joint_confidence[0]) / CAMERA.focal * distance, rel=1e-5)
    of_pose, of_side = 0.17 / float(hand.joint_confidence.mean()), 0.1 * 0.9**2
    assert turn == pytest.approx(np.sqrt(of_pose**2 + of_side), rel=1e-5)
    sure = deviations(replace(hand, side_confidence=1.0), CAMERA)
    assert sure == pytest.approx((along, across, of_pose), rel=1e-5)
    user, depth = (deviations(hand, CAMERA, s)[0] for s in ("user", "depth"))
    assert depth < user < along
    guess = Camera(CAMERA.K, 640, 480, assumed=True)
    assert deviations(hand, guess)[0] > 0.2 * distance
    assert deviations(hand, guess, "depth")[0] == pytest.approx(depth)
