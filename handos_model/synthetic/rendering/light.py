"""Lights of a synthetic scene: a key light with a shadow map, sky and ground, a rim light, and ambient occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from handos_model.synthetic.rendering.raster import depth_map

SHADOW_SIZE = 176
OCCLUSION_SIZE = 44
WARM, COOL = np.array([1.10, 0.98, 0.80]), np.array([0.93, 1.0, 1.10])


@dataclass(frozen=True)
class Lighting:
    """lights (7,3) rows as in shade.py; softness of the shadow's edge in texels."""

    lights: np.ndarray
    softness: float


def _direction(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.linalg.norm(vector), 1e-9)


def sample_lighting(rng: np.random.Generator, surround: np.ndarray) -> Lighting:
    """Random lights; surround (3,) is the background's mean linear colour, which tints sky and ground."""
    toward = _direction(rng.normal([0, -0.7, -0.7], [0.7, 0.55, 0.6]))
    tint = WARM + (COOL - WARM) * rng.random()
    hard = rng.beta(1.4, 1.4)  # 0: overcast, 1: one lamp
    exposure = np.exp(rng.normal(0.0, 0.22))
    tinge = surround / max(surround.mean(), 0.02)
    ambience = (0.65 + 0.35 * tinge) * (0.9 + 0.2 * (1 - tint))
    key = tint * exposure * (0.35 + 1.0 * hard)
    sky = ambience * exposure * (0.95 - 0.62 * hard)
    ground = sky * rng.uniform(0.35, 0.95)
    rim = tint[::-1] * exposure * (rng.uniform(0.1, 0.7) if rng.random() < 0.35 else 0.0)
    rim_toward = _direction(rng.normal([0, -0.2, 0.5], [1.0, 0.4, 0.4]))
    up = _direction(rng.normal([0, -1, 0], 0.25))
    if rng.random() < 0.05:  # a screen or a coloured lamp
        key = key * rng.uniform(0.4, 1.2, 3)
    rows = np.array([toward, key, up, sky, ground, rim_toward, rim])
    return Lighting(np.clip(rows, -1, 4), rng.uniform(0.6, 3.0))


def _towards(light: np.ndarray) -> np.ndarray:
    """Rotation (3,3) whose third row points away from the light."""
    z = -light
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def shadow_map(
    vertices: np.ndarray, faces: np.ndarray, centre: np.ndarray, radius: float, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Depth map (S,S) from the light, and the matrix (3,4) from the camera frame to it (px, px, m)."""
    matrix = np.zeros((3, 4))
    matrix[:, :3] = _towards(light)
    matrix[:2] *= SHADOW_SIZE / (2.2 * radius)
    matrix[:, 3] = -matrix[:, :3] @ centre
    matrix[:2, 3] += SHADOW_SIZE / 2
    points = (vertices @ matrix[:, :3].T + matrix[:, 3]).astype(np.float32)
    return depth_map(points, faces, SHADOW_SIZE), matrix


# 14 directions spread evenly over the sphere (a golden spiral), as rotations
SPHERE = np.array(
    [
        _towards(np.array([np.cos(2.4 * i) * np.sqrt(1 - z * z), np.sin(2.4 * i) * np.sqrt(1 - z * z), z]))
        for i, z in enumerate(np.linspace(-0.93, 0.93, 14))
    ]
)


@njit(cache=True, fastmath=True)
def _open_share(vertices, normals, faces, centre, radius, frames):
    """Share of the directions in front of each vertex that no triangle blocks, weighted by the cosine."""
    count, size = len(vertices), OCCLUSION_SIZE
    free, total = np.full(count, 1e-3, np.float32), np.full(count, 1e-3, np.float32)
    points = np.empty((count, 3), np.float32)
    scale = size / (2.2 * radius)
    for k in range(len(frames)):
        for v in range(count):
            for i in range(3):
                s = 0.0
                for j in range(3):
                    s += frames[k, i, j] * (vertices[v, j] - centre[j])
                points[v, i] = s * scale + size / 2 if i < 2 else s
        depth = depth_map(points, faces, size)
        for v in range(count):
            n, away = normals[v], frames[k, 2]
            cosine = -(n[0] * away[0] + n[1] * away[1] + n[2] * away[2])
            if cosine <= 0.02:
                continue
            x, y = int(points[v, 0] + 0.5), int(points[v, 1] + 0.5)
            total[v] += cosine
            if x < 0 or y < 0 or x >= size or y >= size or points[v, 2] < depth[y, x] + 0.008:
                free[v] += cosine
    return free / total


def ambient_occlusion(
    vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray, centre: np.ndarray, radius: float
) -> np.ndarray:
    """Openness (V,) of every vertex, 1 in the open, from 14 directions."""
    return _open_share(vertices, normals, faces, centre, radius, SPHERE)
