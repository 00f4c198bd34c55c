"""From meshes in the camera frame to a picture: rasterise, light, shade, blend over the background."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from handos_model.data.synthetic.camera import motion_kernel
from handos_model.data.synthetic.light import ambient_occlusion, sample_lighting, shadow_map
from handos_model.data.synthetic.mesh import Mesh, join
from handos_model.data.synthetic.raster import halve, rasterise, vertex_normals
from handos_model.data.synthetic.shade import noise_volume, shade

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

    around: centre (3,) and radius in m of what gets shadows; detail: features and feature_start of shade.py, nail row.
    Returns the picture, the depth (2H,2W) in m (inf where nothing is) and the mesh owner of every pixel (2H,2W),
    -2 where nothing is.
    """
    height, width = behind.shape[:2]
    scene, owners = join(meshes)
    pixels = project(scene.vertices.astype(float), K) * 2 + 0.5  # pixel centres of a grid twice as fine
    points = np.concatenate([pixels, scene.vertices[:, 2:]], 1).astype(np.float32)
    inverse_depth, face = rasterise(points, scene.faces, 2 * height, 2 * width)
    normals = vertex_normals(scene.vertices, scene.faces)
    lighting = sample_lighting(rng, behind.reshape(-1, 3).mean(0) ** 2)
    centre, radius = around
    occlusion = ambient_occlusion(scene.vertices, normals, scene.faces, centre, radius)
    shadows, matrix = shadow_map(scene.vertices, scene.faces, centre, radius, lighting.lights[0])
    features, feature_start, nail = detail
    layer = shade(
        face, inverse_depth, points, scene.vertices, normals, scene.rest, scene.albedo, occlusion, scene.faces,
        scene.material, scene.bone, materials, features, feature_start, nail, _noise(), sheets,
        lighting.lights, shadows, matrix, lighting.softness,
    )  # fmt: skip
    layer = halve(layer)
    if rng.random() < 0.08:  # the hand moves, the room does not
        kernel = motion_kernel(rng.uniform(2, 12) * max(height, width) / 256, rng.uniform(0, np.pi))
        layer = cv2.filter2D(layer, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    picture = behind * (1 - layer[..., 3:]) + layer[..., :3]
    with np.errstate(divide="ignore"):
        depth = 1 / inverse_depth
    return picture.astype(np.float32), depth, np.where(face >= 0, owners[face], -2)
