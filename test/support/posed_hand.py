"""Posed hands of known geometry for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handos_model.template.anatomy import ANGLE_NAMES, SEGMENTS, finger_bones
from handos_model.template.hand_template import HandTemplate, skin
from handos_model.template.load import load_template

BONE_OF = {"cmc": 0, "mcp": 1, "pip": 2, "dip": 3}
THUMB_BONE_OF = {"cmc": 0, "mcp": 1, "ip": 3}
AXES = {"flexion": ((1, 0, 0), -1), "abduction": ((0, 1, 0), 1), "twist": ((0, 0, 1), 1)}


def rotation(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    """Rotation (3, 3) about an axis, rad."""
    x, y, z = np.array(axis, np.float64) / np.linalg.norm(axis)
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K


def posed_hand(curl: float = 0.4, side: str = "right", turn: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (778, 3) and joints (21, 3) in m relative to the wrist, axes of a camera frame.

    The fingers flex by `curl` rad per joint. Without `turn` (3, 3) the palm shows to the camera with fingers up.
    """
    template = load_template()
    rotations = np.tile(np.eye(3), (len(template.bone_names), 1, 1))
    for bone, name in enumerate(template.bone_names):
        if "phalanx" in name:
            rotations[bone] = rotation((1, 0, 0), -curl)
    vertices = skin(template, rotations).astype(np.float64)
    if side == "left":
        vertices = vertices * [-1, 1, 1]
    # template: -z to the fingers, +y out of the back; camera: y down, z away from it, so fingers up is -y
    to_camera = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    vertices = vertices @ (to_camera if turn is None else turn @ to_camera).T
    joints = template.joint_regressor.astype(np.float64) @ vertices
    return vertices - joints[0], joints - joints[0]


def palm_in_one_bone() -> HandTemplate:
    """The embedded template with bones as MANO has them: the fingers' metacarpals are the wrist's."""
    template = load_template()
    metacarpals = finger_bones(template)[1:, SEGMENTS.index("metacarpal")]
    kept = [bone for bone in range(len(template.bone_names)) if bone not in metacarpals]
    weights = template.skinning_weights.copy()
    weights[:, 0] += weights[:, metacarpals].sum(axis=1)
    parents = [kept.index(parent) if parent in kept else 0 for parent in template.bone_parents[kept]]
    parents[0] = -1
    return replace(
        template,
        bone_names=tuple(template.bone_names[bone] for bone in kept),
        bone_parents=np.array(parents, np.int32),
        bone_frames=template.bone_frames[kept],
        skinning_weights=weights[:, kept],
    )


def bone_rotations(template: HandTemplate, angles: np.ndarray) -> np.ndarray:
    """Local rotations (B, 3, 3) of angles (5, 5) rad, read off ANGLE_NAMES: abduction, then flexion, then twist."""
    rotations = np.tile(np.eye(3), (len(template.bone_names), 1, 1))
    bones = finger_bones(template)
    for motion in ("abduction", "flexion", "twist"):
        for finger, names in enumerate(ANGLE_NAMES):
            for name, angle in zip(names, angles[finger], strict=True):
                _, joint, kind = name.split("_")
                bone = bones[finger, (BONE_OF if finger else THUMB_BONE_OF)[joint]]
                if kind == motion and bone >= 0:
                    axis, sign = AXES[motion]
                    rotations[bone] = rotations[bone] @ rotation(axis, sign * angle)
    return rotations
