"""Messages in and out of the node: images, intrinsics, hands and their frames."""

from __future__ import annotations

from struct import pack

import numpy as np
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.hand import JOINT_NAMES, Hand
from handos_model.kinematics import finger_frames, quaternion, wrist_frame
from handos_ros.conversions.cdr import CdrWriter
from handos_ros.conversions.covariance import wrist_covariance
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray

_SIDES = {"left": HandMessage.LEFT, "right": HandMessage.RIGHT, "unknown": HandMessage.UNKNOWN}


def hand_array(hands: list[Hand], header: Header, camera: Camera, scale_source: int, vertices: bool = True) -> bytes:
    """The HandArray of one frame as its bytes: through objects, 42 points a hand, it takes twice as long to publish.

    header: the image's; scale_source: HandArray.SCALE_...; vertices False leaves the meshes out. The wrist's covariance
    is wrist_covariance's. Where a hand's side is unknown or its joints span no palm, its orientation is the identity,
    and the covariance says that it is not known.
    """
    message = CdrWriter()  # from here on: the fields in the order of HandArray.msg and Hand.msg
    frame = header.frame_id.encode() + b"\0"
    message.add(4, pack("<iII", header.stamp.sec, header.stamp.nanosec, len(frame)), frame)
    message.add(4, pack("<I", len(hands)))
    for hand in hands:
        _add_hand(message, hand, camera, scale_source, vertices)
    intrinsics = HandArray.INTRINSICS_ASSUMED if camera.assumed else HandArray.INTRINSICS_CAMERA_INFO
    message.add(1, pack("<BB", intrinsics, scale_source))
    message.add(4, pack("<II", camera.width, camera.height))
    (fx, _, cx), (_, fy, cy) = camera.K[:2].tolist()
    message.add(8, pack("<4d", fx, fy, cx, cy))
    return message.finish()


def _add_hand(message: CdrWriter, hand: Hand, camera: Camera, scale_source: int, vertices: bool) -> None:
    message.add(4, pack("<ifB3xf", hand.id, hand.score, _SIDES[hand.side], hand.side_confidence))
    message.add(4, _bytes(hand.box, "<f4"), _bytes(hand.joints_2d, "<f4"))
    message.add(8, _bytes(hand.joints_3d, "<f8"))
    mesh = _bytes(hand.vertices, "<f4") if vertices else b""
    message.add(4, _bytes(hand.joint_confidence, "<f4"), pack("<I", len(mesh) // 4), mesh)
    place, turn = hand.translation.tolist(), _wrist_rotation(hand)
    orientation = (0.0, 0.0, 0.0, 1.0) if turn is None else quaternion(turn).tolist()
    message.add(8, pack("<10d", *place, *place, *orientation))
    message.add(8, _bytes(wrist_covariance(hand, camera, scale_source, turn is not None), "<f8"))


def _bytes(values: np.ndarray, kind: str) -> bytes:
    return np.asarray(values, kind).tobytes()


def hand_transforms(
    hands: list[Hand], header: Header, naming: str, fingers: bool = False, prefix: str = ""
) -> list[TransformStamped]:
    """Wrist frames under the header's frame, called <prefix>left_hand and <prefix>right_hand, or <prefix>hand_<id>.

    naming "side": the best scored hand of each side. naming "id": every tracked hand. fingers: also the frames of
    joints 1 to 20 under their hand's, each called <hand>_<joint>, as left_hand_index_tip (see finger_frames). Hands
    without an orientation (side unknown, or no palm) have no frame. Raises ValueError for another naming.
    """
    if naming not in ("side", "id"):
        raise ValueError(f"naming is {naming!r}, must be side or id")
    transforms: list[TransformStamped] = []
    taken: set[str] = set()
    for hand in sorted(hands, key=lambda hand: -hand.score):
        name = f"{prefix}{hand.side}_hand" if naming == "side" else f"{prefix}hand_{hand.id}"
        turn = None if name in taken or (naming == "id" and hand.id < 0) else _wrist_rotation(hand)
        if turn is None:
            continue
        taken.add(name)
        transforms.append(_transform(header, header.frame_id, name, hand.translation, quaternion(turn)))
        if fingers:
            transforms.extend(_finger_transforms(hand, turn, header, name))
    return transforms


def _finger_transforms(hand: Hand, turn: np.ndarray, header: Header, name: str) -> list[TransformStamped]:
    try:
        frames = finger_frames(hand.joints_3d, hand.side)  # (20, 3, 3)
    except ValueError:  # joints that coincide
        return []
    positions = (hand.joints_3d[1:] - hand.translation) @ turn  # (20, 3)
    turns = quaternion(turn.T @ frames)
    return [
        _transform(header, name, f"{name}_{joint}", position, q)
        for joint, position, q in zip(JOINT_NAMES[1:], positions, turns, strict=True)
    ]


def _wrist_rotation(hand: Hand) -> np.ndarray | None:
    """Rotation (3, 3) from the wrist's frame to the camera's; None where the joints or the side give none."""
    if hand.side == "unknown":
        return None
    try:
        return wrist_frame(hand.joints_3d, hand.side)[1]
    except ValueError:
        return None


def _transform(header: Header, parent: str, child: str, position: np.ndarray, q: np.ndarray) -> TransformStamped:
    x, y, z = position.tolist()
    a, b, c, w = q.tolist()
    transform = Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=a, y=b, z=c, w=w))
    return TransformStamped(
        header=Header(stamp=header.stamp, frame_id=parent), child_frame_id=child, transform=transform
    )
