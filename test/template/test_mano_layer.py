"""The MANO layer on a made file: identities, a reference written vertex by vertex, and both sides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_mano import FLIP, full_fields, made_layer, write_mano
from scipy.spatial.transform import Rotation

from handos_model.hand import BONES
from handos_model.template.hand_template import signed_volume
from handos_model.template.mano import JOINT_ORDER, TIP_VERTICES
from handos_model.template.mano_layer import ManoLayer, rotations

RNG = np.random.default_rng(5)
POSE, SHAPE, MOVE = RNG.normal(0, 0.4, 48), RNG.normal(0, 1, 10), np.array([0.1, -0.05, 0.7])


def reference(layer: ManoLayer, pose: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Vertices by homogeneous matrices, one vertex after the other."""
    turns = Rotation.from_rotvec(pose.reshape(16, 3)).as_matrix()
    rest = layer.template + layer.shape_basis @ shape
    joints = layer.regressor @ rest
    rest = rest + layer.pose_basis @ (turns[1:] - np.eye(3)).ravel()
    frames = []
    for joint in range(16):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = joints[joint] if joint == 0 else joints[joint] - joints[layer.parents[joint - 1]]
        frames.append(local if joint == 0 else frames[layer.parents[joint - 1]] @ local)
    from_rest = []
    for frame, joint in zip(frames, joints, strict=True):
        back = np.eye(4)
        back[:3, 3] = -joint
        from_rest.append(frame @ back)
    blended = np.einsum("vj,jab->vab", layer.weights, np.array(from_rest))
    return np.array([matrix[:3] @ np.append(vertex, 1) for matrix, vertex in zip(blended, rest, strict=True)])


def test_nothing_gives_the_template():
    layer = made_layer("right")
    vertices, joints = layer(np.zeros(48), np.zeros(10))
    np.testing.assert_allclose(vertices, full_fields()["v_template"], atol=1e-12)
    np.testing.assert_allclose(joints, layer.joints_of(vertices), atol=1e-12)
    lengths = [np.linalg.norm(joints[a] - joints[b]) for a, b in BONES]
    assert min(lengths) > 0.01 and max(lengths) < 0.12  # a bone between joints of different fingers would be longer


def test_translation_moves_everything_and_shape_adds_up():
    layer = made_layer("right")
    vertices, joints = layer(POSE, SHAPE)
    moved, moved_joints = layer(POSE, SHAPE, MOVE)
    np.testing.assert_allclose(moved, vertices + MOVE, atol=1e-12)
    np.testing.assert_allclose(moved_joints, joints + MOVE, atol=1e-12)
    shaped, _ = layer(np.zeros(48), SHAPE)
    np.testing.assert_allclose(shaped, layer.template + layer.shape_basis @ SHAPE, atol=1e-12)


def test_vertices_equal_the_reference():
    for side in ("right", "left"):
        vertices, joints = made_layer(side)(POSE, SHAPE)
        np.testing.assert_allclose(vertices, reference(made_layer(side), POSE, SHAPE), atol=1e-12)
        np.testing.assert_array_equal(joints[[4, 8, 12, 16, 20]], vertices[list(TIP_VERTICES)])


def test_one_joint_turns_only_what_hangs_on_it():
    layer = replace(made_layer("right"), pose_basis=np.zeros((778, 3, 135)))
    pose = np.zeros(48)
    pose[6:9] = angle = np.array([0.0, 0.9, 0.0])  # MANO's joint 2: the index finger's PIP, our joint 6
    vertices, joints = layer(pose, np.zeros(10))
    rest, rest_joints = layer(np.zeros(48), np.zeros(10))
    moves = np.linalg.norm(joints - rest_joints, axis=-1)
    assert np.flatnonzero(moves > 1e-9).tolist() == [7, 8]
    turn = Rotation.from_rotvec(angle)
    np.testing.assert_allclose(joints[7] - joints[6], turn.apply(rest_joints[7] - rest_joints[6]), atol=1e-12)
    held = layer.weights[:, [2, 3]].sum(1) == 0
    np.testing.assert_allclose(vertices[held], rest[held], atol=1e-12)
    free = layer.weights[:, [2, 3]].sum(1) > 0.999
    assert free.sum() > 5
    np.testing.assert_allclose(vertices[free] - joints[6], turn.apply(rest[free] - joints[6]), atol=2e-4)


def test_first_three_numbers_turn_the_hand_about_its_wrist():
    layer, turned = made_layer("right"), POSE.copy()
    turned[:3], still = [0.3, -1.2, 0.5], np.where(np.arange(48) < 3, 0, POSE)
    vertices, joints = layer(turned, SHAPE)
    rest, rest_joints = layer(still, SHAPE)
    np.testing.assert_allclose(joints[0], rest_joints[0], atol=1e-12)
    turn = Rotation.from_rotvec(turned[:3])
    np.testing.assert_allclose(vertices - joints[0], turn.apply(rest - rest_joints[0]), atol=1e-12)


def test_left_is_the_mirror_of_right():
    mirrored = (POSE.reshape(16, 3) * [1, -1, -1]).ravel()
    right, right_joints = made_layer("right")(POSE, SHAPE, MOVE)
    left, left_joints = made_layer("left")(mirrored, SHAPE, MOVE * FLIP)
    np.testing.assert_allclose(left, right * FLIP, atol=1e-12)
    np.testing.assert_allclose(left_joints, right_joints * FLIP, atol=1e-12)
    assert signed_volume(right, made_layer("right").faces) > 1e-5
    assert signed_volume(left, made_layer("left").faces) < -1e-5


def test_left_shape_space_is_taken_as_the_file_has_it(tmp_path):
    """The published left file has the right hand's shape space; data sets were annotated with it as it is."""
    basis = full_fields()["shapedirs"]
    layer = ManoLayer.load(write_mano(tmp_path, shapedirs=basis), "left")
    np.testing.assert_allclose(layer(np.zeros(48), SHAPE)[0], layer.template + basis @ SHAPE, atol=1e-12)


def test_pose_conventions():
    layer = made_layer("right")
    from_mean = layer.from_mean(POSE)
    np.testing.assert_allclose(from_mean, np.append(POSE[:3], POSE[3:] + full_fields()["hands_mean"]))
    unit = np.zeros(48)
    unit[3 + 7] = 2.0  # the eighth component, twice
    expected = full_fields()["hands_mean"] + 2 * full_fields()["hands_components"][7]
    np.testing.assert_allclose(layer.from_components(unit), np.append(np.zeros(3), expected))


def test_batches_equal_single_hands():
    layer = made_layer("left")
    poses, shapes, moves = (RNG.normal(0, 0.3, (3, n)) for n in (48, 10, 3))
    vertices, joints = layer(poses, shapes, moves)
    assert vertices.shape == (3, 778, 3) and joints.shape == (3, 21, 3)
    for i in range(3):
        single, single_joints = layer(poses[i], shapes[i], moves[i])
        np.testing.assert_allclose(vertices[i], single, atol=1e-12)
        np.testing.assert_allclose(joints[i], single_joints, atol=1e-12)
    shared, _ = layer(poses, shapes[0])
    np.testing.assert_allclose(shared[2], layer(poses[2], shapes[0])[0], atol=1e-12)
    assert layer(np.zeros((0, 48)), np.zeros(10))[0].shape == (0, 778, 3)


def test_rotations_equal_scipy():
    vectors = np.vstack([RNG.normal(size=(20, 3)), np.zeros((1, 3)), [[np.pi, 0, 0]], [[1e-9, 0, 0]]])
    np.testing.assert_allclose(rotations(vectors), Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)


def test_joint_order_is_ours():
    """MANO's fingers run index, middle, little, ring, thumb; ours thumb to little."""
    joints = made_layer("right").regressor @ made_layer("right").template
    np.testing.assert_allclose(
        made_layer("right").joints_of(made_layer("right").template)[[1, 5, 9, 13, 17]], joints[[13, 1, 4, 10, 7]]
    )
    assert sorted(JOINT_ORDER) == list(range(21))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shapedirs": np.zeros((778, 3, 5))}, r"shapedirs has the shape \(778, 3, 5\), expected \(778, 3, 10\)"),
        ({"posedirs": np.full((778, 3, 135), np.inf)}, "not finite"),
        ({"hands_components": None}, "cannot be read as a MANO model: an array of numbers was expected"),
    ],
)
def test_files_that_are_not_mano(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        ManoLayer.load(write_mano(tmp_path, **change), "right")


def test_wrong_input():
    with pytest.raises(FileNotFoundError, match="no .*MANO_LEFT.pkl: give the folder"):
        ManoLayer.load(Path("/nowhere"), "left")
    with pytest.raises(ValueError, match=r"pose is \(45,\) and shape \(10,\), expected"):
        made_layer("right")(np.zeros(45), np.zeros(10))
