"""ROS image encodings to RGB arrays, from plain values: used for bags here and for messages in the node."""

from __future__ import annotations

import cv2
import numpy as np

_CHANNELS = {
    "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "8UC1": 1, "8UC3": 3,
    "bayer_rggb8": 1, "bayer_bggr8": 1, "bayer_gbrg8": 1, "bayer_grbg8": 1,
    "yuv422": 2, "uyvy": 2, "yuv422_yuy2": 2, "yuyv": 2,
    "mono16": 2, "16UC1": 2, "nv12": 1, "nv21": 1,
}  # fmt: skip
"""Bytes per pixel of a row."""

ENCODINGS = tuple(_CHANNELS)

# OpenCV names a Bayer pattern by its second row's second and third pixel, ROS by its first row's first two.
_CONVERSIONS = {
    "bgr8": cv2.COLOR_BGR2RGB, "8UC3": cv2.COLOR_BGR2RGB, "rgba8": cv2.COLOR_RGBA2RGB, "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB, "8UC1": cv2.COLOR_GRAY2RGB,
    "bayer_rggb8": cv2.COLOR_BayerBG2RGB, "bayer_bggr8": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGR2RGB, "bayer_grbg8": cv2.COLOR_BayerGB2RGB,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY, "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2, "yuyv": cv2.COLOR_YUV2RGB_YUY2,
    "nv12": cv2.COLOR_YUV2RGB_NV12, "nv21": cv2.COLOR_YUV2RGB_NV21,
}  # fmt: skip


def decode_raw(
    data: np.ndarray, encoding: str, width: int, height: int, step: int, big_endian: bool = False
) -> np.ndarray:
    """RGB (height, width, 3) uint8 of the bytes of a sensor_msgs/Image; a view of `data` where the encoding allows it.

    data: (n,) uint8; step: bytes per row, padding included. Raises ValueError for an encoding that is not a colour
    camera's, a size of zero, and a buffer that is too short.
    """
    if encoding not in _CHANNELS:
        raise ValueError(f"image encoding is {encoding!r}, must be one of {', '.join(ENCODINGS)}")
    rows = height * 3 // 2 if encoding in ("nv12", "nv21") else height
    row_bytes = width * _CHANNELS[encoding]
    if width < 1 or height < 1:
        raise ValueError(f"image is empty: {width}x{height}")
    if step < row_bytes or len(data) < step * (rows - 1) + row_bytes:
        raise ValueError(f"image buffer ({len(data)} bytes, step {step}) is too short for {width}x{height} {encoding}")
    if len(data) < step * rows:  # the last row may lack its padding
        data = np.append(data, np.zeros(step * rows - len(data), np.uint8))
    pixels = data[: step * rows].reshape(rows, step)[:, :row_bytes]
    if encoding == "rgb8":
        return pixels.reshape(height, width, 3)
    if encoding in ("mono16", "16UC1"):
        grey = np.ascontiguousarray(pixels)[:, 0 if big_endian else 1 :: 2]  # the more significant byte
        return cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2RGB)
    planes = _CHANNELS[encoding]
    pixels = np.ascontiguousarray(pixels)
    return cv2.cvtColor(pixels if planes == 1 else pixels.reshape(height, width, planes), _CONVERSIONS[encoding])


def decode_compressed(data: bytes | np.ndarray) -> np.ndarray:
    """RGB (H, W, 3) uint8 of a JPEG, PNG or other file's bytes, upright as its EXIF says; ValueError if damaged."""
    buffer = np.frombuffer(data, np.uint8)
    image = cv2.imdecode(buffer, cv2.IMREAD_COLOR) if len(buffer) else None
    if image is None:
        raise ValueError(f"no image can be decoded from these {len(buffer)} bytes")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
