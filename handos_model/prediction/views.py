"""Views of single hands: oriented squares of the source image, fingers up, cut out at the network's size.

A view is centre x, y, size in px of the source image and angle in rad. Pixel (u, v) of the cut view shows the image at
centre + R(angle) size ((u + .5) / SIZE - .5, (v + .5) / SIZE - .5), with pixel centres at whole numbers in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

SIZE = 224
"""Edge of a cut view in px."""
COARSEST = 1.5
"""Largest number of px of the image per px of the view when it is sampled; the image is halved until it is met."""
MAX_OVERLAP = 0.6
"""Intersection over union of the squares of two candidates above which they are the same:
hands that touch overlap as well."""
PART = 0.75
"""A candidate smaller than a hand's view by this factor, and within WITHIN of its size of its centre, is part of it."""
WITHIN = 0.35
SAME = 0.2
"""Distance between the centres of two views, as a fraction of the larger one's size, below which they show one hand."""
PALM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
"""Joints around which a view is placed (MediaPipe's hand_landmark_landmarks_to_roi.pbtxt): fingertips move too much."""
VIEW_PER_PALM = 2.0
"""Size of a view, in long edges of the box of PALM."""
PALM_SHIFT = 0.1
"""By how many heights of that box a view is moved towards the fingers."""


def cut_view(image: np.ndarray, view: np.ndarray) -> np.ndarray:
    """View (4,) of an image (H, W, 3) uint8 as (SIZE, SIZE, 3) uint8; outside the image, its edge is replicated."""
    x, y, size, angle = view.tolist()
    image, x, y = _surroundings(image, x, y, 0.75 * size)
    image, x, y, step = _halved(image, x, y, size / SIZE)
    c, s = step * math.cos(angle), step * math.sin(angle)
    middle = (SIZE - 1) / 2
    matrix = np.array([[c, -s, x - (c - s) * middle], [s, c, y - (s + c) * middle]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _surroundings(image: np.ndarray, x: float, y: float, reach: float) -> tuple[np.ndarray, float, float]:
    """The image within `reach` px of a point (at least a pixel), and the point in it: OpenCV warps up to 32,766 px."""
    low = [max(0, min(math.floor(p - reach), edge - 1)) for p, edge in zip((x, y), image.shape[1::-1], strict=True)]
    high = [max(a + 1, math.ceil(p + reach) + 1) for p, a in zip((x, y), low, strict=True)]
    return image[low[1] : high[1], low[0] : high[0]], x - low[0], y - low[1]


def _halved(image: np.ndarray, x: float, y: float, step: float) -> tuple[np.ndarray, float, float, float]:
    """The image, halved until it may be sampled at `step`, with the point and the step in its pixels."""
    times = max(0, math.ceil(math.log2(max(step / COARSEST, 1e-9))))
    block = 2**times
    width, height = (edge // block * block for edge in image.shape[1::-1])
    if times == 0 or min(width, height) == 0:  # fine enough, or a view of a few rows
        return image, x, y, step
    image = image[:height, :width]
    for _ in range(times):
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return image, (x + 0.5) / block - 0.5, (y + 0.5) / block - 0.5, step / block


def from_view(points: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Points (..., 2) from pixels of a cut view to pixels of the source image."""
    x, y, size, angle = view.tolist()
    c, s = size / SIZE * math.cos(angle), size / SIZE * math.sin(angle)
    return (points - (SIZE - 1) / 2) @ np.array([[c, s], [-s, c]]) + (x, y)


def view_of_joints(joints_2d: np.ndarray) -> np.ndarray:
    """The view (4,) of a hand whose joints (21, 2) px are known: MediaPipe's rule for the next frame of a video."""
    joints = joints_2d.tolist()
    (x0, y0), index, middle, ring = (joints[i] for i in (0, 5, 9, 13))
    ahead = [((a + b) / 2 + c) / 2 for a, b, c in zip(index, ring, middle, strict=True)]
    angle = math.atan2(ahead[0] - x0, y0 - ahead[1])  # 0 where the fingers point up in the image
    c, s = math.cos(angle), math.sin(angle)
    across, along = ([a * x + b * y for x, y in (joints[i] for i in PALM)] for a, b in ((c, s), (-s, c)))
    width, height = max(across) - min(across), max(along) - min(along)
    u, v = min(across) + width / 2, min(along) + height / 2 - PALM_SHIFT * height
    return np.array([c * u - s * v, s * u + c * v, VIEW_PER_PALM * max(width, height), angle])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of the upright squares of two views (4,)."""
    (ax, ay, asize, _), (bx, by, bsize, _) = a.tolist(), b.tolist()
    sides = [min(p + asize / 2, q + bsize / 2) - max(p - asize / 2, q - bsize / 2) for p, q in ((ax, bx), (ay, by))]
    common = max(sides[0], 0.0) * max(sides[1], 0.0)
    return common / max(asize * asize + bsize * bsize - common, 1e-9)


def is_part(view: np.ndarray, other: np.ndarray) -> bool:
    """Whether a view (4,) shows a part of the hand in another."""
    size = float(other[2])
    return bool(view[2] < PART * size) and math.dist(view[:2].tolist(), other[:2].tolist()) < WITHIN * size


def shows_the_same(view: np.ndarray, other: np.ndarray) -> bool:
    """Whether a candidate (4,) leads to the hand that was seen in another view."""
    distance = math.dist(view[:2].tolist(), other[:2].tolist())
    return distance < SAME * float(max(view[2], other[2])) or is_part(view, other)


def unclaimed(views: np.ndarray, sure: list[np.ndarray], doubtful: Sequence[np.ndarray] = ()) -> list[np.ndarray]:
    """Those of views (N, 4), in order, that show neither a known hand nor a hand of an earlier view.

    sure, doubtful: views of known hands. A part of a sure one is not a hand; a doubtful one may hide a smaller hand.
    """
    taken, fresh = [*sure, *doubtful], []
    for view in views:
        one = any(overlap(view, other) > MAX_OVERLAP for other in taken)
        if not one and not any(is_part(view, other) for other in sure):
            taken.append(view)
            fresh.append(view)
    return fresh
