"""Messages in and out of the node: images, intrinsics, hands and their frames."""

from __future__ import annotations

from array import array

import numpy as np
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from handos_model.camera import Camera
from handos_model.camera_info import camera_of_info, fitted_to_image
from handos_model.hand import JOINT_NAMES, Hand
from handos_model.kinematics import finger_frames, quaternion, wrist_frame

from .covariance import wrist_covariance
from .images import depth_image, rgb_image
from .msg import Hand as HandMessage
from .msg import HandArray

__all__ = ["camera_from_info", "depth_image", "hand_array", "hand_transforms", "rgb_image"]

_SIDES = {"left": HandMessage.LEFT, "right": HandMessage.RIGHT, "unknown": HandMessage.UNKNOWN}


def camera_from_info(info: CameraInfo, width: int, height: int, rectified: bool = False) -> Camera:
    """The camera of an image of `width` x `height` px, by the CameraInfo of its topic.

    K and D at full resolution, roi and binning as sensor_msgs says; rectified: for images that image_proc has
    undistorted. Raises ValueError for a camera that is not calibrated, for NaN and zero focal lengths, for coefficients
    that the distortion model does not take, and when the image is of another size than the message says.
    """
    return fitted_to_image(camera_of_info(info, rectified), width, height)


def hand_array(
    hands: list[Hand], header: Header, camera: Camera, scale_source: int, vertices: bool = True,
    into: HandArray | None = None,
) -> HandArray:  # fmt: skip
    """The message of one frame. header: the image's; scale_source: HandArray.SCALE_...; vertices False leaves the
    meshes out; into: that of an earlier frame, to fill anew, since to make one takes longer than to fill it.

    The wrist's covariance is wrist_covariance's. Where a hand's side is unknown or its joints span no palm, its
    orientation is the identity, and the covariance says that it is not known.
    """
    message = HandArray() if into is None else into
    message.header = header
    message.intrinsics_source = HandArray.INTRINSICS_ASSUMED if camera.assumed else HandArray.INTRINSICS_CAMERA_INFO
    message.scale_source = scale_source
    message.width, message.height = camera.width, camera.height
    (message.fx, _, message.cx), (_, message.fy, message.cy) = camera.K[:2].tolist()
    message.hands = message.hands[: len(hands)] + [HandMessage() for _ in hands[len(message.hands) :]]
    for place, hand in zip(message.hands, hands, strict=True):
        _fill(place, hand, camera, scale_source, vertices)
    return message


def _fill(message: HandMessage, hand: Hand, camera: Camera, scale_source: int, vertices: bool) -> None:
    message.id = int(hand.id)
    message.score = float(hand.score)
    message.side = _SIDES[hand.side]
    message.side_confidence = float(hand.side_confidence)
    message.box = np.asarray(hand.box, np.float32)
    message.joint_confidence = np.asarray(hand.joint_confidence, np.float32)
    for point, (x, y) in zip(message.joints_2d, hand.joints_2d.tolist(), strict=True):
        point.x, point.y = x, y
    for point, (x, y, z) in zip(message.joints_3d, hand.joints_3d.tolist(), strict=True):
        point.x, point.y, point.z = x, y, z
    message.vertices = _float_array(hand.vertices) if vertices else array("f")
    wrist, place, q = message.translation, message.wrist.pose.position, message.wrist.pose.orientation
    wrist.x, wrist.y, wrist.z = place.x, place.y, place.z = hand.translation.tolist()
    turn = _wrist_rotation(hand)
    q.x, q.y, q.z, q.w = (0.0, 0.0, 0.0, 1.0) if turn is None else quaternion(turn).tolist()
    message.wrist.covariance = wrist_covariance(hand, camera, scale_source, turn is not None)


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


def _float_array(values: np.ndarray) -> array:
    """Values as float32[] fields take them fast on every distribution: lists and arrays are checked one by one."""
    return array("f", np.asarray(values, np.float32).tobytes())
