"""The parts of the renderer: poses, skinning, meshes and light."""

from dataclasses import replace

import numpy as np
import pytest
from posed_hand import palm_in_one_bone

from handos_model.synthetic.body.figure import make_figure
from handos_model.synthetic.body.pose import sample_orientation, sample_pose
from handos_model.synthetic.body.rig import make_rig, posed, rotations, sample_free_pose, worst_collision
from handos_model.synthetic.body.shape import sample_shape
from handos_model.synthetic.rendering.photograph import motion_kernel, photograph
from handos_model.synthetic.rendering.raster import depth_map, rasterise, vertex_normals
from handos_model.synthetic.rendering.refine import make_refinement, split_edges
from handos_model.template.anatomy import HIGHEST, LOWEST
from handos_model.template.hand_template import signed_volume, skin
from handos_model.template.load import load_template


@pytest.fixture(scope="module")
def rig():
    return make_rig(load_template())


def test_poses_stay_within_limits_and_fingers_apart(rig):
    rng = np.random.default_rng(0)
    overlaps = []
    for _ in range(100):
        assert (sample_pose(rng) >= LOWEST).all() and (sample_pose(rng) <= HIGHEST).all()
        lengths, thickness = sample_shape(rng, rig)
        pose = sample_free_pose(rng, rig, lengths, thickness)
        assert (pose >= LOWEST).all() and (pose <= HIGHEST).all()
        frames_of_bones = posed(rig, pose, lengths, thickness)[1]
        overlaps.append(worst_collision(frames_of_bones, rig.tips, rig.bones, thickness.mean())[0])
    assert np.mean(np.array(overlaps) < 0.0045) > 0.9 and max(overlaps) < 0.012


def test_posed_equals_the_templates_own_skinning(rig):
    rng = np.random.default_rng(1)
    lengths, thickness = sample_shape(rng, rig)
    pose = sample_free_pose(rng, rig, lengths, thickness)
    ours = posed(rig, pose, lengths, thickness)[0]
    assert np.abs(ours - skin(rig.template, rotations(rig, pose), lengths, thickness)).max() < 1e-5


def test_flexion_curls_towards_the_palm_and_back_faces_the_camera_when_upright(rig):
    pose = np.zeros((5, 5))
    pose[2, 2] = 90
    flat = rig.template.joint_regressor @ posed(rig, pose * 0, np.ones(20), np.ones(20))[0]
    bent = rig.template.joint_regressor @ posed(rig, pose, np.ones(20), np.ones(20))[0]
    assert bent[12, 1] < flat[12, 1] - 0.02  # +y is the back of the hand
    turns = np.array([sample_orientation(np.random.default_rng(i)) for i in range(50)])
    assert np.allclose(np.linalg.det(turns), 1) and np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3))


def test_template_without_fingers_is_refused():
    with pytest.raises(ValueError, match="has no bones"):
        make_rig(replace(load_template(), bone_names=tuple(f"bone{i}" for i in range(20))))
    with pytest.raises(ValueError, match="lacks metacarpals"):
        make_rig(palm_in_one_bone())


def test_figure_brings_its_materials():
    materials = [np.zeros(8)]
    meshes = make_figure(np.random.default_rng(0), np.array([0.8, 0.6, 0.5]), materials)
    assert len(materials) == 4 and {int(m.material[0]) for m in meshes} == {1, 2, 3}
    assert all(m.owner == -1 and signed_volume(m.vertices, m.faces) > 0 for m in meshes)


def test_refinement_halves_edges_and_rounds_outwards():
    corners = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1.0]], np.float32)
    faces = [[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]]
    octahedron = np.array(faces, np.int32)
    fine = make_refinement(octahedron, 6)
    assert fine.edges.shape == (12, 2) and fine.faces.shape == (32, 3) and fine.faces.max() == 17
    middle, normals = split_edges(corners, corners, fine.edges)
    radius = np.linalg.norm(middle, axis=1)
    assert np.all(radius > np.sqrt(0.5) + 0.1) and np.all(radius <= 1.001)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert signed_volume(np.concatenate([corners, middle]), fine.faces) > signed_volume(corners, octahedron) > 0


def test_rasteriser_against_a_triangle_by_hand():
    points = np.array([[1, 1, 2.0], [1, 5, 2], [5, 1, 2], [0, 0, 1], [0, 8, 1], [8, 0, 1]], np.float32)
    inverse_depth, owner = rasterise(points, np.array([[0, 1, 2]], np.int32), 8, 8)
    expected = np.array([[x >= 1 and y >= 1 and x + y <= 6 for x in range(8)] for y in range(8)])
    assert np.array_equal(owner == 0, expected) and np.allclose(inverse_depth[expected], 0.5)
    _, nearer = rasterise(points, np.array([[0, 1, 2], [3, 4, 5]], np.int32), 8, 8)
    assert nearer[2, 2] == 1
    _, turned = rasterise(points, np.array([[0, 2, 1]], np.int32), 8, 8)
    assert (turned == -1).all()
    empty, none = rasterise(points, np.zeros((0, 3), np.int32), 4, 4)
    assert (empty == 0).all() and (none == -1).all()
    shadow = depth_map(points, np.array([[0, 2, 1]], np.int32), 8)
    assert np.array_equal(np.isfinite(shadow), expected)


def test_vertex_normals_of_a_tetrahedron():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    normals = vertex_normals(vertices, faces)
    assert np.allclose(normals[0], -np.ones(3) / np.sqrt(3), atol=1e-6)


def test_camera_keeps_shape_and_kernels_sum_to_one():
    image = np.full((40, 60, 3), 0.5, np.float32)
    results = [photograph(np.random.default_rng(i), image) for i in range(12)]
    assert all(r.shape == (40, 60, 3) and r.dtype == np.uint8 for r in results)
    assert 60 < np.mean([r.mean() for r in results]) < 190
    for angle in (0.0, 0.7, 1.5):
        assert abs(motion_kernel(7.0, angle).sum() - 1) < 1e-5
