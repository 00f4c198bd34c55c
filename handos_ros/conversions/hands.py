"""Converts hands to messages and TF frames."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from geometry_msgs.msg import (
    Point,
    Pose,
    PoseWithCovariance,
    Quaternion,
    Transform,
    TransformStamped,
    Vector3,
)
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.hand import JOINT_NAMES, Hand
from handos_model.kinematics.frames import finger_frames, quaternion
from handos_model.wrist_pose import wrist_covariance, wrist_rotation
from handos_ros.conversions.markers import points
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray, Point2D

SIDE_VALUES = {"unknown": HandMessage.UNKNOWN, "left": HandMessage.LEFT, "right": HandMessage.RIGHT}
SCALE_VALUES = {
    "prior": HandMessage.SCALE_PRIOR,
    "user": HandMessage.SCALE_USER,
    "depth": HandMessage.SCALE_DEPTH,
    "remembered": HandMessage.SCALE_REMEMBERED,
    "triangulated": HandMessage.SCALE_TRIANGULATED,
}
"""Values of sides and scale sources in messages, by their names in handos_model.hand."""

_EMPTY = {name: getattr(HandMessage(), name) for name in HandMessage.get_fields_and_field_types()}
"""The fields of an empty message, which show their types."""


def hand_array(
    hands: list[Hand],
    header: Header,
    camera: Camera,
    scale_source: int,
    model: str = "",
    vertices: bool = True,
    mirrored: bool = False,
) -> HandArray:
    """Makes the message of one frame.

    header: the image's; scale_source: HandArray.SCALE_...; model: name and version of the weights; vertices False
    omits the meshes; mirrored: as for HandFollower. The covariance of the wrist comes from wrist_covariance. If the
    side of a hand is unknown or its joints span no palm, wrist_valid is false, the orientation is the identity, and its
    covariance is very large.
    """
    (fx, _, cx), (_, fy, cy) = camera.K[:2].tolist()
    return HandArray(
        header=header,
        hands=[_hand_message(hand, camera, vertices) for hand in hands],
        intrinsics_source=HandArray.INTRINSICS_ASSUMED if camera.assumed else HandArray.INTRINSICS_CAMERA_INFO,
        scale_source=scale_source,
        width=camera.width,
        height=camera.height,
        mirrored=mirrored,
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        distortion_model="" if camera.distortion_model == "none" else camera.distortion_model,
        distortion=camera.distortion.tolist(),
        model=model,
    )


def _hand_message(hand: Hand, camera: Camera, vertices: bool) -> HandMessage:
    """The message of a hand: its fields are the hand's attributes of the same name, but for those made here."""
    rotation = wrist_rotation(hand)
    wrist = pose(hand.translation, quaternion(np.eye(3) if rotation is None else rotation))
    made = {
        "side": SIDE_VALUES[hand.side],
        "scale_source": SCALE_VALUES[hand.scale_source],
        "joints_2d": [Point2D(x=u, y=v) for u, v in hand.joints_2d.tolist()],
        "joints_3d": points(hand.joints_3d),
        "vertices": _float_array(hand.vertices if vertices else hand.vertices[:0]),
        "translation": vector(hand.translation),
        "wrist": PoseWithCovariance(pose=wrist, covariance=wrist_covariance(hand, camera, rotation is not None)),
        "wrist_valid": rotation is not None,
    }
    same = {name: _like(example, getattr(hand, name)) for name, example in _EMPTY.items() if name not in made}
    return HandMessage(**made | same)


def _like(example: Any, value: Any) -> Any:
    """A number or an array in the type of an example: messages take no other."""
    return value.astype(example.dtype) if isinstance(example, np.ndarray) else type(example)(value)


def _float_array(values: np.ndarray) -> array:
    """Makes an array that float32[] fields accept quickly; other types are checked number by number."""
    return array("f", values.astype(np.float32).tobytes())


def hand_transforms(
    hands: list[Hand], header: Header, naming: str, fingers: bool = False, prefix: str = ""
) -> list[TransformStamped]:
    """Makes wrist frames in the header's frame: <prefix>left_hand and <prefix>right_hand, or <prefix>hand_<id>.

    naming "side": the hand with the best score on each side; naming "id": every tracked hand. fingers: also makes
    frames for joints 1 to 20 below that of their hand, called <hand>_<joint>, such as left_hand_index_tip (see
    finger_frames). Hands without an orientation (unknown side, or no palm) have no frame. Raises ValueError for any
    other naming.
    """
    if naming not in ("side", "id"):
        raise ValueError(f"naming is {naming!r}, must be side or id")
    transforms: list[TransformStamped] = []
    taken: set[str] = set()
    for hand in sorted(hands, key=lambda hand: -hand.score):
        name = f"{prefix}{hand.side}_hand" if naming == "side" else f"{prefix}hand_{hand.id}"
        turn = None if name in taken or (naming == "id" and hand.id < 0) else wrist_rotation(hand)
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


def _transform(header: Header, parent: str, child: str, position: np.ndarray, q: np.ndarray) -> TransformStamped:
    transform = Transform(translation=vector(position), rotation=_quaternion_message(q))
    return TransformStamped(
        header=Header(stamp=header.stamp, frame_id=parent), child_frame_id=child, transform=transform
    )


def pose(position: np.ndarray, q: np.ndarray) -> Pose:
    """A pose message from a position (3,) and a quaternion (4,) x, y, z, w."""
    x, y, z = position.tolist()
    return Pose(position=Point(x=x, y=y, z=z), orientation=_quaternion_message(q))


def vector(values: np.ndarray) -> Vector3:
    """A vector message from its components (3,)."""
    x, y, z = values.tolist()
    return Vector3(x=x, y=y, z=z)


def _quaternion_message(q: np.ndarray) -> Quaternion:
    x, y, z, w = q.tolist()
    return Quaternion(x=x, y=y, z=z, w=w)
