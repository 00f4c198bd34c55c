"""Augmentation moves image, joints, vertices and intrinsics together."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from handos_model.data.augment import Augmentation, augment, drop_unseen, fill_unlabelled, mirror
from handos_model.data.sample import LEFT, RIGHT, Sample, assumed_intrinsics, labelled_2d, without_hands
from handos_model.prediction.letterbox import letterbox
from handos_model.template.hand_template import signed_volume
from handos_model.template.load import load_template


def projected(points, K):
    image = points @ K.T
    return image[..., :2] / image[..., 2:]


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    K = assumed_intrinsics(200, 120)
    joints = (rng.normal(0, 0.03, (1, 21, 3)) + [0.02, -0.01, 0.5]).astype(np.float32)
    vertices = (rng.normal(0, 0.03, (1, 778, 3)) + [0.02, -0.01, 0.5]).astype(np.float32)
    joints_2d = np.concatenate([projected(joints, K), np.full((1, 21, 1), 2)], -1).astype(np.float32)
    image = np.zeros((120, 200, 3), np.uint8)
    x, y = np.round(joints_2d[0, 9, :2]).astype(int)
    image[y - 3 : y + 4, x - 3 : x + 4] = 255  # a mark on joint 9, rounded to whole pixels
    yes, no = np.ones(1, bool), np.zeros(1, bool)
    return Sample(image, K, joints_2d, joints, vertices, np.array([RIGHT], np.int8), yes, yes, no, True).check()


def test_hands_cut_through_are_ignored_and_hands_out_of_sight_dropped(sample):
    def moved(shift):
        return replace(sample, joints_2d=sample.joints_2d + np.float32([shift, 0, 0]))

    assert drop_unseen(moved(1 - sample.joints_2d[0, :, 0].max())).ignore.tolist() == [True]
    assert len(drop_unseen(moved(-500)).joints_2d) == 0


def test_mirror_twice_is_the_sample(sample):
    once, twice = mirror(sample), mirror(mirror(sample))
    assert once.side.tolist() == [LEFT]
    assert np.abs(projected(once.joints_3d, once.K) - once.joints_2d[..., :2]).max() < 1e-3
    assert np.array_equal(twice.image, sample.image) and np.allclose(twice.vertices, sample.vertices)


def test_augment_is_deterministic_and_passes_the_contract(sample):
    first, second = (augment(sample, np.random.default_rng(3), Augmentation()).check() for _ in range(2))
    assert np.array_equal(first.image, second.image) and np.array_equal(first.joints_2d, second.joints_2d)


def test_hand_free_image_stays_hand_free():
    image = np.full((90, 120, 3), 77, np.uint8)
    placed = augment(without_hands(image), np.random.default_rng(0), Augmentation()).check()
    assert placed.joints_2d.shape == (0, 21, 3) and placed.complete


def test_a_sample_with_wrong_numbers_is_refused(sample):
    sample.joints_3d[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="joints_3d must be finite"):
        sample.check()
    sample.joints_3d = np.zeros((2, 21, 3), np.float32)
    with pytest.raises(ValueError, match=r"joints_3d has shape \(2, 21, 3\)"):
        sample.check()


def test_whose_vertices_and_which_frame_survive(sample):
    sample = replace(sample, absolute=True, template="mano")
    for seed in range(5):
        done = augment(sample, np.random.default_rng(seed), Augmentation())
        assert (done.absolute, done.template) == (True, "mano")
        assert np.abs(projected(done.joints_3d, done.K) - done.joints_2d[..., :2]).max(initial=0) < 2e-2


def test_a_mirrored_mesh_is_one_of_the_other_side(sample):
    template = load_template()
    sample = replace(sample, vertices=template.vertices[None] + np.float32([0, 0, 0.5]))
    volumes = [signed_volume(s.vertices[0] - s.vertices[0].mean(0), template.faces) for s in (sample, mirror(sample))]
    assert volumes[0] > 0 and volumes[1] == pytest.approx(-volumes[0], rel=1e-4)
    assert (sample.side[0], mirror(sample).side[0]) == (RIGHT, LEFT)


def test_joints_without_a_label_add_nothing_to_the_extent(sample):
    joints_2d = sample.joints_2d.copy()
    joints_2d[0, 5:] = 0
    filled = fill_unlabelled(replace(sample, joints_2d=joints_2d))
    assert np.array_equal(filled.joints_2d[0, :5], sample.joints_2d[0, :5])
    assert np.allclose(filled.joints_2d[0, 5:, :2], sample.joints_2d[0, :5, :2].mean(0), atol=1e-3)
    assert (filled.joints_2d[0, 5:, 2] == 0).all() and not filled.ignore.any()
    joints_2d[0, 2:] = 0
    assert fill_unlabelled(replace(sample, joints_2d=joints_2d)).ignore.all()
    assert fill_unlabelled(sample) is sample


@pytest.mark.parametrize(
    ("size", "shape"), [((480, 640), (960, 1280)), ((224, 224), (1280, 1280)), ((719, 1281), (736, 1280))]
)
def test_a_whole_image_is_what_prediction_sees(size, shape):
    """Canvas, padding and pixels are the letterbox's, and a mark lies at its label, flipped or not."""
    image = np.zeros((*size, 3), np.uint8)
    place = np.array([size[1] - 30, size[0] - 20])
    cv2.circle(image, place.tolist(), 9, (255, 255, 255), -1)
    joints = np.concatenate([place + 4.0 * np.arange(-10, 11)[:, None], np.full((21, 1), 2)], 1)
    joints = joints[None].astype(np.float32)
    labels = labelled_2d(image, joints, np.array([RIGHT]), True, boxes=np.array([[10.0, 20, 30, 60]]))
    for flip in (0.0, 1.0):
        seen = augment(labels, np.random.default_rng(0), Augmentation(canvas=1280, flip=flip)).check()
        source = np.ascontiguousarray(image[:, ::-1]) if flip else image
        expected, scale = letterbox(source, 1280)
        assert seen.image.shape[:2] == shape and np.array_equal(seen.image, expected)
        bright = seen.image[..., 0].astype(float)
        y, x = np.mgrid[: shape[0], : shape[1]]
        found = np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()
        np.testing.assert_allclose(seen.joints_2d[0, 10, :2], found, atol=0.1)
        box = np.array([[size[1] - 31, 20], [size[1] - 11, 60]] if flip else [[10, 20], [30, 60]])
        np.testing.assert_allclose(seen.boxes[0], ((box + 0.5) * scale - 0.5).ravel(), atol=1e-3)


def test_no_joint_falls_off_a_whole_image():
    """A hand that fills its picture keeps all its joints; a turn of the picture put 4.5 % of them outside."""
    rng = np.random.default_rng(0)
    options = Augmentation(canvas=256)
    for seed in range(50):
        joints = np.concatenate([rng.uniform(0, 223, (1, 21, 2)), np.full((1, 21, 1), 2)], -1).astype(np.float32)
        labels = labelled_2d(np.zeros((224, 224, 3), np.uint8), joints, np.array([RIGHT]), True)
        seen = augment(labels, np.random.default_rng(seed), options)
        assert ((seen.joints_2d[..., :2] > -1) & (seen.joints_2d[..., :2] < 256)).all() and not seen.ignore.any()
