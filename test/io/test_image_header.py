"""Promises of compressed images are checked before memory or time is spent on them."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from hostile_images import SUFFIXES, encoded, heif, patched, png_chunk, png_of, progressive, tiff_of
from made_files import picture

from handos_model.io.headers.image_header import read_header
from handos_model.io.headers.jpeg import MAX_SCANS
from handos_model.io.image_encodings import decode_compressed

PIXELS = png_chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in picture(60, 80))))
END = png_chunk(b"IEND", b"")
EDGES = struct.pack(">HH", 64, 64)
GREY = {256: (4, 80), 257: (4, 60), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 98), 277: (3, 1), 279: (4, 4800)}
DEEP = GREY | {256: (4, 8000), 257: (4, 8000), 258: (3, 64), 277: (3, 3), 259: (3, 8)}


def with_segment(jpeg: bytes, segment: bytes) -> bytes:
    return jpeg[:2] + segment + jpeg[2:]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_size_of_every_kind(suffix: str) -> None:
    promise = read_header(encoded(suffix))
    assert (promise.width, promise.height, promise.ended) == (80, 60, True)
    assert decode_compressed(encoded(suffix)).shape == (60, 80, 3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "damaged, or not one of JPEG, PNG"),
        (b"P6" + b" " * 40 + b"x", "its PNM has no header"),
        (b"P6" + b"#" * 5000, "its PNM has no header"),
        (b"P6 1000000000 1\n255\n", "its PNM has no header"),
        (b"P6 80 60 70000\n" + bytes(9), "declares 70000 as its largest value"),
        (b"P5 80 60 255\n" + bytes(4000), "80x60 px need at least 4800"),
        (b"P3 80 60 255\n" + b"1 " * 4000, "80x60 px need at least 14400"),
        (png_of(160, 120, struct.pack(">I", 2**32 - 1) + b"IDAT" + bytes(4)), "declares 4294967295 bytes"),
        (png_of(80, 60, png_chunk(b"tEXt", b"a", 2**31), PIXELS, END), "declares 2147483648 bytes"),
        (png_of(80, 60, PIXELS), "beyond the end of the file"),
        (png_of(80, 60, END), "holds no pixels"),
        (png_of(80, 60, *[png_chunk(b"tEXt", b"")] * 200_001, PIXELS, END), "more than 200000 chunks"),
        (png_of(8000, 8000, PIXELS, END), "8000x8000 px need at least 184"),
        (progressive(1000), "more than 32 scans"),
        (
            progressive(32).replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 8000, 8000)),
            "32 scans of 8000x8000 px",
        ),
        (b"\xff\xd8" + b"\xff\xfe\0\2" * 10_001, "more than 10000 segments"),
        (b"\xff\xd8" + b"\xff\x01" * 10_001, "more than 10000 segments"),
        (with_segment(encoded(".jpg"), b"\xff\xe1\xff\xff"), "segment of its JPEG extends beyond"),
        (with_segment(encoded(".jpg"), b"\xff\xfe\0\1"), "extends beyond the end of the file"),
        (encoded(".jpg").replace(b"\xff\xc0", b"\xff\xc9", 1), "neither baseline nor progressive"),
        (b"\xff\xd8\xff\xd9", "no frame or no scan"),
        (encoded(".webp")[:-2], "more bytes than the file has"),
        (patched(encoded(".webp"), 16, b"\xff\xff\xff\x7f"), "extends beyond the end of the file"),
        (patched(encoded(".bmp"), 28, b"\x07\0"), "has 7 bits per pixel"),
        (patched(encoded(".bmp"), 18, struct.pack("<i", 8000)), "it is truncated"),
        (tiff_of(GREY | {273: (4, 2**31)}, bytes(4800)), "strip or tile of its TIFF extends beyond"),
        (tiff_of(GREY | {322: (4, 2**20), 323: (4, 2**20)}, bytes(4800)), "tiles of 1099511627776 pixels"),
        (tiff_of(GREY | {257: (4, 8000)}, bytes(4800)), "80x8000 px need at least 640000"),
        (tiff_of(GREY | {259: (3, 50001)}, bytes(4800)), "compression 50001"),
        (tiff_of({256: (4, 80)}), "its TIFF has no size"),
        (b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 273, 4, 2**30, 8), "a tag of its TIFF has 1073741824 values"),
        (
            tiff_of(DEEP, bytes(5000)),
            "samples of 64 bits",
        ),
        (b"II*\0\xff\xff\xff\xff", "beyond the end of the file"),
        (b"GIF89a" + bytes(100), "its GIF has no end"),
        (heif(b"heic"), "HEIC is not supported: convert it"),
        (heif(b"avif"), "AVIF is not supported: convert it"),
    ],
)
def test_what_lies_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=f"these {len(data)} bytes: .*{says}"):
        decode_compressed(data)


def test_a_tiff_that_keeps_its_promise_is_read() -> None:
    assert decode_compressed(tiff_of(GREY, bytes(range(256)) * 19)).shape == (60, 80, 3)


@pytest.mark.parametrize("size", [(65_500, 65_500), (8001, 8000)])
def test_too_many_pixels_are_refused(size: tuple[int, int]) -> None:
    jpeg = encoded(".jpg").replace(struct.pack(">HH", 60, 80), struct.pack(">HH", *size))
    with pytest.raises(ValueError, match="must have at most 64 million pixels"):
        decode_compressed(jpeg)


def test_a_progressive_image_is_read_up_to_the_limit() -> None:
    assert decode_compressed(progressive(MAX_SCANS)).shape == (64, 64, 3)
    ours = encoded(".jpg", picture(60, 80), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    plain = decode_compressed(encoded(".jpg"))
    np.testing.assert_allclose(decode_compressed(ours).astype(int), plain.astype(int), atol=4)


def test_a_thumbnail_and_fill_bytes_change_nothing() -> None:
    jpeg = encoded(".jpg")
    thumbnail = encoded(".jpg", picture(8, 8))
    held = with_segment(jpeg, b"\xff\xff\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail)
    promise = read_header(held)
    assert (promise.width, promise.height) == (80, 60)
    np.testing.assert_array_equal(decode_compressed(held), decode_compressed(jpeg))


NOISY = np.random.default_rng(3).integers(0, 256, (61, 83, 3), dtype=np.uint8)


@pytest.mark.parametrize("image", [picture(60, 80), NOISY, np.full((64, 64, 3), 128, np.uint8)])
@pytest.mark.parametrize("left", [b"", b"\xff", b"\xff\xff", b"\0\0"])
@pytest.mark.parametrize("restarts", [0, 2])
def test_a_jpeg_without_its_end_marker_is_read_if_it_is_whole(image: np.ndarray, left: bytes, restarts: int) -> None:
    jpeg = encoded(".jpg", image, cv2.IMWRITE_JPEG_RST_INTERVAL, restarts)
    np.testing.assert_array_equal(decode_compressed(jpeg[:-2] + left), decode_compressed(jpeg))


@pytest.mark.parametrize("lost", [8, 30, 100, 1000])
@pytest.mark.parametrize("restarts", [0, 2])
def test_a_jpeg_without_its_last_pixels_is_refused(lost: int, restarts: int) -> None:
    jpeg = encoded(".jpg", NOISY, cv2.IMWRITE_JPEG_RST_INTERVAL, restarts)
    with pytest.raises(ValueError, match="it is damaged: Corrupt JPEG data: "):
        decode_compressed(jpeg[: -2 - lost])


@pytest.mark.parametrize("marker", [b"\xff\xc0", b"\xff\xc2", b"\xff\xda", b"\xff\xc4"])
@pytest.mark.parametrize("size", range(2, 12))
def test_a_segment_that_is_too_short_for_what_it_is(marker: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="no image can be decoded"):
        decode_compressed(
            b"\xff\xd8" + marker + struct.pack(">H", size) + bytes([8, 0, 9, 0, 9, 3, 1, 1, 1])[: size - 2]
        )


def test_a_jpeg_that_its_decoder_fills_up_is_refused_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    """A camera that lost packets may well end its image as it must."""
    jpeg = encoded(".jpg", NOISY)
    with pytest.raises(ValueError, match="it is damaged: Corrupt JPEG data: premature end of data segment"):
        decode_compressed(jpeg[: len(jpeg) // 2] + b"\xff\xd9")
    np.testing.assert_array_equal(decode_compressed(jpeg[:-2] + bytes(9) + b"\xff\xd9"), decode_compressed(jpeg))
    assert capfd.readouterr().err == ""


def test_what_others_write_to_stderr_meanwhile_is_kept(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def talkative(*_: object) -> None:
        os.write(2, b"of another thread\nlibpng warning: of no interest\n")

    monkeypatch.setattr(cv2, "imdecode", talkative)
    with pytest.raises(ValueError, match="damaged, or not supported by this OpenCV"):
        decode_compressed(encoded(".png", NOISY))
    assert capfd.readouterr().err == "of another thread\n"


def test_a_process_without_stderr_reads_images() -> None:
    code = "import os, sys; os.close(2); from handos_model.io.image_encodings import decode_compressed as d; "
    code += "print(d(sys.stdin.buffer.read()).shape)"
    done = subprocess.run([sys.executable, "-c", code], input=encoded(".jpg", NOISY), stdout=subprocess.PIPE)
    assert done.stdout.decode().strip() == str(NOISY.shape)


def test_a_progressive_jpeg_without_its_end_marker_is_refused() -> None:
    """More scans may have followed, and each makes it sharper."""
    jpeg = encoded(".jpg", NOISY, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    with pytest.raises(ValueError, match="no end marker"):
        decode_compressed(jpeg[:-2])
