"""Converts image messages to arrays and back."""

from __future__ import annotations

from array import array

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from handos_model.io.depth_encodings import decode_depth_image
from handos_model.io.frame import LONGEST_NAME
from handos_model.io.image_encodings import decode_image


def rgb_image(message: Image | CompressedImage) -> np.ndarray:
    """RGB (H, W, 3) uint8 of a raw or compressed image: for rgb8 a view of the message's own bytes, else a new array.

    Raises ValueError for encodings that are not a colour camera's (image_encodings.ENCODINGS) and for damaged images.
    """
    _check_names(message.header.frame_id, message.format if isinstance(message, CompressedImage) else message.encoding)
    return decode_image(message)


def depth_image(message: Image) -> np.ndarray:
    """Depth (H, W) float32 m of a 32FC1 (m) or 16UC1 (mm) image, NaN where nothing was measured (0, infinite, NaN).

    Raises ValueError for another encoding, an empty image and a buffer that is too short.
    """
    _check_names(message.header.frame_id, message.encoding)
    return decode_depth_image(message)


def rgb_message(image: np.ndarray, header: Header) -> Image:
    """An rgb8 image message of RGB (H, W, 3) uint8."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.dtype} {image.shape}, must be uint8 (H, W, 3)")
    height, width = image.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width)
    message.data = byte_array(image)
    return message


def byte_array(values: np.ndarray) -> array:
    """Bytes of an array in the type that uint8[] fields take fast on every distribution: others are checked singly."""
    buffer = array("B")
    buffer.frombytes(np.ascontiguousarray(values).view(np.uint8).reshape(-1).data)
    return buffer


def _check_names(*names: str) -> None:
    """Raises ValueError for a very long frame or encoding, which would otherwise be copied into outputs and logs."""
    for name in names:
        if len(name) > LONGEST_NAME:
            raise ValueError(
                f"image has a frame_id or an encoding of {len(name)} characters, must have at most {LONGEST_NAME}: "
                f"{name[:20]!r}..."
            )
