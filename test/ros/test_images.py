import struct
from array import array
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
from made_files import picture

pytest.importorskip("rclpy", reason="needs ROS 2")
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from handos_model.io.headers.image_header import read_header
from handos_model.io.image_encodings import ENCODINGS
from handos_ros.conversions.images import depth_image, rgb_image, rgb_message

rng = np.random.default_rng(3)
HUGE = 2**32 - 1


# --- raw images: each conversion of cv_bridge, done here by hand or by its own calls of OpenCV


def image_message(rows: np.ndarray, encoding, width, height, step=None, big_endian=0) -> Image:
    data = array("B", np.ascontiguousarray(rows).view(np.uint8).tobytes())
    step = len(data) // len(rows) if step is None else step
    return Image(width=width, height=height, encoding=encoding, step=step, is_bigendian=big_endian, data=data)


def padded(rows: np.ndarray, padding: int) -> np.ndarray:
    """Rows of bytes with `padding` more at each end."""
    rows = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    return np.pad(rows, ((0, 0), (0, padding)), constant_values=77)


def to_8_bits(values: np.ndarray) -> np.ndarray:
    return np.rint(values.astype(np.float64) * 255 / 65535).astype(np.uint8)


def native(encoding: str) -> tuple[np.ndarray, np.ndarray]:
    """Random samples (rows, n) in an encoding, 16 by 10 px where that matters, and the RGB that cv_bridge makes."""
    deep = encoding.endswith("16") or encoding.startswith("16")
    kind, most = (np.uint16, 65536) if deep else (np.uint8, 256)
    if encoding.startswith("nv"):
        samples = rng.integers(0, most, (15, 16), dtype=kind)
        return samples, cv2.cvtColor(samples, getattr(cv2, f"COLOR_YUV2RGB_{encoding.upper()}"))
    if encoding.startswith(("yuv", "uyvy", "yuyv")):
        samples = rng.integers(0, most, (10, 16, 2), dtype=kind)
        code = cv2.COLOR_YUV2RGB_UYVY if encoding in ("yuv422", "uyvy") else cv2.COLOR_YUV2RGB_YUY2
        return samples, cv2.cvtColor(samples, code)
    if encoding.startswith("bayer"):
        samples = rng.integers(0, most, (10, 16), dtype=kind)
        pattern = {"rggb": "BG", "bggr": "RG", "gbrg": "GR", "grbg": "GB"}[encoding[6:10]]
        image = cv2.cvtColor(samples, getattr(cv2, f"COLOR_Bayer{pattern}2RGB"))
    elif "mono" in encoding or encoding.endswith("C1"):
        samples = rng.integers(0, most, (10, 16), dtype=kind)
        image = samples[..., None].repeat(3, axis=2)
    else:
        samples = rng.integers(0, most, (10, 16, 4 if "a" in encoding else 3), dtype=kind)
        image = samples[..., :3] if encoding.startswith("rgb") else samples[..., 2::-1]
    return samples, to_8_bits(image) if deep else image


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_decoded_as_cv_bridge_does(encoding, padding):
    samples, expected = native(encoding)
    decoded = rgb_image(image_message(padded(samples, padding), encoding, 16, 10))
    np.testing.assert_array_equal(decoded, expected)
    assert decoded.dtype == np.uint8


@pytest.mark.skipif(find_spec("cv_bridge") is None, reason="no cv_bridge, which PyPI does not have for ROS 2")
def test_cv_bridge_agrees():
    from cv_bridge import CvBridge, CvBridgeError

    compared = set()
    for encoding in ENCODINGS:
        samples, expected = native(encoding)
        try:
            theirs = CvBridge().imgmsg_to_cv2(image_message(padded(samples, 6), encoding, 16, 10), "rgb8")
        except CvBridgeError:  # not every release converts every encoding
            continue
        np.testing.assert_array_equal(theirs, expected, err_msg=encoding)
        compared.add(encoding)
    assert {"rgb8", "bgr8", "mono8", "bayer_rggb8"} <= compared


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if "16" in e])
def test_big_endian_samples(encoding):
    samples, expected = native(encoding)
    message = image_message(padded(samples.astype(">u2"), 2), encoding, 16, 10, big_endian=1)
    np.testing.assert_array_equal(rgb_image(message), expected)


def test_sixteen_bits_by_hand():
    samples = np.array([[0, 128, 129, 2565, 51205, 65535]], np.uint16)  # 128 / 257 is below a half, 129 / 257 above
    decoded = rgb_image(image_message(samples, "mono16", 6, 1))
    assert decoded[0, :, 1].tolist() == [0, 0, 1, 10, 199, 255]


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8", "bayer_grbg8"])
def test_odd_sizes(encoding):
    channels = 3 if encoding in ("rgb8", "bgr8") else 1
    samples = rng.integers(0, 256, (5, 7, channels), dtype=np.uint8)
    assert rgb_image(image_message(samples, encoding, 7, 5)).shape == (5, 7, 3)


@pytest.mark.parametrize("encoding", ["rgb8", "mono8"])
def test_the_last_row_may_lack_its_padding(encoding):
    samples, expected = native(encoding)
    rows = padded(samples, 5)
    message = image_message(rows, encoding, 16, 10)
    message.data = message.data[:-5]
    np.testing.assert_array_equal(rgb_image(message), expected)


def test_rgb8_is_a_view_of_the_message():
    for padding in (0, 8):
        message = image_message(padded(native("rgb8")[0], padding), "rgb8", 16, 10)
        assert np.shares_memory(rgb_image(message), np.frombuffer(message.data, np.uint8))


@pytest.mark.parametrize(
    "encoding, width, height, step, size, says",
    [
        ("32FC1", 16, 10, 64, 640, "'32FC1', must be one of rgb8"),
        ("", 16, 10, 48, 480, "encoding is ''"),
        ("rgb8", 0, 10, 0, 0, "empty: 0x10"),
        ("rgb8", 16, 0, 48, 0, "empty: 16x0"),
        ("rgb8", 16, 10, 48, 479, r"479 bytes, step 48\) is too short"),
        ("rgb8", 16, 10, 47, 480, "too short"),
        ("rgb8", 16, 10, 0, 480, "too short"),
        ("rgb8", HUGE, HUGE, HUGE, 480, "must have at most 64 million pixels"),
        ("mono8", 8000, 8000, HUGE, 480, "too short"),
        ("mono8", 16, 10, HUGE, 480, "too short"),
        ("mono16", 16, 10, 31, 480, "too short"),
        ("nv12", 16, 10, 16, 239, "too short"),
        ("nv12", 16, 9, 16, 480, "must have an even width and height"),
        ("nv21", 15, 10, 16, 480, "must have an even width and height"),
        ("yuv422", 15, 10, 30, 480, "must have an even width"),
    ],
)
def test_wrong_images_are_refused(encoding, width, height, step, size, says):
    message = Image(encoding=encoding, width=width, height=height, step=step, data=array("B", bytes(size)))
    with pytest.raises(ValueError, match=says):
        rgb_image(message)


def test_one_row_with_a_huge_step_needs_no_memory():
    message = Image(encoding="mono8", width=3, height=1, step=HUGE, data=array("B", bytes([1, 2, 3])))
    assert rgb_image(message)[0, :, 0].tolist() == [1, 2, 3]


# --- compressed images

SMOOTH = picture(20, 30)


def compressed(picture: np.ndarray, suffix: str, kind: str) -> CompressedImage:
    return CompressedImage(format=kind, data=array("B", cv2.imencode(suffix, picture)[1].tobytes()))


@pytest.mark.parametrize(
    "suffix, atol", [(".png", 0), (".jpg", 12), (".webp", 20), (".tiff", 0), (".bmp", 0), (".ppm", 0)]
)
def test_compressed_images(suffix, atol):
    bgr = SMOOTH
    message = compressed(bgr, suffix, f"rgb8; {suffix[1:]} compressed bgr8")
    promise = read_header(np.frombuffer(message.data, np.uint8))
    assert (promise.width, promise.height, promise.ended) == (30, 20, True)
    np.testing.assert_allclose(rgb_image(message).astype(int), bgr[..., ::-1].astype(int), atol=atol)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_compressed_bayer_images(kind):
    encoding = f"bayer_gbrg{8 * kind().itemsize}"
    samples, expected = native(encoding)
    message = compressed(samples.reshape(10, 16), ".png", f"{encoding}; png compressed ")
    np.testing.assert_array_equal(rgb_image(message), expected)


def test_compressed_grey_images():
    message = compressed(SMOOTH[..., 0], ".png", "mono8; png compressed ")
    np.testing.assert_array_equal(rgb_image(message), SMOOTH[..., :1].repeat(3, axis=2))


def test_orientation_in_a_message_is_left_alone():
    """A CameraInfo speaks of the sensor's rows and columns."""
    jpeg = cv2.imencode(".jpg", SMOOTH)[1].tobytes()
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)  # orientation 6: a quarter turn
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + b"\0\0\0\0"
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (30, 20, 3)
    assert rgb_image(CompressedImage(format="jpeg", data=array("B", turned))).shape == (20, 30, 3)


def claiming(size: tuple[int, int], suffix: str) -> bytes:
    """A small file that says to be huge."""
    data, small = cv2.imencode(suffix, np.zeros((20, 30), np.uint8))[1].tobytes(), (30, 20)
    if suffix == ".jpg":
        return data.replace(struct.pack(">HH", *small[::-1]), struct.pack(">HH", *size[::-1]), 1)
    if suffix == ".png":
        return data.replace(struct.pack(">II", *small), struct.pack(">II", *size), 1)
    return data.replace(struct.pack("<ii", *small), struct.pack("<ii", *size), 1)


@pytest.mark.parametrize("size, suffix", [((65000, 65000), ".jpg"), ((10**6, 10**6), ".png"), ((10**5, 10**5), ".bmp")])
def test_a_file_that_claims_to_be_huge_is_refused_unread(size, suffix):
    message = CompressedImage(format=suffix[1:], data=array("B", claiming(size, suffix)))
    with pytest.raises(ValueError, match=f"{size[0]}x{size[1]}, must have at most 64 million pixels"):
        rgb_image(message)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".bmp", ".ppm"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9])
def test_truncated_files_are_refused(suffix, share):
    data = cv2.imencode(suffix, picture(60, 80))[1].tobytes()
    message = CompressedImage(format="jpeg", data=array("B", data[: int(share * len(data))]))
    with pytest.raises(ValueError, match="no image can be decoded from these"):
        rgb_image(message)


def test_damaged_files_give_an_image_or_a_value_error():
    for suffix in (".jpg", ".png", ".webp"):
        data = cv2.imencode(suffix, SMOOTH)[1].ravel()
        for _ in range(100):
            damaged = data.copy()
            damaged[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
            try:
                image = rgb_image(CompressedImage(data=array("B", damaged.tobytes())))
            except ValueError:
                continue
            assert image.ndim == 3


# --- depth


def test_depth_in_metres_and_millimetres():
    metres = np.array([[0.5, np.nan, 0.0], [-1.0, np.inf, 2.25]], np.float32)
    expected = [[0.5, np.nan, np.nan], [np.nan, np.nan, 2.25]]
    np.testing.assert_array_equal(depth_image(image_message(padded(metres, 4), "32FC1", 3, 2)), expected)
    millimetres = np.array([[500, 0, 65535], [1, 1234, 2250]], np.uint16)
    expected = [[0.5, np.nan, 65.535], [0.001, 1.234, 2.25]]
    for kind, big_endian in (("<u2", 0), (">u2", 1)):
        message = image_message(padded(millimetres.astype(kind), 2), "16UC1", 3, 2, big_endian=big_endian)
        depth = depth_image(message)
        assert depth.dtype == np.float32
        np.testing.assert_allclose(depth, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "encoding, width, height, step, size, says",
    [
        ("rgb8", 3, 2, 9, 18, "'rgb8', must be 32FC1 or 16UC1"),
        ("16UC1", 0, 2, 0, 0, "is empty: 0x2"),
        ("16UC1", HUGE, HUGE, HUGE, 12, "must have at most 64 million pixels"),
        ("32FC1", 3, 2, 12, 23, r"23 bytes, step 12\) is too short for 3x2 32FC1"),
        ("32FC1", 3, 2, 11, 24, "too short"),
    ],
)
def test_wrong_depth_images_are_refused(encoding, width, height, step, size, says):
    message = Image(encoding=encoding, width=width, height=height, step=step, data=array("B", bytes(size)))
    with pytest.raises(ValueError, match=says):
        depth_image(message)


# --- pictures out


def test_a_picture_as_a_message():
    picture, header = SMOOTH, Header(frame_id="camera")
    message = rgb_message(picture[:, ::-1], header)
    assert (message.header, message.encoding, message.step) == (header, "rgb8", 90)
    np.testing.assert_array_equal(rgb_image(message), picture[:, ::-1])
    with pytest.raises(ValueError, match="float64"):
        rgb_message(picture.astype(float), header)
