"""Per-pixel shading of a rasterised scene: smooth normals, one shadowed key light, sky and ground, skin detail."""

from __future__ import annotations

import numpy as np
from numba import njit

# columns of a material row
NOISE, NOISE_SCALE, BUMP, SPECULAR, GLOSS, SUBSURFACE, TEXTURE, SKIN = range(8)
# kinds of skin detail, see skin.py
NAIL, FOLD, WRINKLE, LINE = range(4)
NOISE_SIDE = 32


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
        if kind == NAIL:  # x, z in nail half sizes, y > 0 on the back of the finger
            if y > 0:
                d = x * x * x * x + z * z * z * z
                nail = max(nail, 1 - _step(0.8, 1.0, d))
                rim = max(rim, _step(0.7, 1.0, d) * (1 - _step(1.1, 1.7, d)))
        elif kind == LINE:  # a straight piece of a palm line along z, from 0 to 1; x in widths
            if -0.05 < z < 1.05:
                e = x + 1.2 * wobble
                dark = max(dark, f[13] * np.exp(-e * e) * _step(0.0, 0.3, y))
        else:  # z in widths from the joint; y > 0 on the folding side
            e = z + 0.7 * wobble
            if kind == FOLD:
                dark = max(dark, f[13] * np.exp(-e * e) * _step(0.0, 0.5, y))
            else:
                ripple = 0.5 + 0.5 * np.cos(4.5 * e + wobble)
                dark = max(dark, f[13] * ripple * np.exp(-0.25 * e * e - x * x) * _step(0.0, 0.5, y))
    return nail, rim, dark


@njit(cache=True, fastmath=True)
def _lit(shadow_map, matrix, p, softness):
    """Share of the key light that reaches the camera-frame point p: 3x3 taps into the shadow map."""
    size = shadow_map.shape[0]
    u = matrix[0, 0] * p[0] + matrix[0, 1] * p[1] + matrix[0, 2] * p[2] + matrix[0, 3]
    v = matrix[1, 0] * p[0] + matrix[1, 1] * p[1] + matrix[1, 2] * p[2] + matrix[1, 3]
    d = matrix[2, 0] * p[0] + matrix[2, 1] * p[1] + matrix[2, 2] * p[2] + matrix[2, 3]
    total = 0.0
    for i in range(-1, 2):
        for j in range(-1, 2):
            x, y = int(u + 0.5 + i * softness), int(v + 0.5 + j * softness)
            if x < 0 or y < 0 or x >= size or y >= size or d < shadow_map[y, x] + 0.004:
                total += 1.0
    return total / 9.0


@njit(cache=True, fastmath=True)
def shade(
    owner, inverse_depth, points, camera, normals, rest, albedo, occlusion, faces, face_material, face_bone, materials,
    features, feature_start, nail_colour, volume, texture, lights, shadow_map, light_matrix, softness,
):
    """Colours of the pixels that show a triangle.

    owner, inverse_depth (H,W) of `rasterise`; points (V,3) px; camera (V,3) m, normals (V,3), rest (V,3) texture
    coordinates, albedo (V,3) linear, occlusion (V,) 0..1; faces (F,3); face_material, face_bone (F,) with -1 for no
    skin detail; materials (M,8); lights (7,3): direction towards the key light, its colour, up, sky, ground, direction
    towards the rim light, its colour. Returns premultiplied RGBA (H,W,4) float32, gamma 2.
    """
    height, width = owner.shape
    out = np.zeros((height, width, 4), np.float32)
    tex_h, tex_w = texture.shape[1], texture.shape[2]
    n, q, base, p, r, eye = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for y in range(height):
        for x in range(width):
            f = owner[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay = points[a, 0], points[a, 1]
            bx, by, cx, cy = points[b, 0] - ax, points[b, 1] - ay, points[c, 0] - ax, points[c, 1] - ay
            inv = 1.0 / (bx * cy - by * cx)
            wb = ((x - ax) * cy - (y - ay) * cx) * inv
            wc = (bx * (y - ay) - by * (x - ax)) * inv
            depth = 1.0 / inverse_depth[y, x]
            wb *= depth / points[b, 2]  # perspective-correct weights
            wc *= depth / points[c, 2]
            wa = 1.0 - wb - wc
            length = 0.0
            shade_ao = wa * occlusion[a] + wb * occlusion[b] + wc * occlusion[c]
            for k in range(3):
                n[k] = wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k]
                q[k] = wa * rest[a, k] + wb * rest[b, k] + wc * rest[c, k]
                base[k] = wa * albedo[a, k] + wb * albedo[b, k] + wc * albedo[c, k]
                p[k] = wa * camera[a, k] + wb * camera[b, k] + wc * camera[c, k]
                length += p[k] * p[k]
            length = 1.0 / np.sqrt(length)
            for k in range(3):
                eye[k] = -p[k] * length
            m = materials[face_material[f]]

            scale = m[NOISE_SCALE]
            v1, g1, g2, g3 = _noise(volume, q[0] * scale, q[1] * scale, q[2] * scale)
            v2, h1, h2, h3 = _noise(volume, q[0] * scale * 4.3 + 9, q[1] * scale * 4.3, q[2] * scale * 4.3)
            tint = 1.0 + m[NOISE] * (0.7 * v1 + 0.5 * v2)
            bump = m[BUMP]
            n[0] += bump * (0.5 * g1 + h1)
            n[1] += bump * (0.5 * g2 + h2)
            n[2] += bump * (0.5 * g3 + h3)
            norm = 1.0 / np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] + 1e-12)
            n[0] *= norm
            n[1] *= norm
            n[2] *= norm
            for k in range(3):
                base[k] *= max(0.05, tint)
            if m[SKIN] > 0:  # blood makes the noise redder than it is dark
                base[0] *= 1.0 - 0.4 * m[NOISE] * v1
                base[2] *= 1.0 + 0.3 * m[NOISE] * v2
            if m[TEXTURE] > 0:
                sheet = int(m[TEXTURE]) - 1
                u, v = int(q[0] * tex_w) % (2 * tex_w), int(q[1] * tex_h) % (2 * tex_h)
                u, v = (2 * tex_w - 1 - u if u >= tex_w else u), (2 * tex_h - 1 - v if v >= tex_h else v)
                mix = m[TEXTURE] - int(m[TEXTURE])
                for k in range(3):
                    t = texture[sheet, v, u, k]
                    base[k] = base[k] * (1 - mix) + mix * t * t * (2.0 * base[k] + 0.2)

            specular, gloss = m[SPECULAR], int(m[GLOSS])
            bone = face_bone[f]
            if bone >= 0 and m[SKIN] > 0:
                nail, rim, dark = _skin_detail(features, feature_start[bone], feature_start[bone + 1], q, v2)
                shadow = (1 - min(0.85, dark * m[SKIN])) * (1 - 0.35 * rim * m[SKIN])
                for k in range(3):
                    base[k] = (base[k] * (1 - nail) + nail * nail_colour[k]) * shadow
                base[1] *= 1 - 0.1 * dark * m[SKIN]
                specular = specular * (1 - nail) + nail * nail_colour[3]
                gloss = gloss if nail < 0.5 else 5

            facing, rim_facing, up, half, view = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(3):
                facing += n[k] * lights[0, k]
                up += n[k] * lights[2, k]
                rim_facing += n[k] * lights[5, k]
                view += n[k] * eye[k]
                r[k] = lights[0, k] + eye[k]
                half += r[k] * r[k]
            half = (r[0] * n[0] + r[1] * n[1] + r[2] * n[2]) / np.sqrt(half + 1e-12)
            lit = _lit(shadow_map, light_matrix, p, softness) if facing > -0.3 else 0.0
            shine = max(0.0, half)
            for _ in range(gloss):
                shine *= shine
            grazing = (1 - min(1.0, abs(view))) ** 4
            shine = specular * (1 + 4 * grazing) * shine * lit * (1.0 if facing > 0 else 0.0)
            rim_facing = max(0.0, rim_facing)
            for k in range(3):
                wrap = m[SUBSURFACE] * (0.35 if k == 0 else (0.15 if k == 1 else 0.1))
                diffuse = max(0.0, (facing + wrap) / (1 + wrap)) * (lit + (1 - lit) * 0.25 * wrap)
                sky = lights[4, k] + (lights[3, k] - lights[4, k]) * (0.5 + 0.5 * up)
                bounce = m[SUBSURFACE] * (0.12 if k == 0 else 0.0)  # light between fingers turns red, not black
                ambient = sky * (shade_ao + (1 - shade_ao) * bounce)
                colour = base[k] * (lights[1, k] * diffuse + ambient + lights[6, k] * rim_facing * shade_ao)
                colour += lights[1, k] * shine + specular * grazing * sky * shade_ao
                out[y, x, k] = np.sqrt(min(1.0, max(0.0, colour)))
            out[y, x, 3] = 1.0
    return out
