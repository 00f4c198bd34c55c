"""Rounder outlines: every triangle in four, new corners pushed onto a curved surface (Phong tessellation, 2008)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

ROUNDNESS = 0.7  # 0 keeps the flat triangles; the paper suggests 3/4


@dataclass(frozen=True)
class Refinement:
    """Topology of the refined mesh: edges (E,2) that get a vertex V + index each, faces (4F,3)."""

    edges: np.ndarray
    faces: np.ndarray


def make_refinement(faces: np.ndarray, count: int) -> Refinement:
    """Work out the refinement of faces (F,3) over `count` vertices."""
    corners = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1)  # (F,3,2): edges ab, bc, ca
    edges, index = np.unique(np.sort(corners.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    ab, bc, ca = (count + index.reshape(-1, 3)).T
    a, b, c = faces.T
    quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    fine = np.stack([np.stack(q, axis=1) for q in quarters], axis=1).reshape(-1, 3)
    return Refinement(edges.astype(np.int32), fine.astype(np.int32))


@njit(cache=True, fastmath=True)
def split_edges(vertices, normals, edges):
    """Vertices (E,3) in the middle of edges (E,2), moved towards the tangent planes of both ends; and unit normals."""
    middle, normal = np.empty((len(edges), 3), np.float32), np.empty((len(edges), 3), np.float32)
    for e in range(len(edges)):
        i, j = edges[e, 0], edges[e, 1]
        above_i, above_j, length = 0.0, 0.0, 1e-12
        for k in range(3):
            half = 0.5 * (vertices[j, k] - vertices[i, k])
            above_i += half * normals[i, k]
            above_j -= half * normals[j, k]
            normal[e, k] = normals[i, k] + normals[j, k]
            length += normal[e, k] ** 2
        length = np.sqrt(length)
        for k in range(3):
            flat = 0.5 * (vertices[i, k] + vertices[j, k])
            middle[e, k] = flat - 0.5 * ROUNDNESS * (above_i * normals[i, k] + above_j * normals[j, k])
            normal[e, k] /= length
    return middle, normal
