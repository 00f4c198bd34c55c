"""Pictures: mutated files of every kind, and files put together of parts that lie."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
from fuzz_class import FuzzClass
from hostile_images import SUFFIXES, encoded, png_chunk, progressive, tiff_of
from hypothesis import strategies as st
from made_files import picture

from handos_model.io.image_encodings import decode_compressed, decode_mosaic

SMALL = picture(20, 30)
GREY = np.repeat(SMALL[..., :1], 3, axis=2)
SEEDS = [
    *(encoded(suffix, image) for suffix in SUFFIXES for image in (SMALL, GREY)),
    encoded(".jpg", SMALL, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    encoded(".jpg", SMALL, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
    encoded(".jpg", SMALL)[:-2],
    encoded(".webp", SMALL, cv2.IMWRITE_WEBP_QUALITY, 101),
    encoded(".tiff", SMALL, cv2.IMWRITE_TIFF_COMPRESSION, 8),
    encoded(".tiff", SMALL, cv2.IMWRITE_TIFF_COMPRESSION, 32773),
    cv2.imencode(".png", SMALL.astype(np.uint16) * 257)[1].tobytes(),
    cv2.imencode(".tiff", SMALL.astype(np.float32))[1].tobytes(),
    cv2.imencode(".png", np.dstack([SMALL, SMALL[..., 0]]))[1].tobytes(),
    cv2.imencode(".ppm", SMALL, [cv2.IMWRITE_PXM_BINARY, 0])[1].tobytes(),
    progressive(20),
]
SIZES = st.sampled_from([0, 1, 2, 7, 8, 30, 255, 256, 1000, 8000, 65_535, 2**31 - 1, 2**32 - 1])
BODIES = st.binary(max_size=64) | st.sampled_from([zlib.compress(bytes(n)) for n in (10, 2000, 100_000)])


def _png(width: int, height: int, about: tuple[int, int, int], chunks: list[tuple[bytes, bytes, int | None]]) -> bytes:
    depth, colour, interlace = about
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(png_chunk(*chunk) for chunk in chunks) + png_chunk(b"IEND", b"")


def _jpeg(segments: list[tuple[int, int | None, bytes]], tail: bytes) -> bytes:
    parts = [
        bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2 if length is None else length & 0xFFFF) + body
        for marker, length, body in segments
    ]
    return b"\xff\xd8" + b"".join(parts) + tail


PNGS = st.builds(
    _png,
    SIZES,
    SIZES,
    st.tuples(st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([0, 2, 3, 4, 6]), st.integers(0, 1)),
    st.lists(
        st.tuples(
            st.sampled_from([b"IDAT", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"eXIf", b"tEXt", b"IEND"]),
            BODIES,
            st.none() | SIZES,
        ),
        max_size=6,
    ),
)
FRAMES = st.builds(
    lambda height, width, parts: struct.pack(">BHHB", 8, height & 0xFFFF, width & 0xFFFF, parts) + b"\1\x11\0" * parts,
    SIZES,
    SIZES,
    st.integers(0, 4),
)
SCANS = st.builds(lambda parts, band: bytes([parts]) + b"\1\0" * parts + band, st.integers(0, 4), st.binary(max_size=3))
JPEGS = st.builds(
    _jpeg,
    st.lists(
        st.tuples(
            st.sampled_from([0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xFE]),
            st.none() | SIZES,
            FRAMES | SCANS | BODIES,
        ),
        max_size=8,
    ),
    st.sampled_from([b"\xff\xd9", b"", b"\0" * 50 + b"\xff\xd9", encoded(".jpg", SMALL)[2:]]),
)
TIFFS = st.builds(
    tiff_of,
    st.dictionaries(
        st.sampled_from(
            [254, 256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 339]
        ),
        st.tuples(st.sampled_from([1, 3, 4]), SIZES | st.sampled_from([3, 4, 5, 16, 150, 600, 32773])),
        min_size=2,
    ),
    st.binary(max_size=600),
)
PNMS = st.builds(
    lambda kind, fields, body: b"P" + kind + b"".join(fields) + body,
    st.sampled_from([b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"F", b"f"]),
    st.lists(st.sampled_from([b" ", b"\n", b"#", b"#x\n", b"30", b"20", b"0", b"255", b"65535", b"99999999", b"-1"])),
    st.binary(max_size=2000),
)


def _decode(data: bytes) -> np.ndarray:
    return decode_mosaic(data, "bayer_rggb8") if len(data) % 4 == 0 else decode_compressed(data)


IMAGES = FuzzClass(_decode, SEEDS, PNGS | JPEGS | TIFFS | PNMS)
