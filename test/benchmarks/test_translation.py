from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import translation
from posed_hand import posed_hand

from handos_model.camera import Camera


@pytest.fixture(scope="module")
def scenes():
    return translation.random_scenes(np.random.default_rng(0))


def test_the_cameras_are_as_random_as_they_claim(scenes):
    assert Counter(scene.kind for scene in scenes) == {kind: 40 for kind in translation.KINDS}
    focals = np.array([scene.camera.K[[0, 1], [0, 1]] for scene in scenes])
    assert (np.abs(focals[:, 0] / focals[:, 1] - 1) > 0.01).mean() > 0.9
    centres = np.array([s.camera.K[:2, 2] / [s.camera.width, s.camera.height] for s in scenes])
    assert (np.abs(centres - 0.5).max(axis=1) > 0.02).mean() > 0.9
    assert {scene.camera.distortion_model for scene in scenes} == {"none", "plumb_bob", "equidistant"}
    depth = np.array([scene.translation[2] for scene in scenes])
    assert ((depth >= 0.3) & (depth <= 1.5)).all()
    assert np.ptp(depth) > 1
    for scene in scenes:
        np.testing.assert_allclose(scene.camera.project(scene.joints + scene.translation), scene.pixels)


def test_exact_joints_give_the_exact_place_with_every_camera(scenes):
    for scene in scenes:
        np.testing.assert_allclose(translation.ours(scene, scene.pixels), scene.translation, atol=1e-4)


def test_a_pixel_of_noise_costs_less_than_two_per_cent_of_depth(scenes):
    errors = translation.errors(scenes, 1.0, np.random.default_rng(1))["ours"]
    assert np.median(errors / [scene.translation[2] for scene in scenes]) < 0.02


def plain_scene() -> translation.Scene:
    """The case of HaMeR's formula: square pixels, a centred lens without distortion, a hand in the middle."""
    camera = Camera.from_intrinsics(1500, 1500, 640, 360, 1280, 720)
    joints, place = posed_hand(0.3)[1], np.array([0.02, 0.05, 1.2])
    return translation.Scene("pinhole", camera, joints, place, camera.project(joints + place))


def test_the_formula_of_hamer_is_right_where_its_assumptions_hold():
    scene = plain_scene()
    np.testing.assert_allclose(translation.hamer_real_focal(scene, scene.pixels), scene.translation, atol=0.05)
    virtual = translation.hamer_demo(scene, scene.pixels)
    focal = 5000 / 256 * 1280
    assert virtual[2] / scene.translation[2] == pytest.approx(focal / 1500, rel=0.03)
    moved = Camera.from_intrinsics(1500, 1500, 740, 360, 1280, 720)
    moved = replace(scene, camera=moved, pixels=scene.pixels + [100, 0])
    assert np.linalg.norm(translation.hamer_real_focal(moved, moved.pixels) - scene.translation) > 0.05
    np.testing.assert_allclose(translation.ours(moved, moved.pixels), scene.translation, atol=1e-9)


def test_the_table_has_a_row_for_every_kind(scenes):
    lines = translation.table(scenes[:10], 0.0, np.random.default_rng(0)).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [*translation.KINDS, "all"]
    assert [line.split("|")[2].strip() for line in lines[2:]] == ["2"] * 5 + ["10"]


def test_no_cameras():
    assert translation.random_scenes(np.random.default_rng(0), 0) == []
    assert translation.errors([], 1.0, np.random.default_rng(0))["ours"].shape == (0,)
