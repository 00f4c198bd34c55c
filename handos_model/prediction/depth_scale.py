"""A hand's size from a depth image that is registered to the colour image."""

from __future__ import annotations

import cv2
import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand

SCALES = (0.4, 2.5)
"""Smallest and largest ratio of measured to predicted depth: others belong to something else."""
TOLERANCE = 0.05
"""Ratios that differ from the median by less than this fraction of it agree: the relief of a hand at arm's length."""
MIN_POINTS = 30
"""Minimum number of visible vertices with a measured depth."""
MIN_AGREEMENT = 0.5
"""Minimum share of them that agree: with fewer, the hand is covered, or its depth is mixed with what lies behind it."""
_CELLS = 24  # cells along the hand's long edge in the image, each about a centimetre
_FRONT = 0.006  # m behind the foremost vertex around: still the same side of the surface


class NotMeasured(ValueError):
    """A depth image does not tell how large a hand is; the sentence says why."""


def scale_by_depth(hand: Hand, depth: np.ndarray, camera: Camera) -> Hand:
    """The hand scaled about the camera, so that it is seen as before and its surface lies at the measured depth.

    depth (H, W) m, registered to the camera's image, NaN where nothing was measured. The factor is the median, over
    vertices that the camera sees, of measured to predicted depth; everything in metres is multiplied by it. Raises
    NotMeasured when depth says nothing of the hand: too few measurements, or measurements that disagree; ValueError for
    a depth image of another size than the camera's.
    """
    if depth.shape != (camera.height, camera.width):
        size = f"{depth.shape[1]}x{depth.shape[0]}" if depth.ndim == 2 else str(depth.shape)
        colour = f"{camera.width}x{camera.height}"
        raise ValueError(f"depth image is {size}, must be {colour} as the colour image that it is registered to")
    return hand.scaled(_measured_scale(hand.vertices, depth, camera), "depth")


def _measured_scale(vertices: np.ndarray, depth: np.ndarray, camera: Camera) -> float:
    pixels = camera.project(vertices)
    z = np.asarray(vertices[:, 2], np.float64)
    inside = np.isfinite(pixels).all(axis=1)
    pixels = np.where(inside[:, None], pixels, -1.0)
    nearest = np.clip(np.rint(pixels), -1, [camera.width, camera.height]).astype(np.intp)
    inside &= ((nearest >= 0) & (nearest < [camera.width, camera.height])).all(axis=1)
    nearest, pixels, z = nearest[inside], pixels[inside], z[inside]
    if len(z) < MIN_POINTS:
        raise NotMeasured("the hand lies outside the depth image")
    front = _in_front(pixels, z)
    measured = depth[nearest[front, 1], nearest[front, 0]]
    ratios = measured / z[front]
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) < MIN_POINTS:
        raise NotMeasured("there is no measurement at the hand: the depth is 0 or NaN")
    middle = float(np.median(ratios))
    ratios = ratios[(ratios > SCALES[0]) & (ratios < SCALES[1])]
    if len(ratios) < MIN_POINTS:
        there, expected = float(np.nanmedian(measured)), float(np.median(z[front]))
        units = 100 < middle or middle < 0.01
        why = "are the units right (16UC1: mm, 32FC1: m)" if units else "is it registered to the colour image"
        raise NotMeasured(f"depth is {there:.3g} m where the hand is expected at {expected:.3g} m: {why}?")
    median = np.median(ratios)
    agreeing = ratios[np.abs(ratios - median) < TOLERANCE * median]
    if len(agreeing) < max(MIN_POINTS, MIN_AGREEMENT * len(ratios)):
        raise NotMeasured(
            "depth varies too much at the hand: it is covered, or the depth image is not registered to the colour image"
        )
    return float(np.median(agreeing))


def _in_front(pixels: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Which points (N,) of a closed surface the camera sees: those that no other around them in the image is before.

    pixels (N, 2), z (N,) m. A z-buffer of coarse cells, each with the least depth of the cells around it.
    """
    low = pixels.min(axis=0)
    cell = max(float(np.ptp(pixels, axis=0).max()) / _CELLS, 1e-6)
    columns, rows = ((pixels - low) / cell).astype(np.intp).T
    buffer = np.full((_CELLS + 1, _CELLS + 1), np.inf, np.float32)
    np.minimum.at(buffer, (rows, columns), z.astype(np.float32))
    foremost = cv2.erode(buffer, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return z <= foremost[rows, columns] + _FRONT
