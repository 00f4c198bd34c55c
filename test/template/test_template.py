"""The embedded hand template and its posing."""

import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from handos_model.template import embedded as template_module
from handos_model.template.coarse import coarse_subset, random_hands
from handos_model.template.embedded import save_template
from handos_model.template.hand_template import pose_bones, signed_volume, skin
from handos_model.template.load import load_template

HAND = load_template()
TIPS = [4, 8, 12, 16, 20]


def rest_rotations() -> np.ndarray:
    return np.broadcast_to(np.eye(3), (len(HAND.bone_names), 3, 3)).copy()


def flexion(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(-degrees)), np.sin(np.radians(-degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def directed_edges(faces: np.ndarray) -> Counter:
    return Counter((int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True))


def test_surface_is_closed_and_of_genus_0():
    edges = directed_edges(HAND.faces)
    assert HAND.vertices.shape == (778, 3) and HAND.faces.shape == (1552, 3)
    assert set(edges.values()) == {1} and all((b, a) in edges for a, b in edges)
    assert len(HAND.vertices) - len(edges) // 2 + len(HAND.faces) == 2
    assert set(HAND.faces.ravel()) == set(range(778))


def test_no_face_or_edge_is_degenerate():
    corners = HAND.vertices[HAND.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    assert area.min() > 1e-7  # 0.1 mm^2
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).min() > 0.0005


def test_volume_sign_tells_right_from_left():
    left = HAND.mirrored()
    volume = signed_volume(HAND.vertices, HAND.faces)
    assert 2.5e-4 < volume < 4.5e-4  # a hand with 2 cm of forearm, m^3
    np.testing.assert_array_equal(left.faces, HAND.faces)
    assert signed_volume(left.vertices, left.faces) == pytest.approx(-volume, rel=1e-5)
    np.testing.assert_allclose(left.joints, HAND.joints * [-1, 1, 1], atol=1e-7)


def test_mirrored_hand_poses_like_the_mirror_image():
    rotations, lengths, thickness = random_hands(HAND, 1, np.random.default_rng(4))
    flip = np.diag([-1.0, 1, 1])
    left = skin(HAND.mirrored(), flip @ rotations @ flip, lengths, thickness)
    np.testing.assert_allclose(left, skin(HAND, rotations, lengths, thickness) * [-1, 1, 1], atol=1e-6)


def test_weights_are_partitions_of_unity():
    for weights in (HAND.joint_regressor, HAND.skinning_weights, HAND.upsample):
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert HAND.joint_regressor.min() >= 0 and HAND.skinning_weights.min() >= 0
    assert (HAND.skinning_weights > 0).sum(axis=1).max() <= 4


def test_joints_sit_where_the_anatomy_has_them():
    joints = HAND.joints
    np.testing.assert_allclose(joints[0], 0, atol=1e-4)
    assert 0.18 < np.linalg.norm(joints[12]) < 0.19
    for finger in range(5):  # each joint lies farther from the wrist than the one before
        distance = np.linalg.norm(joints[1 + 4 * finger : 5 + 4 * finger], axis=1)
        assert (np.diff(distance) > 0.008).all()
    bones = {5: "index-finger-phalanx-proximal", 10: "middle-finger-phalanx-intermediate", 3: "thumb-phalanx-distal"}
    for joint, bone in bones.items():
        np.testing.assert_allclose(joints[joint], HAND.bone_frames[HAND.bone_names.index(bone), :3, 3], atol=1e-4)


def test_it_is_a_right_hand_in_the_documented_frame():
    joints = HAND.joints
    assert joints[9, 2] < -0.08 and abs(joints[9, 0]) < 0.005  # fingers to -z
    np.testing.assert_array_equal(np.argsort(joints[[2, 5, 9, 13, 17], 0]), range(5))  # from the thumb at -x
    curled = rest_rotations()
    curled[[i for i, name in enumerate(HAND.bone_names) if "phalanx" in name]] = flexion(40)
    moved = HAND.joint_regressor @ skin(HAND, curled) - joints
    assert (moved[TIPS[1:], 1] < -0.02).all()  # flexion goes to the palm, which is at -y


def test_joints_are_inside_and_tips_on_the_surface():
    nearest = np.linalg.norm(HAND.vertices[:, None] - HAND.joints, axis=2).min(axis=0)
    inner = [i for i in range(21) if i not in TIPS]
    assert nearest[inner].min() > 0.003 and nearest[inner].max() < 0.03
    corners = HAND.vertices[HAND.faces] - HAND.joints[inner][:, None, None]  # (J, F, 3, 3)
    a, b, c = (corners[:, :, i].astype(np.float64) for i in range(3))
    na, nb, nc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    solid = 2 * np.arctan2(
        (a * np.cross(b, c)).sum(-1), na * nb * nc + (a * b).sum(-1) * nc + (b * c).sum(-1) * na + (c * a).sum(-1) * nb
    )
    np.testing.assert_allclose(solid.sum(axis=1), 4 * np.pi, rtol=1e-4)  # winding number 1: inside
    for tip in TIPS:
        on = np.flatnonzero(HAND.joint_regressor[tip])
        assert len(on) <= 3 and any(set(on) <= set(face) for face in HAND.faces.tolist())


def test_regressor_follows_the_bones_of_posed_hands():
    pose = random_hands(HAND, 100, np.random.default_rng(8))
    joints = HAND.joint_regressor @ skin(HAND, *pose)
    origins = pose_bones(HAND, *pose)[..., :3, 3]
    for joint, bone in ((0, "wrist"), (6, "index-finger-phalanx-intermediate"), (17, "pinky-finger-phalanx-proximal")):
        error = np.linalg.norm(joints[:, joint] - origins[:, HAND.bone_names.index(bone)], axis=1)
        assert error.mean() < 0.0015


def test_identity_is_the_rest_pose():
    np.testing.assert_allclose(skin(HAND, rest_rotations()), HAND.vertices, atol=1e-6)
    np.testing.assert_allclose(pose_bones(HAND, rest_rotations()), HAND.bone_frames, atol=1e-6)


def test_a_bent_bone_moves_only_what_hangs_on_it():
    bone = HAND.bone_names.index("index-finger-phalanx-intermediate")
    rotations = rest_rotations()
    rotations[bone] = flexion(90)
    moved = np.linalg.norm(skin(HAND, rotations) - HAND.vertices, axis=1)
    carried = HAND.skinning_weights[:, bone : bone + 2].sum(axis=1)  # itself and the distal phalanx
    assert moved[carried == 0].max() < 1e-6
    before, after = pose_bones(HAND, np.stack([rest_rotations(), rotations]))
    tip_before, tip_after = (-frames[bone, :3, 2] for frames in (before, after))
    assert tip_before @ tip_after == pytest.approx(0, abs=1e-6)  # turned by a right angle
    np.testing.assert_allclose(after[bone, :3, 3], before[bone, :3, 3], atol=1e-7)
    chord = np.linalg.norm(after[bone + 1, :3, 3] - before[bone + 1, :3, 3])
    length = np.linalg.norm(before[bone + 1, :3, 3] - before[bone, :3, 3])
    assert chord == pytest.approx(length * np.sqrt(2), rel=1e-3)


def test_lengths_and_thickness_scale_along_and_across():
    bone = HAND.bone_names.index("middle-finger-phalanx-proximal")
    lengths = np.ones(20)
    lengths[bone] = 1.5
    rest, longer = pose_bones(HAND, rest_rotations()), pose_bones(HAND, rest_rotations(), lengths)
    step = longer[bone + 1, :3, 3] - rest[bone + 1, :3, 3]
    along = -rest[bone, :3, 2]
    old = rest[bone + 1, :3, 3] - rest[bone, :3, 3]
    np.testing.assert_allclose(step, 0.5 * (old @ along) * along, atol=1e-6)
    doubled = skin(HAND, rest_rotations(), np.full(20, 2.0), 2.0)
    np.testing.assert_allclose(doubled, 2 * HAND.vertices, atol=1e-5)


def test_batched_posing_equals_single():
    rotations, lengths, thickness = random_hands(HAND, 3, np.random.default_rng(2))
    batch = skin(HAND, rotations, lengths, thickness)
    for i in range(3):
        np.testing.assert_allclose(batch[i], skin(HAND, rotations[i], lengths[i], thickness[i]), atol=1e-6)
    assert skin(HAND, np.zeros((0, 20, 3, 3))).shape == (0, 778, 3)


@pytest.mark.parametrize("shape", [(20, 3), (19, 3, 3), (16, 3, 3)])
def test_wrong_rotations_are_refused(shape):
    with pytest.raises(ValueError, match=r"rotations has the shape .* expected \(\.\.\., 20, 3, 3\)"):
        skin(HAND, np.zeros(shape))


def test_wrong_lengths_are_refused():
    with pytest.raises(ValueError, match="one factor per bone"):
        skin(HAND, rest_rotations(), np.ones(16))


def test_upsample_brings_back_posed_hands():
    posed = skin(HAND, *random_hands(HAND, 200, np.random.default_rng(123)))
    error = np.linalg.norm(HAND.upsample @ posed[:, HAND.coarse] - posed, axis=2)
    assert error.mean() < 0.0005 and np.percentile(error, 99) < 0.0015
    np.testing.assert_array_equal(HAND.upsample[HAND.coarse], np.eye(len(HAND.coarse)))
    strongest = HAND.skinning_weights[HAND.coarse].argmax(axis=1)
    assert min(Counter(strongest.tolist()).values()) >= 4 and len(set(strongest)) == 20


def test_coarse_subset_too_small_is_refused():
    with pytest.raises(ValueError, match="coarse subset of 79 vertices is too small"):
        coarse_subset(HAND, size=79)


def test_saved_template_loads_again(tmp_path):
    save_template(replace(HAND, name="mine"), tmp_path / "mine.npz")
    again = load_template(tmp_path / "mine.npz")
    assert again.name == "mine" and again.bone_names == HAND.bone_names
    np.testing.assert_array_equal(again.upsample, HAND.upsample)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no hand template .*nowhere\.npz"):
        load_template(tmp_path / "nowhere.npz")


def test_other_suffix_is_refused(tmp_path):
    (tmp_path / "hand.obj").write_text("v 0 0 0")
    with pytest.raises(ValueError, match=r"suffix '.obj': allowed are .npz and .pkl"):
        load_template(tmp_path / "hand.obj")


def test_damaged_embedded_template_is_refused(tmp_path, monkeypatch):
    copy = tmp_path / "template.npz"
    shutil.copy(template_module.EMBEDDED_TEMPLATE, copy)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    monkeypatch.setattr(template_module, "EMBEDDED_TEMPLATE", copy)
    with pytest.raises(ValueError, match="wrong checksum"):
        load_template()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_damaged_own_template_is_refused(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(ValueError, match="damaged or not an .npz"):
        load_template(tmp_path / "bad.npz")


def test_template_without_faces_or_of_other_shape_is_refused(tmp_path):
    np.savez(tmp_path / "part.npz", vertices=HAND.vertices)
    with pytest.raises(ValueError, match="damaged or not a template"):
        load_template(tmp_path / "part.npz")
    save_template(replace(HAND, upsample=HAND.upsample[:, :5]), tmp_path / "short.npz")
    with pytest.raises(ValueError, match=r"upsample is float32 \(778, 5\), expected f \(778, 96\)"):
        load_template(tmp_path / "short.npz")


def test_template_whose_numbers_lead_nowhere_is_refused(tmp_path):
    for name, place, value in [
        ("faces", (3, 1), 778),
        ("faces", (3, 1), -1),
        ("coarse", (0,), 5000),
        ("bone_parents", (1,), 4),
        ("vertices", (7, 0), np.nan),
        ("bone_frames", (2, slice(None), 0), 0),
    ]:
        values = np.array(getattr(HAND, name))
        values[place] = value
        save_template(replace(HAND, **{name: values}), tmp_path / "odd.npz")
        with pytest.raises(
            ValueError, match="odd.npz' is damaged: its numbers are not finite, or its indices are out of range"
        ):
            load_template(tmp_path / "odd.npz")


def test_a_template_that_unpacks_to_gigabytes_is_refused_unread(tmp_path):
    save_template(replace(HAND, upsample=np.zeros((778, 50_000), np.float32)), tmp_path / "bomb.npz")
    with pytest.raises(ValueError, match="it declares more than it can hold"):
        load_template(tmp_path / "bomb.npz")
