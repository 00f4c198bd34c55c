"""Hands cut out of one photo and put before another."""

from dataclasses import replace

import numpy as np
from posed_hand import posed_hand

from handos_model.data.sample import RIGHT, Sample, assumed_intrinsics, without_hands
from handos_model.data.transplant import hand_mask, transplant

HEIGHT, WIDTH = 120, 160


def photo(ignore: bool = False) -> Sample:
    """A grey photo of an open hand 60 px high."""
    vertices, joints = posed_hand(0.1, "right", np.eye(3))
    joints = (joints - joints.mean(0) + [0, 0, 0.5]).astype(np.float32)
    K = assumed_intrinsics(WIDTH, HEIGHT)
    xy = joints @ K.T
    xy = (xy[:, :2] / xy[:, 2:] - [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]) * 1.5 + [WIDTH / 2, HEIGHT / 2]
    joints_2d = np.concatenate([xy, np.full((21, 1), 2)], -1).astype(np.float32)[None]
    yes, no = np.ones(1, bool), np.zeros(1, bool)
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    side, ignored = np.array([RIGHT], np.int8), np.array([ignore])
    vertices = vertices.astype(np.float32)[None]
    return Sample(image, K, joints_2d, joints[None], vertices, side, yes, no, ignored, False).check()


def test_the_mask_covers_joints_and_bones_and_little_else():
    joints = photo().joints_2d[0, :, :2]
    mask = hand_mask(joints, HEIGHT, WIDTH)
    x, y = np.round(joints).astype(int).T
    assert (mask[y, x] > 0.7).all()
    between = np.round((joints[5:8] + joints[6:9]) / 2).astype(int)
    assert (mask[between[:, 1], between[:, 0]] > 0.9).all()
    assert mask.min() >= 0 and mask.max() <= 1
    box = np.ptp(joints, axis=0).prod()
    assert 0.4 * box < mask.sum() < 1.6 * box
    assert mask[0].max() == mask[:, 0].max() == mask[:, -1].max() == 0


def test_a_transplanted_hand_keeps_its_labels_and_loses_its_background():
    sample, background = photo(), np.full((50, 90, 3), 7, np.uint8)
    moved = transplant(sample, background, np.random.default_rng(0)).check()
    x, y = np.round(sample.joints_2d[0, :, :2]).astype(int).T
    assert moved.image.shape == sample.image.shape
    assert (moved.image[y[:9], x[:9]] > 90).all() and (moved.image[0] == 7).all()
    assert np.array_equal(moved.joints_2d, sample.joints_2d) and moved.side.tolist() == [RIGHT]
    assert moved.complete and not sample.complete  # nothing else is in the picture now


def test_hands_to_be_ignored_are_not_transplanted():
    sample = photo(ignore=True)
    assert transplant(sample, np.zeros((50, 90, 3), np.uint8), np.random.default_rng(0)) is sample
    empty = without_hands(np.zeros((20, 30, 3), np.uint8))
    assert transplant(empty, np.zeros((50, 90, 3), np.uint8), np.random.default_rng(0)) is empty
    both = replace(
        sample,
        **{
            name: np.concatenate([getattr(photo(), name), getattr(sample, name)])
            for name in ("joints_2d", "joints_3d", "vertices", "side", "has_3d", "has_vertices", "ignore")
        },
    )
    assert len(transplant(both, np.zeros((50, 90, 3), np.uint8), np.random.default_rng(0)).joints_2d) == 1


def test_a_hand_out_of_the_picture_has_an_empty_mask():
    joints = photo().joints_2d[0, :, :2] + 1000
    assert hand_mask(joints, HEIGHT, WIDTH).max() == 0
    assert hand_mask(np.full((21, 2), 40.0), HEIGHT, WIDTH)[40, 40] > 0  # all joints in one place
