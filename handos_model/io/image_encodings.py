"""ROS images to RGB arrays: messages as the node receives them, and as rosbags reads them from a recording."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from handos_model.io.files import one_line
from handos_model.io.headers.image_header import check_size
from handos_model.io.image_decoder import decode_pixels

# Samples per pixel, bytes per sample and OpenCV's conversion. OpenCV names a Bayer pattern by its second row's second
# and third pixel, ROS by its first row's first two. OpenCV's own type names do not give a colour order: it is BGR.
_FORMATS: dict[str, tuple[int, int, int | None]] = {
    "rgb8": (3, 1, None), "rgb16": (3, 2, None),
    "bgr8": (3, 1, cv2.COLOR_BGR2RGB), "bgr16": (3, 2, cv2.COLOR_BGR2RGB), "8UC3": (3, 1, cv2.COLOR_BGR2RGB),
    "rgba8": (4, 1, cv2.COLOR_RGBA2RGB), "rgba16": (4, 2, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, 1, cv2.COLOR_BGRA2RGB), "bgra16": (4, 2, cv2.COLOR_BGRA2RGB),
    "mono8": (1, 1, cv2.COLOR_GRAY2RGB), "mono16": (1, 2, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, 1, cv2.COLOR_GRAY2RGB), "16UC1": (1, 2, cv2.COLOR_GRAY2RGB),
    "bayer_rggb8": (1, 1, cv2.COLOR_BayerBG2RGB), "bayer_rggb16": (1, 2, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": (1, 1, cv2.COLOR_BayerRG2RGB), "bayer_bggr16": (1, 2, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": (1, 1, cv2.COLOR_BayerGR2RGB), "bayer_gbrg16": (1, 2, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": (1, 1, cv2.COLOR_BayerGB2RGB), "bayer_grbg16": (1, 2, cv2.COLOR_BayerGB2RGB),
    "yuv422": (2, 1, cv2.COLOR_YUV2RGB_UYVY), "uyvy": (2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, 1, cv2.COLOR_YUV2RGB_YUY2), "yuyv": (2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "nv12": (1, 1, cv2.COLOR_YUV2RGB_NV12), "nv21": (1, 1, cv2.COLOR_YUV2RGB_NV21),
}  # fmt: skip
_PAIRED_COLUMNS = ("yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21")  # two columns share their colour
_PLANAR = ("nv12", "nv21")  # half as many rows of colours follow below the image

ENCODINGS = tuple(_FORMATS)


def encoding_of(message: Any) -> str:
    """The encoding of an Image; of a CompressedImage, the encoding before compression if given, else the compression.

    image_transport writes the format "<encoding before>; <codec> compressed <encoding in the file>", others "jpeg".
    """
    return str(message.encoding if hasattr(message, "encoding") else message.format.partition(";")[0].strip())


def decode_image(message: Any) -> np.ndarray:
    """RGB (H, W, 3) uint8 of an Image or CompressedImage; for rgb8 a view of the message's own bytes.

    Raises ValueError for encodings that are not a colour camera's (ENCODINGS) and for damaged images.
    """
    data, encoding = np.frombuffer(message.data, np.uint8), encoding_of(message)
    if hasattr(message, "encoding"):
        return decode_raw(data, encoding, message.width, message.height, message.step, bool(message.is_bigendian))
    return decode_mosaic(data, encoding) if encoding.startswith("bayer_") else decode_compressed(data, upright=False)


def decode_raw(
    data: np.ndarray, encoding: str, width: int, height: int, step: int, big_endian: bool = False
) -> np.ndarray:
    """RGB (height, width, 3) uint8 from the bytes of a sensor_msgs/Image; a view of `data` if the encoding allows it.

    data: (n,) uint8; step: bytes per row including padding, which may be missing in the last row. Values are those of
    cv_bridge's conversion to rgb8: 16 bits become 8 by 255 / 65535, rounded. Raises ValueError for an encoding that is
    not a colour camera's, for a size that is zero, beyond MAX_PIXELS, or odd although pixels share colours, and for a
    buffer that is too short.
    """
    if encoding not in _FORMATS:
        raise ValueError(f"image encoding is '{one_line(encoding, 40)}', must be one of {', '.join(ENCODINGS)}")
    check_size(width, height)
    if encoding in _PAIRED_COLUMNS and (width % 2 or (height % 2 and encoding in _PLANAR)):
        even = "an even width and height" if encoding in _PLANAR else "an even width"
        raise ValueError(f"image is {width}x{height}, must have {even} in the encoding {encoding}")
    samples, depth, conversion = _FORMATS[encoding]
    rows = height * 3 // 2 if encoding in _PLANAR else height
    row_bytes = width * samples * depth
    if step < row_bytes or len(data) < step * (rows - 1) + row_bytes:
        raise ValueError(f"image buffer ({len(data)} bytes, step {step}) is too short for {width}x{height} {encoding}")
    kind = np.dtype(np.uint8) if depth == 1 else np.dtype(">u2" if big_endian else "<u2")
    shape, strides = (rows, width, samples), (step if rows > 1 else row_bytes, samples * depth, depth)
    pixels: np.ndarray = np.ndarray(shape, kind, data, strides=strides)
    if depth == 2:  # converts to this machine's byte order, and drops padding, whose length may be odd
        pixels = pixels.astype(np.uint16, order="C")
    image = pixels if conversion is None else cv2.cvtColor(pixels, conversion)
    return image if depth == 1 else cv2.convertScaleAbs(image, alpha=255 / 65535)


def decode_compressed(data: bytes | np.ndarray, upright: bool = True) -> np.ndarray:
    """RGB (H, W, 3) uint8 from the bytes of a JPEG, PNG or other file (KINDS of image_header).

    upright: turn the image as its EXIF says; images in messages are not turned, as their CameraInfo refers to the
    sensor's rows and columns. Raises ValueError for a file that is damaged, of another kind or beyond MAX_PIXELS.
    """
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.cvtColor(decode_pixels(data, flags), cv2.COLOR_BGR2RGB)


def decode_mosaic(data: bytes | np.ndarray, encoding: str) -> np.ndarray:
    """RGB (H, W, 3) uint8 from a compressed grey image whose pixels are a mosaic in one of the bayer_ encodings.

    Image transports write raw Bayer images like this. Raises ValueError as decode_compressed and decode_raw do.
    """
    depth = cv2.IMREAD_ANYDEPTH if encoding.endswith("16") else 0
    mosaic = decode_pixels(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION | depth)
    height, width = mosaic.shape
    return decode_raw(mosaic.reshape(-1).view(np.uint8), encoding, width, height, mosaic.strides[0])
