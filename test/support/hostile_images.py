"""Image files that lie, lack something or are of other kinds, made of real ones."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
from made_files import picture

SUFFIXES = [s for s in (".jpg", ".png", ".webp", ".tiff", ".bmp", ".ppm", ".gif") if cv2.haveImageWriter(f"x{s}")]
"""Suffixes of the kinds that this OpenCV writes: GIF is new in 4.11."""


def encoded(suffix: str, image: np.ndarray | None = None, *options: int) -> bytes:
    bgr = (picture(60, 80) if image is None else image)[..., ::-1]
    return cv2.imencode(suffix, bgr, list(options))[1].tobytes()


def png_chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", checksum)


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)


def progressive(scans: int, edge: int = 64) -> bytes:
    """A progressive JPEG, with empty passes over one coefficient until it has as many scans."""
    whole = encoded(".jpg", np.zeros((edge, edge, 3), np.uint8), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    empty = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 63, 63, 0x10)
    return whole[:-2] + empty * (scans - whole.count(b"\xff\xda")) + b"\xff\xd9"


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def tiff_of(tags: dict[int, tuple[int, int]], pixels: bytes = b"") -> bytes:
    """Little-endian, one directory; tags: (type, value) each, in the place of their offset."""
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(tags.items()))
    return head + entries + b"\0\0\0\0" + pixels


def heif(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"mif1" + brand + bytes(100)
