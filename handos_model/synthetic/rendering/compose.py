"""From meshes in the camera frame to a picture: rasterise, light, shade, blend over the background."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from handos_model.synthetic.rendering.light import ambient_occlusion, sample_lighting, shadow_map
from handos_model.synthetic.rendering.mesh import Mesh, join, refine
from handos_model.synthetic.rendering.photograph import motion_kernel
from handos_model.synthetic.rendering.raster import rasterise, vertex_normals
from handos_model.synthetic.rendering.shade import Light, Scene, over, shade
from handos_model.synthetic.rendering.surface import Look, noise_volume

_noise = lru_cache(maxsize=1)(noise_volume)


def project(points: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Pixels (...,2) of camera-frame points (...,3) in metres."""
    return points[..., :2] / points[..., 2:] * [K[0, 0], K[1, 1]] + [K[0, 2], K[1, 2]]


def draw(
    rng: np.random.Generator,
    meshes: list[Mesh],
    around: tuple[np.ndarray, float],
    materials: np.ndarray,
    detail: tuple[np.ndarray, np.ndarray, np.ndarray],
    K: np.ndarray,
    behind: np.ndarray,
    sheets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blend meshes over a background (H,W,3) float32 in 0..1.

    around: centre (3,) and radius in m of the region with shadows; detail: features, feature_start and nail of a Look.
    Returns the picture, the inverse depth (2H,2W) in 1/m (0 where nothing is) and the hand at every pixel (H,W), -1
    for none.
    """
    height, width = behind.shape[:2]
    whole = join(meshes)
    normals = vertex_normals(whole.vertices, whole.faces)
    lighting = sample_lighting(rng, np.array(cv2.mean(behind)[:3]) ** 2)
    openness = ambient_occlusion(whole.vertices, normals, whole.faces, *around)
    shadows, matrix = shadow_map(whole.vertices, whole.faces, *around, lighting.lights[0])
    whole, owners, normals, openness = refine(meshes, whole, normals, openness)
    pixels = project(whole.vertices.astype(float), K) * 2 + 0.5  # pixel centres of a grid twice as fine
    points = np.concatenate([pixels, whole.vertices[:, 2:]], 1).astype(np.float32)
    inverse_depth, face = rasterise(points, whole.faces, 2 * height, 2 * width)
    scene = Scene(
        points, whole.vertices, normals, whole.rest, whole.albedo, openness, whole.faces, whole.material, whole.bone
    )
    light = Light(lighting.lights, shadows, matrix, lighting.softness)
    layer = shade(face, inverse_depth, scene, Look(materials, *detail, _noise(), sheets), light)
    if rng.random() < 0.12:  # the hand moves, the room does not
        kernel = motion_kernel(rng.uniform(2, 15) * max(height, width) / 256, rng.uniform(0, np.pi))
        layer = cv2.filter2D(layer, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    picture = behind.copy()
    if rng.random() < 0.4:
        _cast_shadow(rng, picture, layer[..., 3], lighting.lights[0])
    over(layer, picture)
    seen = face[::2, ::2]
    return picture, inverse_depth, np.where(seen >= 0, owners[seen], -1)


def _cast_shadow(rng: np.random.Generator, picture: np.ndarray, alpha: np.ndarray, toward: np.ndarray) -> None:
    """Darkens a picture (H,W,3) in place where objects (alpha (H,W)) would cast a shadow on a surface close behind."""
    height, width = alpha.shape
    edge = max(height, width)
    small = cv2.resize(alpha, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    reach = rng.uniform(0.0, 0.12) * edge / 4
    move = np.array([[1, 0, -toward[0] * reach], [0, 1, -toward[1] * reach]], np.float32)
    size = (small.shape[1], small.shape[0])
    small = cv2.warpAffine(small, move, size, borderMode=cv2.BORDER_REPLICATE)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.006, 0.05) * edge / 4 + 0.3)
    shadow = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    picture *= (1 - np.float32(rng.uniform(0.15, 0.6)) * shadow)[..., None]
