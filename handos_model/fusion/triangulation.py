"""Triangulation: the joints of one hand from all cameras that see it, weighted by how well each sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handos_model.fusion.sighting import Sighting

REWEIGHTINGS = 4
OUTLIER = 1.0
"""Residual (see Triangulated) above which a measurement of a joint counts less than half, if other cameras disagree."""


@dataclass(frozen=True, eq=False)
class Triangulated:
    """21 joints in the common frame, and how well each of V cameras agrees with them."""

    joints: np.ndarray
    """(21, 3) m."""
    covariance: np.ndarray
    """(21, 3, 3) m^2."""
    scales: np.ndarray
    """(V,) factors between the distances of the hand from the cameras and those that the cameras reported."""
    scale_deviations: np.ndarray
    """(V,) standard deviations of the scales."""
    residuals: np.ndarray
    """(V, 21) distances of the joints from where each camera places them, in its standard deviations, root mean square
    over three axes."""


def triangulate(sightings: Sequence[Sighting]) -> Triangulated:
    """The most probable joints of one hand, by weighted least squares.

    Each camera gives an ellipsoid for each joint, sharp across the ray according to the joint's confidence and blurred
    along it (Sighting.precision), and one distance for the whole hand, which is off by an unknown factor that is solved
    for. So rays that cross decide alone, nearly parallel rays leave the depth to what each camera predicts, and one
    camera alone gets back what it reported.
    """
    centres = np.array([seen.view.extrinsics.position for seen in sightings])  # (V, 3)
    reach = np.array([seen.reach for seen in sightings])  # (V, 21, 3)
    given = np.array([seen.precision for seen in sightings])  # (V, 21, 3, 3)
    doubts = np.array([seen.distance_deviation for seen in sightings])
    precision = given
    for _ in range(REWEIGHTINGS if len(sightings) > 2 else 0):  # with two, neither can be told to be the outlier
        _, _, residuals = _solve(centres, reach, precision, given, doubts)
        precision = given / (1 + (residuals / OUTLIER) ** 2)[..., None, None]
    (joints, scales), (covariance, scale_covariance), residuals = _solve(centres, reach, precision, given, doubts)
    return Triangulated(joints, covariance, scales, np.sqrt(np.diag(scale_covariance)), residuals)


def _solve(
    centres: np.ndarray, reach: np.ndarray, precision: np.ndarray, given: np.ndarray, doubts: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Joints X and scales k that minimise
    sum_vj (X_j - c_v - k_v r_vj)' P_vj (X_j - c_v - k_v r_vj) + sum_v ((k_v - 1) / doubt_v)^2,
    their covariances, and the residuals by the given precision. The joints are eliminated, which leaves V unknowns.
    """
    together = np.linalg.inv(precision.sum(axis=0))  # (21, 3, 3): covariance of the joints for given scales
    pulled = np.einsum("vjab,vjb->vja", precision, reach)  # P r
    fixed = np.einsum("vjab,vb->ja", precision, centres)  # sum of P c
    moves = np.einsum("jab,vjb->vja", together, pulled)  # by how much X moves with each scale
    base = np.einsum("jab,jb->ja", together, fixed)
    normal = np.diag(np.einsum("vja,vja->v", reach, pulled) + doubts**-2) - np.einsum("vja,wja->vw", pulled, moves)
    gap = base - centres[:, None]  # (V, 21, 3)
    right = np.einsum("vja,vja->v", pulled, gap) + doubts**-2
    scale_covariance = np.linalg.inv(normal)
    scales = scale_covariance @ right
    joints = base + np.einsum("v,vja->ja", scales, moves)
    covariance = together + np.einsum("vja,vw,wjb->jab", moves, scale_covariance, moves)
    off = joints - centres[:, None] - scales[:, None, None] * reach
    residuals = np.sqrt(np.einsum("vja,vjab,vjb->vj", off, given, off) / 3)
    return (joints, scales), (covariance, scale_covariance), residuals
