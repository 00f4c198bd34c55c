"""Depth images to metres: messages as the node receives them, and as rosbags reads them from a recording."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np

from handos_model.io.files import one_line
from handos_model.io.headers.image_header import check_size
from handos_model.io.image_decoder import decode_pixels
from handos_model.io.image_encodings import encoding_of

DEPTH_ENCODINGS = {"32FC1": ("f4", 1.0), "16UC1": ("u2", 0.001)}
"""NumPy type of a sample, and metres per unit (REP 118)."""
COMPRESSED = "compressedDepth"
"""Part of the format of every CompressedImage written by compressed_depth_image_transport."""
_PNG = b"\x89PNG"
_HEADER = struct.Struct("<iff")  # kind of compression, and the two parameters of quantised inverse depth


def decode_depth_image(message: Any) -> np.ndarray:
    """Depth (H, W) float32 m of an Image or CompressedImage, NaN where nothing was measured; ValueError if unusable."""
    data, encoding = np.frombuffer(message.data, np.uint8), encoding_of(message)
    if hasattr(message, "encoding"):
        return decode_depth(data, encoding, message.width, message.height, message.step, bool(message.is_bigendian))
    return decode_compressed_depth(data, encoding)


def decode_depth(
    data: np.ndarray, encoding: str, width: int, height: int, step: int, big_endian: bool = False
) -> np.ndarray:
    """Depth (height, width) float32 m from the bytes of a sensor_msgs/Image, NaN where nothing was measured.

    data: (n,) uint8; step: bytes per row, padding included. 0, infinite and NaN are no measurements. Raises ValueError
    for another encoding than 32FC1 (m) and 16UC1 (mm), an empty image and a buffer that is too short.
    """
    if encoding not in DEPTH_ENCODINGS:
        allowed = " or ".join(DEPTH_ENCODINGS)
        raise ValueError(f"depth image has the encoding {one_line(encoding)!r}, must be {allowed}")
    check_size(width, height)
    code, unit = DEPTH_ENCODINGS[encoding]
    kind = np.dtype(f"{'>' if big_endian else '<'}{code}")
    row_bytes = width * kind.itemsize
    if step < row_bytes or len(data) < step * (height - 1) + row_bytes:
        raise ValueError(
            f"depth image buffer ({len(data)} bytes, step {step}) is too short for {width}x{height} {encoding}"
        )
    strides = (step if height > 1 else row_bytes, kind.itemsize)
    return _measured(np.ndarray((height, width), kind, data, strides=strides).astype(np.float32), unit)


def decode_compressed_depth(data: np.ndarray, encoding: str) -> np.ndarray:
    """Depth (H, W) float32 m, NaN where nothing was measured, from a PNG by compressed_depth_image_transport.

    data: (n,) uint8; encoding: that of the image before compression, 16UC1 or 32FC1. Raises ValueError for another
    encoding, for damaged data, and for another compression than PNG.
    """
    if encoding not in DEPTH_ENCODINGS:
        raise ValueError(f"compressed depth was {one_line(encoding)!r}, must be {' or '.join(DEPTH_ENCODINGS)}")
    if len(data) <= _HEADER.size:
        raise ValueError(f"compressed depth has {len(data)} bytes, too few")
    _, a, b = _HEADER.unpack(bytes(data[: _HEADER.size]))
    picture = compressed_picture(data)
    if bytes(picture[:4]) != _PNG:
        raise ValueError("compressed depth is not a PNG: RVL compression is not supported")
    if encoding != "16UC1" and len(picture) == len(data):
        raise ValueError(f"compressed depth of {encoding} lacks the header that says how it is quantised")
    samples = decode_pixels(picture, cv2.IMREAD_UNCHANGED)
    if samples.dtype != np.uint16 or samples.ndim != 2:
        raise ValueError("compressed depth is not a 16-bit grey PNG")
    if encoding == "16UC1":
        return _measured(samples.astype(np.float32), 0.001)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _measured(np.where(samples == 0, np.nan, a / (samples - b)).astype(np.float32), 1.0)


def compressed_picture(data: np.ndarray) -> np.ndarray:
    """The PNG in the data of a compressed depth image; the ordinary compressed transport writes it without a header."""
    return data if bytes(data[:4]) == _PNG else data[_HEADER.size :]


def _measured(depth: np.ndarray, unit: float) -> np.ndarray:
    if unit != 1.0:
        depth *= np.float32(unit)
    depth[~((depth > 0) & (depth < np.inf))] = np.nan
    return depth
