"""Hands of one photo in front of another: what surrounds a hand says nothing of its pose, and must not be learned."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from handos_model.data.sample import Sample

FINGERS = tuple((0, *range(first, first + 4)) for first in (1, 5, 9, 13, 17))
PALM = [0, 1, 5, 9, 13, 17]
THICKNESS = 0.3  # of a finger with some room around it, in palm lengths
SHIFT = 4  # fractional bits of OpenCV's drawing


def hand_mask(joints: np.ndarray, height: int, width: int) -> np.ndarray:
    """Where a hand with joints (21, 2) px covers an image: (height, width) float32 in 0..1, soft at the edge."""
    palm = np.linalg.norm(joints[[5, 9, 13, 17]] - joints[0], axis=-1).max()
    palm = max(palm, 1.2 * float(np.linalg.norm(joints[5] - joints[17])), 2.0)  # the palm may point at the camera
    thickness = max(1, round(THICKNESS * palm))
    mask = np.zeros((height, width), np.uint8)
    stub = joints[0] - 0.35 * (joints[9] - joints[0])  # of the forearm
    for line in ([joints[finger] for finger in map(list, FINGERS)]) + [np.stack([joints[0], stub])]:
        cv2.polylines(mask, [fixed(line)], False, 255, thickness, cv2.LINE_8, SHIFT)
    hull = cv2.convexHull(joints[PALM].astype(np.float32))[:, 0]
    cv2.fillConvexPoly(mask, fixed(hull), 255, cv2.LINE_8, SHIFT)
    cv2.polylines(mask, [fixed(hull)], True, 255, thickness, cv2.LINE_8, SHIFT)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.6, 0.12 * thickness))


def fixed(points: np.ndarray) -> np.ndarray:
    """Points (n, 2) px in OpenCV's fixed-point numbers."""
    return np.round(points * 2**SHIFT).astype(np.int32)


def transplant(sample: Sample, background: np.ndarray, rng: Generator) -> Sample:
    """The sample's labelled hands in front of `background` (H, W, 3), which shows none; labels stay where they are.

    What the photo shows beside them is gone, hands that are not labelled or are to be ignored included.
    """
    keep = ~sample.ignore
    if not keep.any():
        return sample
    height, width = sample.image.shape[:2]
    scale = max(height / background.shape[0], width / background.shape[1]) * rng.uniform(1.0, 1.6)
    size = [max(n, round(scale * m)) for n, m in zip((width, height), background.shape[1::-1], strict=True)]
    x, y = (int(rng.integers(0, n - m + 1)) for n, m in zip(size, (width, height), strict=True))
    image = cv2.resize(background, size, interpolation=cv2.INTER_LINEAR)[y : y + height, x : x + width]
    masks = [hand_mask(joints[:, :2], height, width) for joints in sample.joints_2d[keep]]
    mask = np.max(masks, axis=0)[..., None]
    image = (image + mask * (sample.image.astype(np.float32) - image)).round().astype(np.uint8)
    return replace(sample.only(keep), image=image, complete=True)
