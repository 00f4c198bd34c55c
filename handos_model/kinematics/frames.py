"""Frames of wrist and fingers, rotations of joints, and joints as retargeting libraries expect them.

Everything is computed in closed form from the 21 joints of one hand in the order of JOINT_NAMES, without a mesh. The
results are in the same axes as the joints (a camera's optical frame, say). Rotation matrices have the axes of the new
frame as their columns: points in that frame are `(points - position) @ rotation`.
"""

from __future__ import annotations

import math

import numpy as np

from handos_model.hand import BONES, KNOWN_SIDES, KNUCKLES

RETARGETING_KNUCKLES = (9, 5)
"""MCP joints through which dex-retargeting's palm passes, some degrees off the plane of KNUCKLES."""
FLAT = 1e-3
"""Minimum area of a palm, and length of a bone, that define a direction, as a fraction of the hand's size."""


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

    A tip has the frame of the bone that ends there. From the wrist on, each frame is the one before, flexed about y and
    then abducted about z by the angles of joint_rotations: so z points out of the back however far a finger flexes. The
    thumb's frames are turned by 90 degrees about the line from the wrist to its CMC, so that z points out of its nail,
    as in the embedded template. Arguments and errors as for wrist_frame.
    """
    joints = _checked(joints_3d, side)
    return _chains(joints, side)[:, 1:].reshape(20, 3, 3)


def joint_rotations(joints_3d: np.ndarray, side: str) -> np.ndarray:
    """Angles (5, 4) rad, thumb to little finger: abduction and flexion of the first joint, flexion of the other two.

    First joints are the thumb's CMC and the fingers' MCP, measured against the bone that leads there from the wrist.
    Flexion is positive towards the palm (the thumb's: across the palm) and may exceed 90 degrees; abduction is positive
    towards the thumb's side of the hand (the thumb's: out of the palm). Signs are the same for both hands, and angles
    do not depend on bone lengths. Arguments and errors as for wrist_frame.
    """
    joints = _checked(joints_3d, side)
    frames = _chains(joints, side)  # (5, 5, 3, 3): bone to the first joint, three bones, tip
    bones = frames[:, 1:4, :, 0]  # (5, 3, 3): directions of the bones after each joint
    local = np.einsum("fbij,fbi->fbj", frames[:, :3], bones)  # in the frame of the previous bone
    flexion = np.arctan2(-local[..., 2], local[..., 0])
    outward = 1 if side == "right" else -1
    abduction = outward * np.arcsin(np.clip(local[:, :1, 1], -1, 1))
    return np.concatenate([abduction, flexion], axis=1)


def retargeting_joints(joints_3d: np.ndarray, side: str) -> np.ndarray:
    """Joints (21, 3) m in the frame that hand retargeting libraries (dex-retargeting: MANO's operator frame) expect.

    The wrist is the origin, x points out of the palm, z from the wrist to the middle finger's MCP, y completes. The
    palm is as they define it: the plane of wrist, index MCP and middle MCP. Arguments and errors as for wrist_frame.
    """
    joints = _checked(joints_3d, side)
    x, y, z = _palm_rotation(joints, side, RETARGETING_KNUCKLES).T
    return (joints - joints[0]) @ np.stack([-z, y, x], axis=1)


def rotation_matrix(q: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) of a unit quaternion (4,) x, y, z, w."""
    x, y, z, w = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) that is nearest to a matrix (3, 3), by the sum of squared differences."""
    u, _, vt = np.linalg.svd(matrix)
    u[:, 2] *= np.sign(np.linalg.det(u @ vt))
    return u @ vt


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) as x, y, z, w with w >= 0 of rotation matrices (..., 3, 3)."""
    R = np.asarray(rotation, np.float64)
    if R.shape[-2:] != (3, 3):
        raise ValueError(f"rotation has the shape {R.shape}, must be (..., 3, 3)")
    return np.array([_quaternion(*numbers) for numbers in R.reshape(-1, 9).tolist()]).reshape(*R.shape[:-2], 4)


def _quaternion(a: float, b: float, c: float, d: float, e: float, f: float, g: float, h: float, i: float) -> list:
    """Quaternion of one matrix, given row by row. For few matrices NumPy takes ten times as long as plain numbers."""
    # Shepperd: each row is the quaternion times four times one of its components; that of the largest is accurate.
    diagonal = (1 + a - e - i, 1 - a + e - i, 1 - a - e + i, 1 + a + e + i)
    rows = (
        (diagonal[0], b + d, c + g, h - f),
        (b + d, diagonal[1], f + h, c - g),
        (c + g, f + h, diagonal[2], d - b),
        (h - f, c - g, d - b, diagonal[3]),
    )
    row = rows[diagonal.index(max(diagonal))]
    length = math.hypot(*row)
    return [n / (-length if row[3] < 0 else length) for n in row]


def _checked(joints_3d: np.ndarray, side: str) -> np.ndarray:
    joints = np.asarray(joints_3d, np.float64)
    if joints.shape != (21, 3):
        raise ValueError(f"joints_3d has the shape {joints.shape}, must be (21, 3)")
    if side not in KNOWN_SIDES:
        raise ValueError(f"side is {side!r}, must be left or right: the back of the hand depends on it")
    if not np.isfinite(joints).all():
        raise ValueError("joints_3d holds NaN or infinity, must be finite")
    return joints


def _palm_rotation(joints: np.ndarray, side: str, knuckles: tuple[int, ...] = KNUCKLES[::-1]) -> np.ndarray:
    points = joints.tolist()
    wrist = points[0]
    spokes = [_minus(points[knuckle], wrist) for knuckle in knuckles]
    normals = [_cross(a, b) for a, b in zip(spokes[:-1], spokes[1:], strict=True)]
    normal = [sum(n) for n in zip(*normals, strict=True)]  # twice the polygon's area, points out of a right hand's back
    forward = _minus(points[9], wrist)
    across = _cross(normal, forward) if side == "right" else _cross(forward, normal)
    length, width = math.hypot(*forward), math.hypot(*across)
    extent = max(max(axis) - min(axis) for axis in zip(*points, strict=True))
    if length <= 0 or width <= FLAT * max(length, extent) ** 3:
        raise ValueError("joints_3d gives no wrist frame: wrist and knuckles lie on one line or in one point")
    x, y = [n / length for n in forward], [n / width for n in across]
    return np.array([x, y, _cross(x, y)]).T


def _minus(a: list[float], b: list[float]) -> list[float]:
    return [a[0] - b[0], a[1] - b[1], a[2] - b[2]]


def _cross(a: list[float], b: list[float]) -> list[float]:
    """Cross product; for a single pair, NumPy's takes ten times as long."""
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _chains(joints: np.ndarray, side: str) -> np.ndarray:
    """Frames (5, 5, 3, 3) along each finger: that of the bone to its first joint, then those of its four joints."""
    parents, children = np.array(BONES).T
    bones = joints[children] - joints[parents]
    lengths = np.linalg.norm(bones, axis=1, keepdims=True)
    if (lengths <= FLAT * np.ptp(joints, axis=0).max()).any():
        raise ValueError("joints_3d gives no finger frames: neighbouring joints lie in one point")
    directions = (bones / lengths).reshape(5, 4, 3)
    directions = np.concatenate([directions, directions[:, 3:]], axis=1)  # a tip points where its bone does
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
