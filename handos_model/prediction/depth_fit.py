"""Moves hands to the depth measured by a depth image that is registered to the colour image."""

from __future__ import annotations

import cv2
import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand

SCALES = (0.4, 1.6)
"""Smallest and largest ratio of measured to predicted depth: with any other, the surface is not the hand's."""
AGREEMENT = 0.04
"""m: a measurement this close to the surface of the scaled hand counts as the hand's own."""
MIN_POINTS = 30
"""Minimum number of visible vertices with a measured depth."""
MIN_AGREEMENT = 0.3
"""Minimum share of them that agree: with fewer, the hand is covered, or its depth is mixed with what lies behind it."""
REACH = 0.06
"""m over which errors of the predicted shape are similar: the length of the kernel."""
SHAPE_DEVIATION = 0.015
"""m, standard deviation of such errors along the ray."""
PLACE_DEVIATION = 0.02
"""m, standard deviation of the error that the whole hand has in common after scaling."""
SURFACE_DEVIATION = 0.01
"""m, standard deviation of the measured surface from the predicted one beside these errors, camera noise included."""
OUTLIER = 3.0
"""Distance from the fit, in observed standard deviations, beyond which a measurement belongs to something else."""
_MIN_OUTLIER = 0.008  # m
_SAMPLES = 100  # points of the visible surface that are used for the fit
_REFITS = 2  # further fits, each without the outliers of the one before
_CELLS = 24  # cells along the hand's long edge in the image, each about a centimetre
_FRONT = 0.006  # m behind the foremost vertex nearby that still count as the same side of the surface


class NotMeasured(ValueError):
    """A depth image does not show where a hand is; the message says why."""


def fit_to_depth(hand: Hand, depth: np.ndarray, camera: Camera) -> Hand:
    """The hand with its visible surface at the measured depth; it looks the same in the image.

    depth (H, W) m, registered to the camera's image, NaN or 0 where nothing was measured. First the hand is scaled
    about the camera by the median ratio of measured to predicted depth, over the vertices that the camera sees. Then
    joints and vertices move along their rays (Hand.moved_along_rays) by as much as the surface around them is measured
    in front of the scaled one or behind it: smooth errors of the predicted shape, such as a palm that is tilted too
    little, are estimated by Gaussian process regression. Raises NotMeasured if depth does not show the hand (too few
    measurements, or measurements that disagree), and ValueError for a depth image of another size than the camera's.
    """
    if not isinstance(depth, np.ndarray):
        raise ValueError(f"depth image is {type(depth).__name__}, must be a NumPy array (H, W) in metres")
    if depth.shape != (camera.height, camera.width):
        size = f"{depth.shape[1]}x{depth.shape[0]}" if depth.ndim == 2 else str(depth.shape)
        colour = f"{camera.width}x{camera.height}"
        raise ValueError(f"depth image is {size}, must be {colour} like the colour image to which it is registered")
    seen, measured = _measurements(hand.vertices, depth, camera)
    scale, own = _scale(hand.vertices[seen, 2].astype(np.float64), measured)
    scaled = hand.scaled(scale, "depth")
    points = np.concatenate([scaled.joints_3d, scaled.vertices]).astype(np.float64)
    seen, measured = seen[own], measured[own]
    errors = _smooth_errors(points, scaled.vertices[seen].astype(np.float64), measured - scaled.vertices[seen, 2])
    return scaled.moved_along_rays((errors / points[:, 2]).astype(np.float32))


def _measurements(vertices: np.ndarray, depth: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Indices (n,) of the vertices that the camera sees and whose depth is measured, and that depth (n,) m."""
    pixels = camera.project(vertices)
    inside = np.isfinite(pixels).all(axis=1)
    pixels = np.where(inside[:, None], pixels, -1.0)
    nearest = np.clip(np.rint(pixels), -1, [camera.width, camera.height]).astype(np.intp)
    inside &= ((nearest >= 0) & (nearest < [camera.width, camera.height])).all(axis=1)
    seen = np.flatnonzero(inside)
    if len(seen) < MIN_POINTS:
        raise NotMeasured("the hand lies outside the depth image")
    seen = seen[_in_front(pixels[seen], vertices[seen, 2])]
    measured = _median_around(depth, nearest[seen])
    known = np.isfinite(measured)
    if known.sum() < MIN_POINTS:
        raise NotMeasured("there is no measurement at the hand: the depth is 0 or NaN")
    return seen[known], measured[known]


def _median_around(depth: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Median (n,) m of what is measured at pixels (n, 2) and next to them; NaN where nothing is."""
    around = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(9, 2)
    columns, rows = np.moveaxis(np.clip(pixels[:, None] + around, 0, np.array(depth.shape[::-1]) - 1), -1, 0)
    values = np.ma.filled(depth[rows, columns].astype(np.float64), np.nan)
    values = np.sort(np.where(values > 0, values, np.nan), axis=1)  # NaN last
    count, each = np.isfinite(values).sum(axis=1), np.arange(len(values))
    middle = (values[each, np.maximum(count - 1, 0) // 2] + values[each, count // 2]) / 2
    return np.where(count > 0, middle, np.nan)


def _scale(predicted: np.ndarray, measured: np.ndarray) -> tuple[float, np.ndarray]:
    """The ratio of measured to predicted depths (n,) m, and which of the depths agree with it."""
    ratios = measured / predicted
    possible = (ratios > SCALES[0]) & (ratios < SCALES[1])
    if possible.sum() < MIN_POINTS:
        there, expected, middle = float(np.median(measured)), float(np.median(predicted)), float(np.median(ratios))
        units = 100 < middle or middle < 0.01
        why = "are the units right (16UC1: mm, 32FC1: m)" if units else "is it registered to the colour image"
        raise NotMeasured(f"depth is {there:.3g} m where the hand is expected at {expected:.3g} m: {why}?")
    own = possible & (np.abs(measured - np.median(ratios[possible]) * predicted) < AGREEMENT)
    if own.sum() < max(MIN_POINTS, MIN_AGREEMENT * possible.sum()):
        raise NotMeasured(
            "depth varies too much at the hand: it is covered, or the depth image is not registered to the colour image"
        )
    return float(np.median(ratios[own])), own


def _smooth_errors(points: np.ndarray, surface: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Errors (n,) m along z of points (n, 3) m, from the errors (m,) m of the surface (m, 3) around them.

    They are the mean of a Gaussian process whose values are similar within REACH; it is refitted without outliers.
    """
    step = max(1, len(surface) // _SAMPLES)
    surface, errors = surface[::step], errors[::step]
    weights = _fitted(surface, errors)
    for _ in range(_REFITS):
        rest = np.abs(errors - _covariance(surface, surface) @ weights)
        inliers = rest < max(OUTLIER * 1.4826 * float(np.median(rest)), _MIN_OUTLIER)
        if inliers.all():
            break
        surface, errors = surface[inliers], errors[inliers]
        weights = _fitted(surface, errors)
    return _covariance(points, surface) @ weights


def _fitted(surface: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Weights (m,) of the covariances with the surface (m, 3); the weighted sum is the mean of the process."""
    return np.linalg.solve(_covariance(surface, surface) + SURFACE_DEVIATION**2 * np.eye(len(surface)), errors)


def _covariance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) m^2 of the errors at points (n, 3) with those at points (m, 3)."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return PLACE_DEVIATION**2 + SHAPE_DEVIATION**2 * np.exp(-squares / (2 * REACH**2))


def _in_front(pixels: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Which points (N,) of a closed surface the camera sees: those with no other point in front of them nearby.

    pixels (N, 2), z (N,) m. Uses a z-buffer of coarse cells, each with the least depth of the cells around it.
    """
    low = pixels.min(axis=0)
    cell = max(float(np.ptp(pixels, axis=0).max()) / _CELLS, 1e-6)
    columns, rows = ((pixels - low) / cell).astype(np.intp).T
    buffer = np.full((_CELLS + 1, _CELLS + 1), np.inf, np.float32)
    np.minimum.at(buffer, (rows, columns), z.astype(np.float32))
    foremost = cv2.erode(buffer, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return z <= foremost[rows, columns] + _FRONT
