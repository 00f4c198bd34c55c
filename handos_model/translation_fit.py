"""The metric translation of a hand in closed form, from where its joints are seen."""

from __future__ import annotations

import numpy as np

from handos_model.camera import ray_rotation

REFINEMENTS = 2
"""Gauss-Newton steps of `fit_translation`: even with joints off by 5 % of the hand, a third step would move
nothing by a tenth of a millimetre."""

MIN_DEPTH = 0.02
"""Distance in m from the camera, and from the plane through it, below which no joint may come."""

FAR_AWAY = (0.0, 0.0, 1e3)
"""Where unsolved hands are placed during refinement, in metres: nothing is divided by 0 there."""


def fit_translation(
    joints_3d: np.ndarray, rays: np.ndarray, weights: np.ndarray, min_spread: float = 1e-3
) -> tuple[np.ndarray, np.ndarray]:
    """Metric translations of N hands from where their joints are seen (weighted least squares over joints).

    joints_3d (N, J, 3) m relative to the wrist, axes of the camera frame; rays (N, J, 2) undistorted normalised image
    coordinates, NaN = not known; weights (N, J) >= 0. They are turned so that the z axis points at the hand: in the
    camera's own x / z, the same angle counts the more the farther off the axis a joint is. There, every joint gives
    two equations that are linear in t: X + tx = u (Z + tz) and Y + ty = v (Z + tz). Their solution is exact for exact
    joints and too near for noisy ones (by 4 % with joints off by 5 % of the hand), so REFINEMENTS Gauss-Newton steps on
    the distances in the image follow. They solve the same equations around the last t, divided by depth; the factors u
    and v of tz are then those of the joint as t places it.

    Returns t (N, 3) m and solved (N,) bool. A hand is not solved, and its t is meaningless, when no weight is left,
    when its weighted rays spread by less than `min_spread` (about half a pixel at f = 500: depth is then noise), or
    when its nearest joint would come closer than MIN_DEPTH to the camera, or to the plane through it.
    """
    values = np.concatenate([joints_3d, rays, np.ones_like(rays[..., :1])], axis=2, dtype=np.float64)
    known = np.isfinite(values).all(axis=2, keepdims=True)  # (N, J, 1)
    values = np.where(known, values, 0.0)
    w = np.where(known, weights[..., None], 0.0)  # (N, J, 1)
    turn = _towards(values[..., 3:], w)  # (N, 3, 3)
    points, seen = values[..., :3] @ turn, values[..., 3:] @ turn
    ahead = seen[..., 2:] > 0  # nor would a joint beside the camera, as seen from the hand, have u and v
    seen = seen / np.where(ahead, seen[..., 2:], 1.0)
    w = np.where(ahead, w, 0.0)
    t, variance = _least_squares(w, seen, seen[..., :2] * points[..., 2:] - points[..., :2])

    nearest = points[..., 2].min(axis=1, initial=0.0)
    solved = (w.sum(axis=(1, 2)) > 0) & (variance > min_spread**2) & (t[:, 2] + nearest > MIN_DEPTH)
    t = np.where(solved[:, None], t, FAR_AWAY)
    for _ in range(REFINEMENTS):
        placed = points + t[:, None]
        depth = placed[..., 2:]
        better = t + _least_squares(w / depth**2, placed / depth, seen[..., :2] * depth - placed[..., :2])[0]
        allowed = np.isfinite(better).all(axis=1) & (better[:, 2] + nearest > MIN_DEPTH)
        t = np.where(allowed[:, None], better, t)
    t = (turn @ t[..., None])[..., 0]
    return t, solved & (t[:, 2] + values[..., 2].min(axis=1, initial=0.0) > MIN_DEPTH)


def _towards(rays: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Rotations (N, 3, 3) that take the z axis to the mean directions of rays (N, J, 3) with z = 1, or all 0."""
    squares = np.einsum("njk,njk->nj", rays, rays)[..., None]
    mean = (w / np.sqrt(np.maximum(squares, 1.0))).transpose(0, 2, 1) @ rays  # (N, 1, 3)
    return ray_rotation(mean[:, 0, :2] / np.maximum(mean[:, :, 2], 1e-18))


def _least_squares(w: np.ndarray, s: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Changes (N, 3) to N translations that minimise what is left of r, and the variance (N,) of s.

    A change of (x, y, z) subtracts (x, y) - (u, v) z from a joint's r. s (N, J, 3): u, v and 1, where the joint is
    seen; r (N, J, 2): the metres by which it is seen away from where it should be; w (N, J, 1): its weight.
    """
    values = np.concatenate([s, r], axis=2)  # (N, J, 5)
    sums = (w * values).transpose(0, 2, 1) @ values  # (N, 5, 5)
    solutions = np.array([_solution(*rows) for rows in sums.tolist()]).reshape(-1, 4)
    return solutions[:, :3], solutions[:, 3]


def _solution(u: list[float], v: list[float], ones: list[float], *_: list[float]) -> list[float]:
    """Change and variance of one hand from weighted sums of the products of u, v, 1 and r (x, y) with each other.

    Plain numbers: on a few hands NumPy takes several times as long.
    """
    # Eliminating x and y leaves one unknown: from means, variance and covariance.
    total = max(ones[2], 1e-18)
    mean_u, mean_v, mean_x, mean_y = (ones[i] / total for i in (0, 1, 3, 4))
    variance = (u[0] + v[1]) / total - mean_u * mean_u - mean_v * mean_v
    covariance = (u[3] + v[4]) / total - mean_u * mean_x - mean_v * mean_y
    z = -covariance / max(variance, 1e-18)
    return [mean_u * z + mean_x, mean_v * z + mean_y, z, variance]
