"""Triangle rasteriser with a z-buffer, in numba, for the synthetic frames."""

from __future__ import annotations

import numpy as np
from numba import njit

NEAR = 0.03  # m; triangles with a corner nearer than this are dropped


@njit(cache=True, fastmath=True)
def rasterise(points: np.ndarray, faces: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest front-facing triangle of every pixel.

    points (V,3): x px, y px (pixel centres at whole numbers), depth m; faces (F,3) with normals (b-a) x (c-a) outwards
    in the camera frame (x right, y down, z forward). Returns the inverse depth (H,W) in 1/m, 0 where nothing is, and
    the face index (H,W), -1 where nothing is.
    """
    inverse_depth = np.zeros((height, width), np.float32)
    owner = np.full((height, width), -1, np.int32)
    for f in range(faces.shape[0]):
        # an outside that faces the camera is counter-clockwise in x right, y down: swap to get a positive area
        a, b, c = faces[f, 0], faces[f, 2], faces[f, 1]
        za, zb, zc = points[a, 2], points[b, 2], points[c, 2]
        if za < NEAR or zb < NEAR or zc < NEAR:
            continue
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area <= 1e-9:
            continue
        x0 = max(0, int(np.ceil(min(ax, bx, cx))))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx))))
        y0 = max(0, int(np.ceil(min(ay, by, cy))))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy))))
        if x1 < x0 or y1 < y0:
            continue
        inv = 1.0 / area
        ia, ib, ic = 1.0 / za, 1.0 / zb, 1.0 / zc
        # weights are affine in x and y: evaluate once per row, then step
        dwb = (cy - ay) * inv
        dwc = -(by - ay) * inv
        for y in range(y0, y1 + 1):
            wb = ((x0 - ax) * (cy - ay) - (y - ay) * (cx - ax)) * inv
            wc = ((bx - ax) * (y - ay) - (by - ay) * (x0 - ax)) * inv
            for x in range(x0, x1 + 1):
                wa = 1.0 - wb - wc
                if wa >= -1e-6 and wb >= -1e-6 and wc >= -1e-6:
                    z = wa * ia + wb * ib + wc * ic
                    if z > inverse_depth[y, x]:
                        inverse_depth[y, x] = z
                        owner[y, x] = f
                wb += dwb
                wc += dwc
    return inverse_depth, owner


@njit(cache=True, fastmath=True)
def depth_map(points: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """Nearest orthographic depth (size,size) of triangles, both faces; points (V,3) in px, depth along the third axis.

    Empty pixels hold +inf. Used as a shadow map: the third axis points away from the light.
    """
    depth = np.full((size, size), np.inf, np.float32)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        x0 = max(0, int(np.ceil(min(ax, bx, cx))))
        x1 = min(size - 1, int(np.floor(max(ax, bx, cx))))
        y0 = max(0, int(np.ceil(min(ay, by, cy))))
        y1 = min(size - 1, int(np.floor(max(ay, by, cy))))
        inv = 1.0 / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) * inv
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) * inv
                wa = 1.0 - wb - wc
                if wa >= 0 and wb >= 0 and wc >= 0:
                    z = wa * points[a, 2] + wb * points[b, 2] + wc * points[c, 2]
                    if z < depth[y, x]:
                        depth[y, x] = z
    return depth


@njit(cache=True, fastmath=True)
def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V,3) float32 of a mesh; zero for a vertex without a face."""
    normals = np.zeros(vertices.shape, np.float32)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2])
        vx, vy, vz = (vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2])
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(vertices.shape[0]):
        n = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if n > 1e-20:
            normals[v] /= n
    return normals
