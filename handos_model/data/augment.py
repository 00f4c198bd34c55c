"""How images are shown in training: letterboxed as prediction sees them, and flipped; labels move with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE, Sample
from handos_model.prediction.letterbox import letterbox, resized_shape

MIN_JOINTS = 3  # labelled joints that a hand needs for learning
MIN_HAND = 12  # px, long edge


@dataclass(frozen=True)
class Augmentation:
    """How an image of a data set becomes a training image: as in the paper, only by flips."""

    canvas: int = 160  # px: long edge
    flip: float = 0.5  # share of the images that are mirrored


def mirror(sample: Sample) -> Sample:
    """The sample seen in a mirror: left hands become right ones."""
    width = sample.image.shape[1]
    flip = np.array([-1, 1, 1], np.float32)
    K = sample.K.copy()
    K[0, 2] = width - 1 - K[0, 2]
    joints_2d = sample.joints_2d.copy()
    joints_2d[..., 0] = width - 1 - joints_2d[..., 0]
    side = np.select([sample.side == LEFT, sample.side == RIGHT], [RIGHT, LEFT], UNKNOWN_SIDE).astype(np.int8)
    return replace(
        sample,
        image=np.ascontiguousarray(sample.image[:, ::-1]),
        K=K,
        joints_2d=joints_2d,
        joints_3d=sample.joints_3d * flip,
        vertices=sample.vertices * flip,
        side=side,
        boxes=moved_boxes(sample.boxes, np.diag([-1, 1]), np.array([width - 1, 0])),
    )


def moved_boxes(boxes: np.ndarray | None, linear: np.ndarray, shift: np.ndarray) -> np.ndarray | None:
    """The upright boxes (n, 4) around boxes that are moved by x' = linear x + shift."""
    if boxes is None:
        return None
    corners = boxes[:, [[0, 1], [2, 1], [0, 3], [2, 3]]] @ linear.T + shift  # (n, 4, 2)
    return np.concatenate([corners.min(1), corners.max(1)], -1).astype(np.float32)


def resized(sample: Sample, image: np.ndarray) -> Sample:
    """The sample with its image resized to `image`, and its labels with it; 3D stays."""
    scale = np.divide(image.shape[1::-1], sample.image.shape[1::-1])
    shift = (scale - 1) / 2  # pixel centres map exactly
    joints_2d, K = sample.joints_2d.copy(), sample.K.copy()
    joints_2d[..., :2] = joints_2d[..., :2] * scale + shift
    K[:2] *= scale[:, None]
    K[:2, 2] += shift
    boxes = moved_boxes(sample.boxes, np.diag(scale), shift)
    return replace(sample, image=image, joints_2d=joints_2d, K=K, boxes=boxes)


def fill_unlabelled(sample: Sample) -> Sample:
    """Puts joints without a label in the middle of the others, where they add nothing to the hand's extent.

    A hand with fewer than MIN_JOINTS labelled joints has no useful extent, and is ignored.
    """
    labelled = sample.joints_2d[..., 2] > 0  # (n, 21)
    if labelled.all():
        return sample
    count = labelled.sum(1)
    centre = (sample.joints_2d[..., :2] * labelled[..., None]).sum(1) / np.maximum(count, 1)[:, None]
    joints_2d = sample.joints_2d.copy()
    joints_2d[..., :2] = np.where(labelled[..., None], joints_2d[..., :2], centre[:, None])
    return replace(sample, joints_2d=joints_2d, ignore=sample.ignore | (count < MIN_JOINTS))


def drop_unseen(sample: Sample) -> Sample:
    """Drops hands outside the canvas; those that it cuts through or that are too small for learning are ignored."""
    joints = sample.joints_2d[..., :2]
    inside = ((joints > -1) & (joints < sample.image.shape[1::-1])).all(-1).mean(1)
    extent = np.ptp(joints, axis=1).max(-1) if len(inside) else np.zeros(0)
    ignore = sample.ignore | (inside < 0.5) | (extent < MIN_HAND)
    return replace(sample, ignore=ignore).only(inside > 0)


def augment(sample: Sample, rng: Generator, options: Augmentation) -> Sample:
    """The image as prediction sees it, mirrored or not; deterministic for a given state of `rng`."""
    sample = fill_unlabelled(sample)
    if rng.random() < options.flip:
        sample = mirror(sample)
    canvas, _ = letterbox(sample.image, options.canvas)
    height, width = resized_shape(sample.image, options.canvas)
    return drop_unseen(replace(resized(sample, canvas[:height, :width]), image=canvas))
