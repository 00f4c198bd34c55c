"""The size of a compressed image, judged before memory is spent on its pixels.

These are our own readers rather than a library's: even Pillow, the best maintained one, trusts headers, as decoders do.
Here every length is compared with the file's, the scans of a JPEG are counted, and truncated files are recognised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from handos_model.io.headers import bmp, gif, jpeg, png, pnm, tiff, webp
from handos_model.io.headers.promise import Promise

MAX_PIXELS = 64_000_000
"""Maximum number of pixels of an image that is decoded: more are an attack or an accident."""
KINDS = "JPEG, PNG, WebP, TIFF, BMP, PNM, GIF"
"""Kinds of files that are read; if one contains several images, the first is read, which Promise.more says."""
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".gif",
    ".heic", ".heif", ".hif", ".avif",
)  # fmt: skip
"""Suffixes of image files, including kinds that are refused with a reason: none of them is skipped silently."""
_UNREAD = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"mif1": "HEIF",
    b"msf1": "HEIF", b"avif": "AVIF", b"avis": "AVIF",
}  # fmt: skip


def read_header(data: bytes | np.ndarray) -> Promise:
    """The header of a compressed image, without its EXIF orientation. data: the whole file.

    Raises ValueError for a file of another kind than KINDS, a damaged one, one with no pixels or more than MAX_PIXELS,
    and one that is too short for what it promises.
    """
    file = memoryview(cast(bytes, data))  # an array is a buffer too
    try:
        promise = _reader(bytes(file[:16]))(file)
    except ValueError as error:
        raise ValueError(f"no image can be decoded from these {len(file)} bytes: {error}") from error
    check_size(promise.width, promise.height)
    if promise.min_bytes > len(file):
        raise ValueError(
            f"no image can be decoded from these {len(file)} bytes: {promise.width}x{promise.height} px need at least "
            f"{promise.min_bytes}: it is truncated"
        )
    return promise


def check_size(width: int, height: int) -> None:
    """ValueError for an image without pixels and for one with more than MAX_PIXELS."""
    if width < 1 or height < 1:
        raise ValueError(f"image is empty: {width}x{height}")
    if width * height > MAX_PIXELS:
        raise ValueError(f"image is {width}x{height}, must have at most {MAX_PIXELS // 1_000_000} million pixels")


def _reader(head: bytes) -> Callable[[memoryview], Promise]:
    if head[:2] == b"\xff\xd8":
        return jpeg.read
    if head[:8] == png.SIGNATURE:
        return png.read
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return webp.read
    if head[:4] in (b"II*\0", b"MM\0*"):
        return tiff.read
    if head[:2] == b"BM":
        return bmp.read
    if head[:1] == b"P" and head[1:2] in pnm.SAMPLES:
        return pnm.read
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return gif.read
    if head[4:8] == b"ftyp" and head[8:12] in _UNREAD:
        # AV1 decoders use a size deep inside the file: one of 1 kB whose header was small took 25 s and 800 MB.
        raise ValueError(f"{_UNREAD[head[8:12]]} is not supported: convert it to JPEG or PNG")
    raise ValueError(f"damaged, or not one of {KINDS}")
