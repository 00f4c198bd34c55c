"""A hand's mesh, smoothly shaded, on an image: OpenCV fills the triangles, NumPy shades the pixels they cover."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from handos_model.camera import Camera, ray_rotation

SUPERSAMPLED = 450
"""px: hands up to this extent are rendered at twice the image's resolution, larger ones at the image's own."""
LARGEST_SHADED = 1000
"""px: hands beyond this extent are rendered at this size and enlarged, since rendering takes 60 bytes per pixel."""
SHIFT = 4
"""Fractional bits of OpenCV's coordinates."""
_BAND = 256  # rows that are blended at once
_MATCAP = 256
_LIGHT = np.array([-0.45, -0.70, -0.55]) / np.linalg.norm([-0.45, -0.70, -0.55])  # from above, left, behind the camera


def draw_mesh(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    camera: Camera,
    colour: tuple[int, int, int],
    outward: bool = True,
    alpha: float = 0.75,
) -> None:
    """Blends a closed mesh into `image` (H, W, 3) uint8 RGB, in place.

    vertices (V, 3) m in the camera frame; faces (F, 3), whose normals point out of the surface when `outward` (right
    hands with the template's faces) and into it otherwise. Meshes not wholly in front of the camera are left out.
    """
    pixels = camera.project(vertices)
    if not np.isfinite(pixels).all():
        return
    region = covered_region(pixels, 1, 2, image.shape)  # x1 and y1 are exclusive
    if region is None:
        return
    x0, y0, x1, y1 = region
    size = x1 - x0, y1 - y0
    scale = 2 if max(size) <= SUPERSAMPLED else min(1, LARGEST_SHADED / max(size))
    width, height = (max(1, round(edge * scale)) for edge in size)
    points = ((pixels - [x0, y0] + 0.5) * [width / size[0], height / size[1]] - 0.5).astype(np.float32)
    corners = faces if outward else faces[:, ::-1]
    face_at = _rasterise(points, vertices[:, 2], corners, (height, width))
    layer = _shade(face_at, points, vertices, corners, colour)  # (h, w, 4): colour times coverage, coverage
    layer = cv2.resize(layer, size, interpolation=cv2.INTER_AREA) if scale > 1 else _softened(layer)
    if scale < 1:
        layer = cv2.resize(layer.astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)
    for y in range(0, size[1], _BAND):
        band = layer[y : y + _BAND].astype(np.float32, copy=False)
        target = image[y0 + y : min(y0 + y + _BAND, y1), x0:x1]
        target[:] = (target * (1 - alpha / 255 * band[..., 3:]) + alpha * band[..., :3] + 0.5).astype(np.uint8)


def covered_region(
    pixels: np.ndarray, before: float, after: float, shape: tuple[int, ...]
) -> tuple[int, int, int, int] | None:
    """The part of the image that points cover, as x0, y0, x1, y1; None if it is empty.

    before, after: px around their extent, towards lower and higher coordinates.
    """
    low = np.maximum(np.floor(pixels.min(axis=0) - before), 0)
    high = np.minimum(np.ceil(pixels.max(axis=0) + after), [shape[1], shape[0]])
    if (high <= low).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _rasterise(points: np.ndarray, depth: np.ndarray, faces: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Index of the face seen at each pixel, (h, w) int32, -1 where there is none. Far faces are painted first."""
    a, b, c = (points[faces[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    # With y down, a face whose normal points at the camera has a negative area; it is counter-clockwise on screen.
    front = np.flatnonzero(area < 0)
    front = front[np.argsort(-depth[faces[front]].mean(axis=1), kind="stable")]
    fixed = np.clip(np.rint(points * (1 << SHIFT)), -(1 << 22), 1 << 22).astype(np.int32)
    face_at = np.full(shape, -1, np.int32)
    fill, line, triangles = cv2.fillConvexPoly, cv2.LINE_8, fixed[faces[front]]
    for face, triangle in zip(front.tolist(), triangles, strict=True):
        fill(face_at, triangle, face, line, SHIFT)
    return face_at


def _shade(
    face_at: np.ndarray, points: np.ndarray, vertices: np.ndarray, faces: np.ndarray, colour: tuple[int, int, int]
) -> np.ndarray:
    """Colour times coverage and coverage, (h, w, 4) float32 0..255, of a rasterised mesh."""
    normals = vertex_normals(vertices, faces)
    centre = vertices.mean(axis=0)
    toward = normals @ ray_rotation((centre[:2] / centre[2])[None])[0]  # as seen along the ray to the hand
    depth = (vertices[:, 2] - centre[2]) / np.ptp(vertices, axis=0).max()
    covered = np.flatnonzero(face_at >= 0)
    seen_x, seen_y, seen_depth = _interpolate([toward[:, 0], toward[:, 1], depth], points, faces, face_at, covered)
    half = (_MATCAP - 1) / 2
    x = np.clip(seen_x * half + (half + 0.5), 0, _MATCAP - 1).astype(np.intp)
    y = np.clip(seen_y * half + (half + 0.5), 0, _MATCAP - 1).astype(np.intp)
    layer = np.zeros((face_at.size, 4), np.float32)
    shadow = _contact_shadow(face_at.shape, covered, seen_depth, np.ptp(points, axis=0).max())
    shaded = np.take(_matcap(colour), y * _MATCAP + x, axis=0)  # (P, 4)
    shaded[:, :3] *= shadow[:, None]
    layer[covered] = shaded
    return layer.reshape(*face_at.shape, 4)


def _interpolate(
    values: list[np.ndarray], points: np.ndarray, faces: np.ndarray, face_at: np.ndarray, covered: np.ndarray
) -> list[np.ndarray]:
    """Values (P,) at the covered pixels from values (V,) at the vertices: barycentric, clamped to each pixel's face.

    Every factor is gathered as a separate vector, which is several times faster than gathering rows.
    """
    face = face_at.ravel()[covered]
    row, column = np.divmod(covered, face_at.shape[1])
    row, column = row.astype(np.float32), column.astype(np.float32)
    a, b, c = (points[faces[:, i]] for i in range(3))
    ab, ac = b - a, c - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    inverse = 1 / np.where(np.abs(area) < 1e-6, np.float32(1e-6), area)
    weights = []
    for gradient in ((ac[:, 1] * inverse, -ac[:, 0] * inverse), (-ab[:, 1] * inverse, ab[:, 0] * inverse)):
        constant = -(gradient[0] * a[:, 0] + gradient[1] * a[:, 1])
        weight = constant[face] + gradient[0][face] * column + gradient[1][face] * row
        weights.append(np.clip(weight, 0, 1, out=weight))
    result = []
    for value in values:
        corner = value.astype(np.float32)[faces.T]  # (3, F)
        result.append(
            corner[0][face] + weights[0] * (corner[1] - corner[0])[face] + weights[1] * (corner[2] - corner[0])[face]
        )
    return result


def _contact_shadow(shape: tuple[int, int], covered: np.ndarray, depth: np.ndarray, size: float) -> np.ndarray:
    """Factors (P,) that darken pixels that lie behind their surroundings, as unsharp masking of the depth buffer does
    (Luft et al., SIGGRAPH 2006): fingers then stand out from the palm behind them."""
    buffer = np.zeros((shape[0] * shape[1], 2), np.float32)
    buffer[covered, 0] = depth
    buffer[covered, 1] = 1
    small = cv2.resize(buffer.reshape(*shape, 2), (-(-shape[1] // 4), -(-shape[0] // 4)), interpolation=cv2.INTER_AREA)
    width = max(3, int(0.02 * size)) | 1
    blurred = cv2.blur(cv2.blur(small, (width, width)), (width, width))
    around = blurred[..., 0] / np.maximum(blurred[..., 1], 1e-6)
    around = cv2.resize(around, shape[::-1], interpolation=cv2.INTER_LINEAR).ravel()[covered]
    return 1 - 0.5 * np.clip((depth - around) / 0.12, 0, 1)


def _softened(layer: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(layer, (3, 3), 0.6)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) of a mesh, weighted by the areas of the faces around each vertex."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)  # (F, 3)
    corners = faces.T.ravel()
    summed = np.column_stack([np.bincount(corners, np.tile(normal[:, i], 3), len(vertices)) for i in range(3)])
    return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)


@cache
def _matcap(colour: tuple[int, int, int]) -> np.ndarray:
    """The look of a sphere of that colour, (256 * 256, 4) float32: colour and 255, indexed by the y and x of the
    surface's normal."""
    axis = np.linspace(-1, 1, _MATCAP)
    x, y = np.meshgrid(axis, axis)
    radius = np.sqrt(x**2 + y**2)
    shrink = np.minimum(1, 0.999 / np.maximum(radius, 1e-9))
    x, y = x * shrink, y * shrink
    z = -np.sqrt(1 - x**2 - y**2)  # towards the camera
    normal = np.stack([x, y, z], axis=-1)
    key = np.clip(normal @ _LIGHT * 0.6 + 0.4, 0, 1) ** 1.4  # wraps around: skin scatters light
    half = _LIGHT + np.array([0, 0, -1])
    gloss = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 28
    rim = (1 + z) ** 3 * np.clip(0.6 + 0.8 * x, 0, 1)
    sky = 0.5 - 0.5 * y
    base = np.array(colour, np.float64) / 255
    lit = base * (0.30 + 0.14 * sky + 0.82 * key)[..., None]
    lit = lit * (0.62 + 0.38 * np.clip(-z * 1.6, 0, 1))[..., None]  # contours
    lit = lit + 0.22 * gloss[..., None] + 0.22 * rim[..., None] * (0.5 + 0.5 * base)
    # Highlights roll off: if they were clipped channel by channel, their hue would change.
    lit = np.where(lit < 0.7, lit, 1 - 0.3 * np.exp(-(lit - 0.7) / 0.3))
    opaque = np.concatenate([lit * 255, np.full_like(x, 255)[..., None]], axis=-1)
    return opaque.astype(np.float32).reshape(-1, 4)
