"""Converts received messages to the values of handos_model."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand, mesh_of, numbers_of
from handos_ros.conversions.hands import SCALE_VALUES, SIDE_VALUES
from handos_ros.msg import Hand as HandMessage
from handos_ros.msg import HandArray

_SIDES = {value: side for side, value in SIDE_VALUES.items()}
_SCALES = {value: source for source, value in SCALE_VALUES.items()}
_NAMES = [field.name for field in fields(Hand) if field.name in HandMessage.get_fields_and_field_types()]
"""Fields that a Hand and its message have in common."""


def hands_from(message: HandArray) -> list[Hand]:
    """The hands of a message, in its order, exactly as the node had them in float32.

    A hand has no vertices, (0, 3), if the node's parameter `vertices` is false. Raises ValueError for a side or a scale
    source that is not in Hand.msg, and for a mesh of another size.
    """
    return [_hand(hand) for hand in message.hands]


def camera_from(message: HandArray) -> Camera:
    """The camera of a message with its lens; `assumed` is set if the node had no CameraInfo.

    Raises ValueError for intrinsics that no camera has.
    """
    assumed = message.intrinsics_source == HandArray.INTRINSICS_ASSUMED
    return Camera.from_intrinsics(
        message.fx, message.fy, message.cx, message.cy, message.width, message.height,
        message.distortion_model or "none", message.distortion, assumed,
    )  # fmt: skip


def _hand(message: HandMessage) -> Hand:
    if message.side not in _SIDES or message.scale_source not in _SCALES:
        raise ValueError(
            f"a hand has the side {message.side} and the scale source {message.scale_source}, "
            f"must be one of {sorted(_SIDES)} and one of {sorted(_SCALES)}"
        )
    place = message.translation
    made = {
        "side": _SIDES[message.side],
        "scale_source": _SCALES[message.scale_source],
        "joints_2d": numbers_of([(point.x, point.y) for point in message.joints_2d]),
        "joints_3d": numbers_of([(point.x, point.y, point.z) for point in message.joints_3d]),
        "vertices": mesh_of(message.vertices),
        "translation": numbers_of((place.x, place.y, place.z)),
    }
    numbers = {name: getattr(message, name) for name in _NAMES if name not in made}
    arrays = {name: numbers_of(value) for name, value in numbers.items() if not np.isscalar(value)}
    return Hand(**made | numbers | arrays)
