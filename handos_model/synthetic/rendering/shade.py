"""Per-pixel shading of a rasterised scene: smooth normals, one shadowed key light, sky and ground, a rim light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from handos_model.synthetic.rendering.surface import SUBSURFACE, Look, surface_at

SHOULDER = 0.55  # linear light


class Scene(NamedTuple):
    """points (V,3): px on the fine grid and depth m; camera (V,3) m, normals (V,3), rest (V,3) texture coordinates,
    albedo (V,3) linear, occlusion (V,) 1 in the open; faces (F,3), their material (F,) and bone (F,), -1 for none."""

    points: np.ndarray
    camera: np.ndarray
    normals: np.ndarray
    rest: np.ndarray
    albedo: np.ndarray
    occlusion: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    bone: np.ndarray


class Light(NamedTuple):
    """rows (7,3): direction towards the key light, its colour, up, sky, ground, direction towards the rim light, its
    colour; shadow_map (S,S) with the matrix (3,4) from the camera frame to it; softness of its edges in texels."""

    rows: np.ndarray
    shadow_map: np.ndarray
    matrix: np.ndarray
    softness: float


@njit(cache=True, fastmath=True)
def _lit(shadow_map, matrix, p, softness, bias):
    """Share of the key light that reaches the camera-frame point p: 3x3 taps into the shadow map, bias in m."""
    size = shadow_map.shape[0]
    u = matrix[0, 0] * p[0] + matrix[0, 1] * p[1] + matrix[0, 2] * p[2] + matrix[0, 3]
    v = matrix[1, 0] * p[0] + matrix[1, 1] * p[1] + matrix[1, 2] * p[2] + matrix[1, 3]
    d = matrix[2, 0] * p[0] + matrix[2, 1] * p[1] + matrix[2, 2] * p[2] + matrix[2, 3]
    total = 0.0
    for i in range(-1, 2):
        for j in range(-1, 2):
            x, y = int(u + 0.5 + i * softness), int(v + 0.5 + j * softness)
            if x < 0 or y < 0 or x >= size or y >= size or d < shadow_map[y, x] + bias:
                total += 1.0
    return total / 9.0


@njit(cache=True, fastmath=True, inline="always")
def _interpolate(scene, f, x, y, inverse_depth, work):
    """Fill work (6,3) with normal, texture coordinates, albedo and position at a point of face f; returns openness."""
    points = scene.points
    a, b, c = scene.faces[f, 0], scene.faces[f, 1], scene.faces[f, 2]
    ax, ay = points[a, 0], points[a, 1]
    bx, by, cx, cy = points[b, 0] - ax, points[b, 1] - ay, points[c, 0] - ax, points[c, 1] - ay
    inv = 1.0 / ((bx * cy - by * cx) * inverse_depth)  # perspective-correct weights
    wb = ((x - ax) * cy - (y - ay) * cx) * inv / points[b, 2]
    wc = (bx * (y - ay) - by * (x - ax)) * inv / points[c, 2]
    wa = 1.0 - wb - wc
    for k in range(3):
        work[0, k] = wa * scene.normals[a, k] + wb * scene.normals[b, k] + wc * scene.normals[c, k]
        work[1, k] = wa * scene.rest[a, k] + wb * scene.rest[b, k] + wc * scene.rest[c, k]
        work[2, k] = wa * scene.albedo[a, k] + wb * scene.albedo[b, k] + wc * scene.albedo[c, k]
        work[3, k] = wa * scene.camera[a, k] + wb * scene.camera[b, k] + wc * scene.camera[c, k]
    return wa * scene.occlusion[a] + wb * scene.occlusion[b] + wc * scene.occlusion[c]


@njit(cache=True, fastmath=True, inline="always")
def _illuminate(out, work, openness, specular, gloss, subsurface, light):
    """Add the gamma-encoded colour of a surface point under the lights to out (4,), and 1 to its alpha."""
    n, base, p, eye, half = work[0], work[2], work[3], work[4], work[5]
    rows = light.rows
    away = 1.0 / np.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    facing, rim_facing, up, length, view, shine = 0.0, 0.0, 0.0, 1e-12, 0.0, 0.0
    for k in range(3):
        eye[k] = -p[k] * away
        half[k] = rows[0, k] + eye[k]
        facing += n[k] * rows[0, k]
        up += n[k] * rows[2, k]
        rim_facing += n[k] * rows[5, k]
        view += n[k] * eye[k]
        length += half[k] * half[k]
        shine += half[k] * n[k]
    shine = max(0.0, shine / np.sqrt(length))
    for _ in range(gloss):
        shine *= shine
    bias = 0.004 + 0.008 * (1 - max(0.0, facing))  # m; surfaces along the light would shadow themselves
    lit = _lit(light.shadow_map, light.matrix, p, light.softness, bias) if facing > -0.3 else 0.0
    grazing = (1 - min(1.0, abs(view))) ** 4
    shine = specular * (1 + 4 * grazing) * shine * lit * (1.0 if facing > 0 else 0.0)
    rim_facing = max(0.0, rim_facing)
    for k in range(3):
        # light that went through skin comes out red: past the terminator, and between the fingers
        wrap = subsurface * (0.35 if k == 0 else (0.15 if k == 1 else 0.1))
        bounce = subsurface * (0.12 if k == 0 else 0.0)
        diffuse = max(0.0, (facing + wrap) / (1 + wrap)) * (lit + (1 - lit) * 0.25 * wrap)
        sky = rows[4, k] + (rows[3, k] - rows[4, k]) * (0.5 + 0.5 * up)
        ambient = sky * (openness + (1 - openness) * bounce)
        colour = base[k] * (rows[1, k] * diffuse + ambient + rows[6, k] * rim_facing * openness)
        colour += rows[1, k] * shine + specular * grazing * sky * openness
        if colour > SHOULDER:  # cameras roll highlights off instead of cutting them
            colour = 1 - (1 - SHOULDER) * np.exp((SHOULDER - colour) / (1 - SHOULDER))
        out[k] += np.sqrt(max(0.0, colour))
    out[3] += 1.0


@njit(cache=True, fastmath=True, inline="always")
def _is_smooth(owner, inverse_depth, material, x, y):
    """Whether the four fine pixels of a pixel show one material without a step in depth; and whether they are empty."""
    least, most, empty, first, same = np.inf, 0.0, 0, -1, True
    for k in range(4):
        j, i = 2 * y + k // 2, 2 * x + k % 2
        if owner[j, i] < 0:
            empty += 1
            continue
        least, most = min(least, inverse_depth[j, i]), max(most, inverse_depth[j, i])
        if first >= 0 and material[owner[j, i]] != first:
            same = False
        first = material[owner[j, i]]
    return empty == 0 and same and most < 1.015 * least, empty == 4


@njit(cache=True, fastmath=True)
def shade(owner: np.ndarray, inverse_depth: np.ndarray, scene: Scene, look: Look, light: Light) -> np.ndarray:
    """Colours of the pixels that show a triangle: premultiplied RGBA (H,W,4) float32, gamma 2.

    owner, inverse_depth (2H,2W) of `rasterise` on a grid twice as fine. Edges take the mean of four fine pixels; where
    these show one smooth surface they are shaded as one.
    """
    height, width = owner.shape[0] // 2, owner.shape[1] // 2
    out = np.zeros((height, width, 4), np.float32)
    work, total = np.empty((6, 3)), np.empty(4)
    for y in range(height):
        for x in range(width):
            smooth, empty = _is_smooth(owner, inverse_depth, scene.material, x, y)
            if empty:
                continue
            total[:] = 0.0
            shift = 0.5 if smooth else 0.0
            for k in range(1 if smooth else 4):
                j, i = 2 * y + k // 2, 2 * x + k % 2
                f = owner[j, i]
                if f < 0:
                    continue
                openness = _interpolate(scene, f, i + shift, j + shift, inverse_depth[j, i], work)
                material = scene.material[f]
                specular, gloss = surface_at(work[2], work[0], work[1], material, scene.bone[f], look)
                _illuminate(total, work, openness, specular, gloss, look.materials[material, SUBSURFACE], light)
            for k in range(4):
                out[y, x, k] = total[k] * (1.0 if smooth else 0.25)
    return out


@njit(cache=True, fastmath=True)
def over(layer, behind):
    """Blend a premultiplied layer (H,W,4) over a picture (H,W,3) in place."""
    for y in range(behind.shape[0]):
        for x in range(behind.shape[1]):
            if layer[y, x, 3] > 0:
                for k in range(3):
                    behind[y, x, k] = behind[y, x, k] * (1 - layer[y, x, 3]) + layer[y, x, k]
