"""Messages that no camera should send, and some do: for benchmarks/abuse.py and the integration tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from sensor_msgs.msg import CameraInfo, Image

NONSENSE = ("", "rgb", "rgb16", "RGB8", "32FC1", "bayer_xxxx8", "mono8; DROP TABLE", "täst", "\t\n", "x" * 10_000)
ENCODINGS = ("rgb8", "bgr8", "bgra8", "mono8", "mono16", "yuv422", "yuv422_yuy2", "nv12", "nv21", "bayer_rggb8")
SIZES = (0, 1, 2, 3, 65_535, 2**31 - 1, 2**31, 2**32 - 1)
"""The last ones are what negative numbers become in unsigned fields."""
NUMBERS = (float("nan"), float("inf"), -float("inf"), 0.0, -500.0, 1e308, -1e308, 1e-308)
STAMPS = (Time(sec=-(2**31)), Time(sec=-1), Time(), Time(sec=2**31 - 1, nanosec=2**32 - 1))


def copy_of(image: Image) -> Image:
    """Another message with the same fields; the bytes are shared."""
    return Image(
        header=image.header, height=image.height, width=image.width, encoding=image.encoding, step=image.step,
        is_bigendian=image.is_bigendian, data=image.data,
    )  # fmt: skip


def wrong_encoding(rng: np.random.Generator, image: Image) -> Image:
    """A name that is no encoding of a colour camera."""
    image.encoding = str(rng.choice(NONSENSE))
    return image


def wrong_size(rng: np.random.Generator, image: Image) -> Image:
    """Zero, huge, negative, or one that the bytes do not fill."""
    image.width, image.height = int(rng.choice(SIZES[4:])), int(rng.choice(SIZES))
    return image


def wrong_step(rng: np.random.Generator, image: Image) -> Image:
    """Rows shorter than their pixels, or longer than the bytes."""
    image.step = int(rng.choice([0, 1, image.step - 1, 2**31, 2**32 - 1]))
    return image


def truncated(rng: np.random.Generator, image: Image) -> Image:
    """Bytes are missing at the end, or all of them."""
    image.data = image.data[: int(rng.choice([0, 1, len(image.data) // 2, len(image.data) - 1]))]
    return image


def noise(rng: np.random.Generator, image: Image) -> Image:
    """Random bytes of a random small size in any encoding: often valid, never a hand."""
    image.encoding = str(rng.choice(ENCODINGS))
    image.width, image.height = (int(size) for size in rng.integers(1, 40, 2))
    image.step = image.width * int(rng.integers(1, 5))
    image.is_bigendian = int(rng.integers(0, 256))
    image.data = rng.bytes(int(image.step * image.height * rng.choice([1, 1, 1.5, 2])))
    return image


def sliver(rng: np.random.Generator, image: Image) -> Image:
    """A valid image, one pixel high or wide."""
    image.encoding = "mono8"
    long = int(rng.integers(1, 4000))
    image.width, image.height = (long, 1) if rng.random() < 0.5 else (1, long)
    image.step, image.data = image.width, rng.bytes(long)
    return image


def wrong_stamp(rng: np.random.Generator, image: Image) -> Image:
    """Another time altogether, or not even a time."""
    image.header.stamp = STAMPS[rng.integers(len(STAMPS))]
    return image


IMAGES: dict[str, Callable[[np.random.Generator, Image], Image]] = {
    function.__name__: function for function in (wrong_encoding, wrong_size, wrong_step, truncated, noise, sliver)
}


def wrong_info(rng: np.random.Generator, info: CameraInfo) -> CameraInfo:
    """A calibration with one thing wrong: NaN, infinite, negative or zero numbers, sizes, models, regions."""
    thing = rng.integers(7)
    if thing == 0:
        K = np.array(info.k)
        K[rng.integers(9)] = rng.choice(NUMBERS)
        info.k = K
    elif thing == 1:
        info.width, info.height = int(rng.choice(SIZES)), int(rng.choice(SIZES))
    elif thing == 2:
        info.distortion_model = str(rng.choice([*NONSENSE, "equidistant", "rational_polynomial"]))
        info.d = rng.choice(NUMBERS, rng.integers(0, 20)).tolist()
    elif thing == 3:
        info.d = rng.choice(NUMBERS, 5).tolist()
    elif thing == 4:
        roi = info.roi
        roi.x_offset, roi.y_offset, roi.width, roi.height = (int(size) for size in rng.choice(SIZES, 4))
    elif thing == 5:
        info.binning_x, info.binning_y = int(rng.choice(SIZES)), int(rng.choice(SIZES))
    else:
        info.k = rng.choice(NUMBERS, 9)
    return info


def wrong_parameter(rng: np.random.Generator, names: list[str]) -> Parameter:
    """Any parameter, and some that are not there, set to anything."""
    kind = rng.integers(5)
    value = ParameterValue(type=int(kind))
    if kind == ParameterType.PARAMETER_BOOL:
        value.bool_value = bool(rng.integers(2))
    elif kind == ParameterType.PARAMETER_INTEGER:
        value.integer_value = int(rng.integers(-(2**63), 2**63 - 1))
    elif kind == ParameterType.PARAMETER_DOUBLE:
        value.double_value = float(rng.choice(NUMBERS))
    elif kind == ParameterType.PARAMETER_STRING:
        value.string_value = str(rng.choice(NONSENSE))
    return Parameter(name=str(rng.choice([*names, *NONSENSE])), value=value)


def attack(rng: np.random.Generator, good: Image, info: CameraInfo) -> tuple[str, Any]:
    """One hostile message and its topic: image, camera_info or depth. `good` and `info` stay as they are."""
    topic = str(rng.choice(["image", "image", "image", "stamp", "camera_info", "depth"]))
    if topic == "camera_info":
        other = CameraInfo(width=info.width, height=info.height, distortion_model=info.distortion_model)
        other.d, other.k = info.d, np.array(info.k)
        return topic, wrong_info(rng, other)
    image = copy_of(good)
    if topic == "stamp":
        image.header = type(good.header)(stamp=good.header.stamp, frame_id=str(rng.choice(NONSENSE)))
        return "image", wrong_stamp(rng, image)
    name = str(rng.choice(list(IMAGES)))
    return topic, IMAGES[name](rng, image)
