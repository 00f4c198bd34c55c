"""The labels of training: those that the foundation agrees on, and places that a finder takes for hands."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.made_frames import DEVICE, frames, sample, sources

from handos_model.network.detectors.landmark_detector import LandmarkDetector
from handos_model.network.finder import HandFinder
from handos_model.training.views.agreement import agree
from handos_model.training.views.foundation import fast_foundation
from handos_model.training.views.labelled_frames import load_frames
from handos_model.training.views.lookalikes import Lookalikes, apart, find_lookalikes
from handos_model.training.views.seeing_batches import Sources, see_batch

CLIP = Path(__file__).parents[2] / "docs" / "demo.mp4"


@pytest.fixture(scope="module")
def detector() -> LandmarkDetector:
    return LandmarkDetector()


def hand_photo(detector: LandmarkDetector):
    """A frame of the demo's clip with one hand, labelled by the foundation's first look at it."""
    from handos_model import HandPredictor

    capture = cv2.VideoCapture(str(CLIP))
    image = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)
    hand = max(HandPredictor(device="cpu").predict(image), key=lambda h: h.score)
    made = sample(vertices=False)
    joints = np.concatenate([hand.joints_2d, np.full((21, 1), 2)], 1).astype(np.float32)[None]
    made.image, made.joints_2d, made.joints_3d = image, joints, hand.joints_3d[None].astype(np.float32)
    return load_frames([made], 320, DEVICE), joints


def test_looks_that_agree_replace_a_label_that_is_a_little_off(detector: LandmarkDetector) -> None:
    photos, _ = hand_photo(detector)
    agree(photos, detector, 0)
    settled = photos.joints_2d.clone()
    extent = float((settled[0, 0, :, :2].amax(0) - settled[0, 0, :, :2].amin(0)).amax())
    photos.joints_2d[0, 0, 8, :2] += 0.3 * extent  # one joint of 21: the mean moves by .014
    assert agree(photos, detector, 0) == 1
    assert (photos.joints_2d - settled)[0, 0, :, :2].norm(dim=-1).max() < 0.03 * extent


def test_a_label_far_from_what_is_seen_stays(detector: LandmarkDetector) -> None:
    photos = frames(sample(vertices=False))  # noise, in which there is no hand
    before = photos.joints_2d.clone(), photos.joints_3d.clone()
    assert agree(photos, detector, 0) == 0
    assert torch.equal(photos.joints_2d, before[0]) and torch.equal(photos.joints_3d, before[1])


def test_the_fast_foundation_says_what_the_detector_says(detector: LandmarkDetector) -> None:
    views = torch.rand(3, 3, 224, 224)
    slow, fast = detector(views), fast_foundation(detector, 1)(views)
    assert torch.allclose(slow.queries, fast.queries, atol=1e-3)
    assert torch.allclose(slow.keypoints, fast.keypoints, atol=1e-2)
    assert torch.allclose(slow.seen, fast.seen, atol=1e-3)
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(slow.memory, fast.memory, strict=True))


def test_lookalikes_lie_apart_in_photos_where_the_finder_is_fooled() -> None:
    photos, _ = hand_photo(LandmarkDetector())  # a hand, in the place of what looks like one
    backgrounds = frames(sample(), size=256)
    backgrounds.images[0, :, :, :] = 0
    small = cv2.resize(photos.images[0].numpy(), (256, 256), interpolation=cv2.INTER_AREA)
    backgrounds.images[0] = torch.from_numpy(small)
    found = find_lookalikes(backgrounds, HandFinder())
    assert len(found.frames) >= 1 and (found.frames == 0).all()
    assert torch.equal(apart(found.views), found.views)


def test_places_that_cover_each_other_are_one() -> None:
    views = torch.tensor([[50.0, 50, 40, 0], [55, 50, 40, 1], [90, 50, 40, 0]])
    assert apart(views).tolist() == [views[0].tolist(), views[2].tolist()]
    assert apart(views[:0]).shape == (0, 4)


def test_half_of_the_hand_free_views_are_lookalikes() -> None:
    made = sources()
    made.backgrounds.images[:] = 90
    alike = Lookalikes(torch.zeros(1, dtype=torch.long), torch.tensor([[60.0, 60, 50, 0]]))
    with_them = Sources(made.renders, made.photos, made.backgrounds, alike)
    torch.manual_seed(0)
    images, _, presence = see_batch(with_them, (2, 2, 0, 4), np.random.default_rng(0))
    assert len(images) == 8 and presence.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
