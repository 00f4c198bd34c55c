"""Kinematics: frames of wrist and fingers, joint angles, and joints as retargeting libraries expect them.

All of it is closed form over the 21 joints of one hand in the order of JOINT_NAMES; it needs no mesh. Joints and
frames share the axes that the joints came in (a camera's optical frame, say). Rotation matrices have the axes of the
new frame as their columns: points in that frame are `(points - position) @ rotation`.
"""

from __future__ import annotations

import math

import numpy as np

from .hand import BONES, SIDES

KNUCKLES = (17, 13, 9, 5)
"""MCP joints, little to index: with the wrist they span the palm."""
RETARGETING_KNUCKLES = (9, 5)
"""Those that dex-retargeting's palm goes through; it is some degrees off the polygon's."""
NEXT, LAST = np.array([1, 2, 0]), np.array([2, 0, 1])  # the other two axes of x, y, z
FLAT = 1e-3
"""Least area of the palm and least length of a bone, as a fraction of a hand's size, that give a direction."""


def wrist_frame(joints_3d: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) m and rotation (3, 3) of the wrist: x towards the middle finger's MCP, z out of the hand's back.

    y completes (REP 103): it points to the thumb on a right hand and to the little finger on a left one. joints_3d
    (21, 3) m; side "left" or "right". The back is the normal of the polygon of wrist and knuckles. Raises ValueError
    for another shape or side, and for joints that are not finite or span no palm.
    """
    joints = _checked(joints_3d, side)
    return joints[0].copy(), _palm_rotation(joints, side)


def finger_frames(joints_3d: np.ndarray, side: str) -> np.ndarray:
    """Rotations (20, 3, 3) of joints 1 to 20: x along the bone that starts there, z out of the back of the finger.

    A tip has the frame of the bone that ends there. Each frame is its predecessor's, from the wrist on, flexed about y
    and then abducted about z, the angles of joint_rotations: so z stays out of the back however far a finger flexes.
    The thumb's is turned by 90 degrees about the line from the wrist to its CMC, so that z looks out of its nail, as
    in the embedded template. Arguments and errors as for wrist_frame.
    """
    joints = _checked(joints_3d, side)
    return _chains(joints, side)[:, 1:].reshape(20, 3, 3)


def joint_rotations(joints_3d: np.ndarray, side: str) -> np.ndarray:
    """Angles (5, 4) rad of thumb to little: abduction and flexion of the first joint, flexion of the second and third.

    First joints are the thumb's CMC and the fingers' MCP, measured against the bone that leads there from the wrist.
    Flexion is positive towards the palm (the thumb's: across the palm), beyond 90 degrees too; abduction is positive
    towards the thumb's side of the hand (the thumb's: out of the palm); both are the same for both hands. Neither
    depends on bone lengths. Arguments and errors as for wrist_frame.
    """
    joints = _checked(joints_3d, side)
    frames = _chains(joints, side)  # (5, 5, 3, 3): bone to the first joint, three bones, tip
    bones = frames[:, 1:4, :, 0]  # (5, 3, 3): directions of the bones after each joint
    local = np.einsum("fbij,fbi->fbj", frames[:, :3], bones)  # in the frame of the bone before
    flexion = np.arctan2(-local[..., 2], local[..., 0])
    outward = 1 if side == "right" else -1
    abduction = outward * np.arcsin(np.clip(local[:, :1, 1], -1, 1))
    return np.concatenate([abduction, flexion], axis=1)


def retargeting_joints(joints_3d: np.ndarray, side: str) -> np.ndarray:
    """Joints (21, 3) m in the frame that hand retargeting libraries (dex-retargeting: MANO's operator frame) expect.

    The wrist is the origin, x points out of the palm, z from the wrist to the middle finger's MCP, y completes. The
    palm is theirs: the plane through wrist, index MCP and middle MCP. Arguments and errors as for wrist_frame.
    """
    joints = _checked(joints_3d, side)
    x, y, z = _palm_rotation(joints, side, RETARGETING_KNUCKLES).T
    return (joints - joints[0]) @ np.stack([-z, y, x], axis=1)


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) as x, y, z, w with w >= 0 of rotation matrices (..., 3, 3)."""
    R = np.asarray(rotation, np.float64)
    if R.shape[-2:] != (3, 3):
        raise ValueError(f"rotation has the shape {R.shape}, must be (..., 3, 3)")
    (a, b, c), (d, e, f), (g, h, i) = (tuple(R[..., row, column] for column in range(3)) for row in range(3))
    # Shepperd: each row is the quaternion times four of its own numbers; the row of the largest is exact.
    rows = np.moveaxis(np.array([
        [1 + a - e - i, b + d, c + g, h - f],
        [b + d, 1 - a + e - i, f + h, c - g],
        [c + g, f + h, 1 - a - e + i, d - b],
        [h - f, c - g, d - b, 1 + a + e + i],
    ]), (0, 1), (-2, -1))  # fmt: skip
    best = rows.diagonal(axis1=-2, axis2=-1).argmax(axis=-1)
    q = rows.reshape(-1, 4, 4)[np.arange(best.size), best.ravel()].reshape(R.shape[:-2] + (4,))
    q = q / np.sqrt((q * q).sum(axis=-1, keepdims=True))
    return np.where(q[..., 3:] < 0, -q, q)


def _checked(joints_3d: np.ndarray, side: str) -> np.ndarray:
    joints = np.asarray(joints_3d, np.float64)
    if joints.shape != (21, 3):
        raise ValueError(f"joints_3d has the shape {joints.shape}, must be (21, 3)")
    if side not in SIDES[:2]:
        raise ValueError(f"side is {side!r}, must be left or right: the back of a hand depends on it")
    if not np.isfinite(joints).all():
        raise ValueError("joints_3d holds NaN or infinity, must be finite")
    return joints


def _palm_rotation(joints: np.ndarray, side: str, knuckles: tuple[int, ...] = KNUCKLES) -> np.ndarray:
    spokes = joints[list(knuckles)] - joints[0]  # (K, 3)
    normal = cross(spokes[:-1], spokes[1:]).sum(axis=0)  # twice the polygon's area, out of a right hand's back
    forward = joints[9] - joints[0]
    across = cross(normal if side == "right" else -normal, forward)
    length, width = math.sqrt(forward @ forward), math.sqrt(across @ across)
    if length <= 0 or width <= FLAT * max(length, (joints.max(axis=0) - joints.min(axis=0)).max()) ** 3:
        raise ValueError("joints_3d gives no wrist frame: wrist and knuckles lie in one line or one point")
    x, y = forward / length, across / width
    return np.array([x, y, cross(x, y)]).T


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products (..., 3). NumPy's own takes five times as long on a few vectors."""
    return a[..., NEXT] * b[..., LAST] - a[..., LAST] * b[..., NEXT]


def _chains(joints: np.ndarray, side: str) -> np.ndarray:
    """Frames (5, 5, 3, 3) along each finger: of the bone that leads to its first joint, then of its four joints."""
    parents, children = np.array(BONES).T
    bones = joints[children] - joints[parents]
    lengths = np.linalg.norm(bones, axis=1, keepdims=True)
    if (lengths <= FLAT * np.ptp(joints, axis=0).max()).any():
        raise ValueError("joints_3d gives no finger frames: neighbouring joints lie in one point")
    directions = (bones / lengths).reshape(5, 4, 3)
    directions = np.concatenate([directions, directions[:, 3:]], axis=1)  # a tip looks where its bone does
    frames = np.empty((5, 5, 3, 3))
    frame = np.broadcast_to(_palm_rotation(joints, side), (5, 3, 3))
    for bone in range(5):
        frame = _bent(frame, directions[:, bone])
        if bone == 0:
            frame = frame.copy()
            # The thumb's z towards its nail, away from the other fingers: +y on a right hand, -y on a left one.
            _, y, z = np.moveaxis(frame[0], 1, 0)
            frame[0, :, 1:] = np.stack([-z, y] if side == "right" else [z, -y], axis=1)
        frames[:, bone] = frame
    return frames


def _bent(frames: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Frames (N, 3, 3) flexed about their y, then abducted about their z, so that x is along directions (N, 3)."""
    x = np.einsum("nij,ni->nj", frames, directions)
    reach = np.hypot(x[:, 0], x[:, 2])[:, None]
    z = np.stack([-x[:, 2], np.zeros(len(x)), x[:, 0]], axis=1)
    z = np.where(reach > 0, z / np.maximum(reach, 1e-300), [0.0, 0, 1])
    return frames @ np.stack([x, np.cross(z, x), z], axis=2)
