"""The hand template: a closed surface of 778 vertices with bones, skinning weights and a joint regressor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class HandTemplate:
    """One right hand in its rest pose, in metres, with what is needed to pose it.

    The template frame is that of the wrist bone: origin at the wrist joint, -z towards the middle finger's MCP, +y out
    of the back of the hand, +x towards the little finger (the thumb is at -x). Every bone has the same kind of frame:
    -z along the bone towards the tip, +y out of the back, so that a negative rotation about x flexes the finger.

    vertices (778, 3) float32; faces (F, 3) int32, normals outward for a right hand; joint_regressor (21, 778) float32,
    non-negative rows that sum to 1, joints in the order of JOINT_NAMES; skinning_weights (778, B) float32; bone_names
    (B,) as in WebXR; bone_parents (B,) int32, -1 for the root, parents before children; bone_frames (B, 4, 4) float32,
    bone to template in the rest pose; coarse (C,) int32 vertex indices; upsample (778, C) float32, rows sum to 1, with
    vertices ~= upsample @ vertices[coarse] for every pose.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    joint_regressor: np.ndarray
    skinning_weights: np.ndarray
    bone_names: tuple[str, ...]
    bone_parents: np.ndarray
    bone_frames: np.ndarray
    coarse: np.ndarray
    upsample: np.ndarray

    @property
    def joints(self) -> np.ndarray:
        """Joints (21, 3) of the rest pose, metres."""
        return self.joint_regressor @ self.vertices

    def mirrored(self) -> HandTemplate:
        """The left hand: x -> -x with the same faces, whose normals then point into the surface.

        Bone frames are mirrored in both their own and the template's axes, so that the same local rotation about x
        flexes either hand; a rotation R of the right hand becomes M R M with M = diag(-1, 1, 1).
        """
        flip = np.diag(np.array([-1, 1, 1, 1], np.float32))
        return replace(
            self,
            name=f"{self.name} (mirrored)",
            vertices=self.vertices * np.array([-1, 1, 1], np.float32),
            bone_frames=flip @ self.bone_frames @ flip,
        )


def signed_volume(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Volume (...) in m^3 of closed surfaces (..., V, 3): positive for a right hand, negative for a left one."""
    corners = np.ascontiguousarray(vertices.swapaxes(-1, -2)).take(faces.T, axis=-1)  # (..., 3 axes, 3 corners, F)
    edges = corners[..., :2, 1:, :] - corners[..., :2, :1, :]
    # The divergence theorem for (0, 0, z): every face's area as seen along z times its mean z.
    area = edges[..., 0, 0, :] * edges[..., 1, 1, :] - edges[..., 0, 1, :] * edges[..., 1, 0, :]  # twice the area
    return (area * corners[..., 2, :, :].sum(axis=-2)).sum(axis=-1) / 6


def _bone_scales(template: HandTemplate, lengths: np.ndarray | None, thickness: np.ndarray | float) -> np.ndarray:
    """Scale (..., B, 3) of every bone along its own axes."""
    bones = len(template.bone_names)
    along = np.ones(bones, np.float32) if lengths is None else np.asarray(lengths, np.float32)
    if along.shape[-1] != bones:
        raise ValueError(f"lengths has the shape {along.shape}, expected (..., {bones}): one factor per bone")
    across = np.broadcast_to(np.asarray(thickness, np.float32), along.shape)
    return np.stack([across, across, along], axis=-1)


def pose_bones(
    template: HandTemplate,
    rotations: np.ndarray,
    lengths: np.ndarray | None = None,
    thickness: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Forward kinematics: frames (..., B, 4, 4) of the posed bones, bone to template.

    rotations (..., B, 3, 3) turn each bone in its own rest frame (identity everywhere = rest pose). lengths (..., B)
    and thickness (float or (..., B)) are factors along and across each bone.
    """
    rotations = np.asarray(rotations, np.float32)
    bones = len(template.bone_names)
    if rotations.shape[-3:] != (bones, 3, 3):
        raise ValueError(f"rotations has the shape {rotations.shape}, expected (..., {bones}, 3, 3)")
    scales = _bone_scales(template, lengths, thickness)
    rest = template.bone_frames
    batch = np.broadcast_shapes(rotations.shape[:-3], scales.shape[:-2])
    posed = np.zeros((*batch, bones, 4, 4), np.float32)
    posed[..., 3, 3] = 1
    for bone, parent in enumerate(template.bone_parents):
        if parent < 0:
            posed[..., bone, :3, :3] = rest[bone, :3, :3] @ rotations[..., bone, :, :]
            posed[..., bone, :3, 3] = rest[bone, :3, 3]
            continue
        local = np.linalg.inv(rest[parent]) @ rest[bone]
        turn = posed[..., parent, :3, :3]
        posed[..., bone, :3, :3] = turn @ local[:3, :3] @ rotations[..., bone, :, :]
        offset = scales[..., parent, :] * local[:3, 3]  # (..., 3)
        posed[..., bone, :3, 3] = (turn @ offset[..., None])[..., 0] + posed[..., parent, :3, 3]
    return posed


def skin(
    template: HandTemplate,
    rotations: np.ndarray,
    lengths: np.ndarray | None = None,
    thickness: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Linear blend skinning: vertices (..., 778, 3) in metres, template frame. Arguments as for pose_bones."""
    posed = pose_bones(template, rotations, lengths, thickness)
    scales = _bone_scales(template, lengths, thickness)
    to_bone = np.linalg.inv(template.bone_frames).astype(np.float32)
    linear = posed[..., :3, :3] * scales[..., None, :]  # (..., B, 3, 3)
    move = linear @ to_bone[:, :3, :3]
    shift = (linear @ to_bone[:, :3, 3:])[..., 0] + posed[..., :3, 3]
    affine = np.concatenate([move, shift[..., None]], axis=-1)  # (..., B, 3, 4)
    flat = affine.reshape(*affine.shape[:-2], 12)
    blended = (template.skinning_weights @ flat).reshape(*affine.shape[:-3], len(template.vertices), 3, 4)
    return (blended[..., :3] @ template.vertices[..., None])[..., 0] + blended[..., 3]
