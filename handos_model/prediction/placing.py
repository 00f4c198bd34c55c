"""Turns what the network says about hands into metric Hands in the camera's frame."""

from __future__ import annotations

import math

import numpy as np

from handos_model.camera import Camera, ray_rotation
from handos_model.hand import Hand, assumed_scale, joints_box
from handos_model.prediction.seen_hands import SeenHands
from handos_model.template.hand_template import HandTemplate, signed_volume
from handos_model.translation_fit import fit_translation

MIN_SIDE_CONFIDENCE = 0.1
"""Side confidence below which the side is reported as unknown."""
FARTHEST = 100.0
"""m: no camera shows a hand that is farther away."""


def placed(
    seen: SeenHands, camera: Camera, template: HandTemplate, hand_scale: float, shrinkage: float
) -> list[Hand | None]:
    """Metric hands with sides, in the camera frame; None for a hand that is not wholly in front of the camera and
    within FARTHEST, which happens with intrinsics that no lens has.

    shrinkage: by how much hands are larger in the image than the joints that the network draws.
    """
    if not len(seen):
        return []
    # The normals of the mesh decide the side, the network gives its confidence; if they disagree, it is 0.
    normals, right = np.sign(signed_volume(seen.vertices, template.faces)).tolist(), seen.right.tolist()
    rotation = view_rotation(seen.views, camera)  # (N, 3, 3)
    points = np.concatenate([seen.joints_3d, seen.vertices], axis=1)
    points = points @ (hand_scale * rotation).astype(np.float32).transpose(0, 2, 1)  # (N, 21 + V, 3)
    by_network = (hand_scale * network_translation(seen.translation, seen.views, rotation, camera)).astype(np.float32)
    spread = spread_out(seen.joints_2d, shrinkage)
    fitted, solved = fit_translation(points[:, :21], camera.normalise(spread), seen.joint_confidence)
    translation = np.where(solved[:, None], fitted, by_network).astype(np.float32)
    points = points + translation[:, None]
    boxes = joints_box(seen.joints_2d).astype(np.float32)
    joints_2d = seen.joints_2d.astype(np.float32)
    source = assumed_scale(hand_scale)
    hands: list[Hand | None] = []
    for i in range(len(seen)):
        if not (points[i, :, 2].min() > 0 and np.abs(points[i]).max() < FARTHEST):  # nor with NaN
            hands.append(None)
            continue
        confidence = max(normals[i] * (2 * right[i] - 1), 0.0)
        side = ("right" if normals[i] > 0 else "left") if confidence >= MIN_SIDE_CONFIDENCE else "unknown"
        joints_3d, vertices = points[i, :21].copy(), points[i, 21:].copy()  # which may be kept without the rest
        values = (boxes[i], joints_2d[i], seen.joint_confidence[i], joints_3d, vertices, translation[i])
        hands.append(Hand(float(seen.scores[i]), side, confidence, *values, by_network[i], scale_source=source))
    return hands


def view_rotation(views: np.ndarray, camera: Camera) -> np.ndarray:
    """Rotations (N, 3, 3) from the view frames of N hands to the camera frame: R_ray(centre) @ Rz(angle).

    views (N, 4): centre and size in px of the source image, angle in rad. The z axis of a view frame is the ray through
    the view's centre, so what the network sees of a hand does not change with the hand's place in the image.
    """
    rays = camera.nearest_rays(views[:, :2])  # centres may lie beyond the distortion model, off the image's edge
    turns = [(math.cos(angle), math.sin(angle)) for angle in views[:, 3].tolist()]
    spin = np.array([[[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]] for c, s in turns]).reshape(-1, 3, 3)
    return ray_rotation(rays) @ spin


def spread_out(joints_2d: np.ndarray, factor: float) -> np.ndarray:
    """Joints (N, 21, 2) of N hands in the image, each hand enlarged by the factor about its middle."""
    middle = joints_2d.mean(axis=1, keepdims=True)
    return middle + factor * (joints_2d - middle)


def network_translation(translation: np.ndarray, views: np.ndarray, rotation: np.ndarray, camera: Camera) -> np.ndarray:
    """Metric translations (N, 3) in the camera's axes, from the network's own output (N, 3).

    views (N, 4) and rotation (N, 3, 3) as in view_rotation.
    """
    depth_unit = camera.focal / np.maximum(views[:, 2:3], 1e-6)  # of a hand at which the view shows one metre
    metric = np.concatenate([translation[:, :2], translation[:, 2:] * depth_unit], axis=1)
    return (rotation @ metric[..., None])[..., 0]
