"""Inverse kinematics: the anatomically possible hand that is nearest to a mesh, and the angles of its joints."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handos_model.hand import KNOWN_SIDES, Hand
from handos_model.kinematics.bending import Limits, bend
from handos_model.kinematics.frames import nearest_rotation
from handos_model.kinematics.skeleton import HandSkeleton, skeleton_of
from handos_model.template.anatomy import HIGHEST, LOWEST

AIM = 2.0
"""Weight of a bone's end in finding its direction, relative to that of its own three axes."""

_MIRROR = np.array([-1.0, 1, 1])
# Columns of ANGLE_NAMES that hold the turns of a bone, -1 if it does not turn that way, by level, then by finger:
# abduction about y, flexion about -x, twist about z.
_FIXED, _HINGE = [-1, -1, -1], [-1, 2, -1]
_COLUMNS = np.array([
    [[1, 0, 4], *[[-1, 4, -1]] * 4],
    [_HINGE, *[[1, 0, -1]] * 4],
    [_FIXED, *[_HINGE] * 4],
    [[-1, 3, -1]] * 5,
])  # fmt: skip
_LEVELS, _FINGERS, _TURNS = np.nonzero(_COLUMNS >= 0)  # of those of the 25 angles that exist; _ANGLES are their columns
_ANGLES = _COLUMNS[_LEVELS, _FINGERS, _TURNS]
_SIGNS = np.array([1.0, -1, 1])


@dataclass(frozen=True, eq=False)
class HandFit:
    """A hand within anatomical limits: the template with bones of other lengths and girths."""

    side: str
    angles: np.ndarray
    """(5, 5) rad, in the rows and columns of ANGLE_NAMES, which mean the same for both sides."""
    rotation: np.ndarray
    """(3, 3), from the axes of the wrist's bone (see HandTemplate; mirrored for a left hand) to the camera's."""
    position: np.ndarray
    """(3,) m, the origin of the wrist's bone in the camera's frame."""
    lengths: np.ndarray
    """(B,) factors along each bone of the template."""
    thickness: np.ndarray
    """(B,) factors across each bone of the template."""
    vertices: np.ndarray
    """(V, 3) m in the camera's frame: the mesh of these angles, lengths and girths."""


def joint_angles(hand: Hand, skeleton: HandSkeleton | None = None) -> np.ndarray:
    """Angles (5, 5) rad of a hand's joints as in ANGLE_NAMES, within LOWEST and HIGHEST; for the rest, see fit_hand."""
    return fit_hand(hand, skeleton).angles


def anatomical(hands: list[Hand], skeleton: HandSkeleton | None = None) -> list[Hand]:
    """Hands with mesh and joints of the nearest anatomically possible hands; their pixels stay as they are.

    A hand of unknown side stays as it is, because the bending direction of its joints is unknown, and so does one
    without a mesh. Else see fit_hand.
    """
    return [
        _possible(hand, skeleton_of(hand, skeleton)) if hand.side in KNOWN_SIDES and len(hand.vertices) else hand
        for hand in hands
    ]


def _possible(hand: Hand, skeleton: HandSkeleton) -> Hand:
    vertices = fit_hand(hand, skeleton).vertices.astype(np.float32)
    joints = skeleton.template.joint_regressor @ vertices
    return replace(hand, vertices=vertices, joints_3d=joints, translation=joints[0].copy())


def fit_hand(hand: Hand, skeleton: HandSkeleton | None = None) -> HandFit:
    """The possible hand nearest to a hand's mesh: every angle within LOWEST and HIGHEST.

    skeleton: that of the mesh's template; the embedded one's when None. The solution is in closed form, bone by bone
    from the wrist outwards: the mesh gives the transform of each bone (HandSkeleton.transforms), a bone turns, within
    its limits, so that its axes and its end come nearest to that, and its child continues from there. No initial value
    is needed, so no frame depends on the one before. Raises ValueError for an unknown side, and for a mesh that is
    missing, belongs to another template, or is not finite.
    """
    if hand.side not in KNOWN_SIDES:
        raise ValueError(f"side is {hand.side!r}, must be left or right: joints bend towards the palm")
    skeleton = skeleton_of(hand, skeleton)
    vertices = skeleton.mesh_of(hand)
    if hand.side == "left":
        vertices = vertices * _MIRROR
    seen = skeleton.transforms(vertices)
    joints = skeleton.joints_of(vertices, seen)
    rotation, position = nearest_rotation(seen[skeleton.wrist, :3].T), seen[skeleton.wrist, 3]
    if (skeleton.bones[0] >= 0).all():  # else the whole palm is the wrist's bone and already has its pose
        palm = _descend(skeleton, seen, joints, rotation, position, 1).ends
        turn, shift = _alignment(palm, np.concatenate([position[None], joints[skeleton.children[0]]]))
        rotation, position = turn @ rotation, turn @ position + shift
    found = _descend(skeleton, seen, joints, rotation, position, 4)
    mesh = skeleton.vertices(found.transforms)
    turn, shift = _alignment(mesh, vertices)
    rotation, position, mesh = turn @ rotation, turn @ position + shift, mesh @ turn.T + shift
    angles = np.zeros((5, 5))
    angles[_FINGERS, _ANGLES] = (found.turns * _SIGNS)[_LEVELS, _FINGERS, _TURNS]
    if hand.side == "left":
        mesh, position, rotation = mesh * _MIRROR, position * _MIRROR, _MIRROR[:, None] * rotation * _MIRROR
    return HandFit(hand.side, angles, rotation, position, found.scales[:, 2], found.scales[:, 0], mesh)


@dataclass(frozen=True, eq=False)
class _Descent:
    """The result of a descent from the wrist."""

    turns: np.ndarray  # (4, 5, 3) rad
    transforms: np.ndarray  # (B, 4, 3), as in HandSkeleton
    scales: np.ndarray  # (B, 3), along each bone's axes
    ends: np.ndarray  # (6, 3) m: the wrist, and where the last bones end


def _descend(
    skeleton: HandSkeleton,
    seen: np.ndarray,
    joints: np.ndarray,
    rotation: np.ndarray,
    position: np.ndarray,
    levels: int,
) -> _Descent:
    """Poses `levels` bones of each finger, starting from a pose of the wrist.

    seen: transforms, joints: origins and tips, both as given by HandSkeleton.
    """
    # The last row takes the bones that a finger lacks, whose index is -1.
    transforms, scales, turns = np.empty((len(seen) + 1, 4, 3)), np.empty((len(seen) + 1, 3)), np.zeros((4, 5, 3))
    scale = _scale(rotation, seen[skeleton.wrist, :3].T)
    transforms[skeleton.wrist] = *(rotation.T * scale[:, None]), position
    scales[skeleton.wrist] = scale
    frames, origins = rotation, position  # of all five fingers
    for level, bones in enumerate(skeleton.bones[:levels]):
        there, aims = (bones >= 0)[:, None, None], skeleton.aims[level]
        origins = origins + _turned(frames, skeleton.places[level] * scale)
        frames = frames @ skeleton.turns[level]
        axes = seen[bones, :3].transpose(0, 2, 1)
        ahead = joints[skeleton.children[level]] - origins
        aimed = np.where(there, axes + AIM * ahead[:, :, None] * aims[:, None], frames)
        local = (frames.transpose(0, 2, 1) @ aimed).tolist()
        bends = [bend(*pair) for pair in zip(local, _LIMITS[level], strict=True)]
        turns[level] = [turn for turn, _ in bends]
        frames = frames @ np.array([turned for _, turned in bends])
        found = _scale(frames, axes)
        found[:, 2] = (ahead * _turned(frames, aims)).sum(axis=1)
        scale = np.where(there[:, 0], found, scale)
        scales[bones] = scale
        transforms[bones, :3] = frames.transpose(0, 2, 1) * scale[:, :, None]
        transforms[bones, 3] = origins
    last = origins + _turned(frames, skeleton.ends[levels - 1] * scale)
    return _Descent(turns, transforms[:-1], scales[:-1], np.concatenate([[position], last]))


def _limits() -> list[list[Limits]]:
    """Limits of the bones of each level and finger; 0 and 0 if a bone does not turn."""
    ends = np.zeros((4, 5, 3, 2))
    turns = [np.radians(angles[_FINGERS, _ANGLES]) * _SIGNS[_TURNS] for angles in (LOWEST, HIGHEST)]
    ends[_LEVELS, _FINGERS, _TURNS] = np.sort(turns, axis=0).T
    return ends.tolist()


_LIMITS = _limits()


def _scale(rotation: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Factors (..., 3) along the axes of bones, the two across being equal; rotation, axes (..., 3, 3) in columns."""
    scale = (rotation * axes).sum(axis=-2)
    scale[..., 0] = scale[..., 1] = (scale[..., 0] + scale[..., 1]) / 2
    return scale


def _turned(rotations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return (rotations @ vectors[..., None])[..., 0]


def _alignment(points: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and shift (3,) that bring points (N, 3) nearest to targets (N, 3)."""
    middle, aim = points.mean(axis=0), targets.mean(axis=0)
    turn = nearest_rotation((targets - aim).T @ (points - middle))
    return turn, aim - turn @ middle
