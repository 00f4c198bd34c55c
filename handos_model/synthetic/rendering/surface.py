"""Look of a surface at a point: noise, texture, and the nails, folds and lines of skin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

# columns of a material row
NOISE, NOISE_SCALE, BUMP, SPECULAR, GLOSS, SUBSURFACE, TEXTURE, SKIN = range(8)
# kinds of skin detail, laid out by skin.py
NAIL, FOLD, WRINKLE, LINE = range(4)
NOISE_SIDE = 32


class Look(NamedTuple):
    """Tables that faces point into. materials (M,8); features (N,14) sorted by bone, bone b's from feature_start[b] on;
    nail (4,): linear colour and shine; volume: `noise_volume`; textures (T,H,W,3) in 0..1."""

    materials: np.ndarray
    features: np.ndarray
    feature_start: np.ndarray
    nail: np.ndarray
    volume: np.ndarray
    textures: np.ndarray


def noise_volume(seed: int = 7) -> np.ndarray:
    """Tileable noise (32,32,32,4) float32: value with deviation 1, then its gradient per cell."""
    rng = np.random.default_rng(seed)
    frequency = np.fft.fftfreq(NOISE_SIDE)
    radius = np.sqrt(sum(f**2 for f in np.meshgrid(frequency, frequency, frequency, indexing="ij")))
    white = np.fft.fftn(rng.standard_normal((NOISE_SIDE,) * 3))
    value = np.real(np.fft.ifftn(white * (radius > 0) / np.maximum(radius, 1e-6) ** 1.3))
    value /= value.std()
    gradient = [(np.roll(value, -1, axis) - np.roll(value, 1, axis)) / 2 for axis in range(3)]
    return np.ascontiguousarray(np.stack([value, *gradient], axis=-1), dtype=np.float32)


@njit(cache=True, fastmath=True, inline="always")
def _noise(volume, x, y, z):
    """Trilinear sample of the noise volume: value and gradient."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    tx, ty, tz = x - fx, y - fy, z - fz
    mask = NOISE_SIDE - 1
    x0, y0, z0 = int(fx) & mask, int(fy) & mask, int(fz) & mask
    x1, y1, z1 = (x0 + 1) & mask, (y0 + 1) & mask, (z0 + 1) & mask
    v, gx, gy, gz = 0.0, 0.0, 0.0, 0.0
    for i in range(2):
        xi, wx = (x0, 1 - tx) if i == 0 else (x1, tx)
        for j in range(2):
            yj, wy = (y0, 1 - ty) if j == 0 else (y1, ty)
            for k in range(2):
                zk, wz = (z0, 1 - tz) if k == 0 else (z1, tz)
                w = wx * wy * wz
                v += w * volume[xi, yj, zk, 0]
                gx += w * volume[xi, yj, zk, 1]
                gy += w * volume[xi, yj, zk, 2]
                gz += w * volume[xi, yj, zk, 3]
    return v, gx, gy, gz


@njit(cache=True, fastmath=True, inline="always")
def _step(low, high, x):
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3 - 2 * t)


@njit(cache=True, fastmath=True)
def _skin_detail(features, first, last, q, wobble):
    """Nail weight, nail rim, and darkening by folds, wrinkles and lines at the rest-pose point q (3,) m."""
    nail, rim, dark = 0.0, 0.0, 0.0
    for i in range(first, last):
        f = features[i]
        x = f[1] * q[0] + f[2] * q[1] + f[3] * q[2] + f[4]
        y = f[5] * q[0] + f[6] * q[1] + f[7] * q[2] + f[8]
        z = f[9] * q[0] + f[10] * q[1] + f[11] * q[2] + f[12]
        kind = int(f[0])
        if kind == NAIL:  # x, z in nail half sizes, y towards the back of the finger
            if y > 0.15:
                d = x * x * x * x + z * z * z * z
                nail = max(nail, 1 - _step(0.8, 1.0, d))
                rim = max(rim, _step(0.7, 1.0, d) * (1 - _step(1.1, 1.7, d)))
        elif kind == LINE:  # a straight piece of a palm line along z, from 0 to 1; x in widths
            if -0.05 < z < 1.05:
                e = x + 0.5 * wobble
                dark = max(dark, f[13] * np.exp(-e * e) * _step(0.0, 0.3, y))
        else:  # z in widths from the joint; y > 0 on the folding side
            e = z + 0.7 * wobble
            if kind == FOLD:
                dark = max(dark, f[13] * np.exp(-e * e) * _step(0.0, 0.5, y))
            else:
                ripple = 0.5 + 0.5 * np.cos(4.2 * z + 0.5 * wobble)
                dark = max(dark, f[13] * ripple * np.exp(-0.3 * z * z - x * x) * _step(0.0, 0.5, y))
    return nail, rim, dark


@njit(cache=True, fastmath=True, inline="always")
def _textured(base, q, choice, textures):
    """Mix a colour with a texture, mirrored at its edges; choice: number of the sheet + share of it."""
    height, width = textures.shape[1], textures.shape[2]
    u, v = int(q[0] * width) % (2 * width), int(q[1] * height) % (2 * height)
    u, v = (2 * width - 1 - u if u >= width else u), (2 * height - 1 - v if v >= height else v)
    sheet = int(choice)
    mix = choice - sheet
    for k in range(3):
        t = textures[sheet, v, u, k]
        base[k] = base[k] * (1 - mix) + mix * t * t * (2.0 * base[k] + 0.2)


@njit(cache=True, fastmath=True, inline="always")
def surface_at(base, n, q, material, bone, look):
    """Turn the smooth colour `base` and normal `n` at the texture coordinates q into those of the material, in place.

    Returns its specular strength and how often the highlight's cosine is squared.
    """
    m = look.materials[material]
    scale = m[NOISE_SCALE]
    blotch, _, _, _ = _noise(look.volume, q[0] * scale * 0.17, q[1] * scale * 0.17 + 5, q[2] * scale * 0.17)
    v1, g1, g2, g3 = _noise(look.volume, q[0] * scale, q[1] * scale, q[2] * scale)
    v2, h1, h2, h3 = _noise(look.volume, q[0] * scale * 4.3 + 9, q[1] * scale * 4.3, q[2] * scale * 4.3)
    bump = m[BUMP]
    n[0] += bump * (0.5 * g1 + h1)
    n[1] += bump * (0.5 * g2 + h2)
    n[2] += bump * (0.5 * g3 + h3)
    norm = 1.0 / np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] + 1e-12)
    tint = max(0.05, 1.0 + m[NOISE] * (0.7 * v1 + 0.5 * v2))
    for k in range(3):
        n[k] *= norm
        base[k] *= tint
    specular, gloss = m[SPECULAR], int(m[GLOSS])
    if m[TEXTURE] > 0:
        _textured(base, q, m[TEXTURE] - 1, look.textures)
    if m[SKIN] > 0:  # blood makes the noise redder than it is dark
        base[1] *= 1.0 - m[NOISE] * (0.5 * v1 + 0.7 * blotch)
        base[2] *= 1.0 - m[NOISE] * (0.4 * v1 + 0.6 * blotch)
        if bone >= 0:
            first, last = look.feature_start[bone], look.feature_start[bone + 1]
            nail, rim, dark = _skin_detail(look.features, first, last, q, v2)
            shadow = (1 - min(0.85, dark * m[SKIN])) * (1 - 0.35 * rim * m[SKIN])
            for k in range(3):
                base[k] = (base[k] * (1 - nail) + nail * look.nail[k]) * shadow
            base[1] *= 1 - 0.1 * dark * m[SKIN]
            specular = specular * (1 - nail) + nail * look.nail[3]
            gloss = gloss if nail < 0.5 else 5
    return specular, gloss
