"""Fits the mesh of a hand to joints that were found in another way."""

from __future__ import annotations

import numpy as np

from handos_model.wrist_pose import MIN_CONFIDENCE


def similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear part (3, 3), a rotation times a scale, and translation (3,) that best take source to target, both (N, 3).

    Weighted least squares in closed form (Umeyama, 1991), without reflection; weights (N,) > 0.
    """
    share = weights / weights.sum()
    from_mean, to_mean = share @ source, share @ target
    from_mean_off, to_mean_off = source - from_mean, target - to_mean
    u, strengths, v = np.linalg.svd((share[:, None] * to_mean_off).T @ from_mean_off)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ v))])
    spread = float(share @ (from_mean_off**2).sum(axis=1))
    linear = (u * signs) @ v * (strengths @ signs / max(spread, 1e-12))
    return linear, to_mean - linear @ from_mean


def placed_mesh(
    meshes: list[np.ndarray], skeletons: list[np.ndarray], confidences: list[np.ndarray], joints: np.ndarray
) -> np.ndarray:
    """The mean (V, 3) m of meshes (V, 3), each moved, turned and scaled with its skeleton (21, 3) onto joints (21, 3).

    A mesh is weighted by the confidences (21,) of its joints, both as a whole and joint by joint. Cameras that send no
    meshes are left out; returns (0, 3) if none does.
    """
    total, weight = np.zeros((0, 3)), 0.0
    for vertices, skeleton, confidence in zip(meshes, skeletons, confidences, strict=True):
        if not len(vertices) or (weight and len(vertices) != len(total)):
            continue
        weights = np.clip(confidence.astype(np.float64), MIN_CONFIDENCE, 1)
        linear, shift = similarity(skeleton.astype(np.float64), joints, weights)
        share = float(weights.mean())
        placed = share * (vertices @ linear.T + shift)
        total, weight = (total + placed if weight else placed), weight + share
    return total / weight if weight else total
