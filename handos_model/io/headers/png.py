"""PNG (W3C): all chunks are checked, since decoders reserve memory for the size that a chunk declares."""

from __future__ import annotations

from handos_model.io.headers.promise import Promise, number

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 200_000
MAX_RATIO = 1040
"""Largest compression ratio accepted: deflate reaches at most 1032."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by colour type


def read(data: memoryview) -> Promise:
    """The size in IHDR; ValueError if a chunk is longer than the file, or if pixels or the end are missing."""
    if bytes(data[12:16]) != b"IHDR" or number(data, 8, 4, "big") != 13:
        raise ValueError("its PNG does not start with a header")
    width, height, depth, colour = (number(data, at, n, "big") for at, n in ((16, 4), (20, 4), (24, 1), (25, 1)))
    if colour not in _SAMPLES or depth not in (1, 2, 4, 8, 16):
        raise ValueError(f"its PNG has the unknown colour type {colour} of {depth} bits")
    at, pixels, more = 8, False, False
    for _ in range(MAX_CHUNKS):
        length, kind = number(data, at, 4, "big"), bytes(data[at + 4 : at + 8])
        if at + 12 + length > len(data):
            raise ValueError(f"a chunk of its PNG declares {length} bytes, more than the file has: it is truncated")
        if kind == b"IEND":
            break
        pixels |= kind == b"IDAT"
        more |= kind == b"fdAT"  # of an animated PNG: any frame but the still one
        at += 12 + length
    else:
        raise ValueError(f"its PNG has more than {MAX_CHUNKS} chunks")
    if not pixels:
        raise ValueError("its PNG holds no pixels")
    return Promise(width, height, height * (1 + width * depth * _SAMPLES[colour] // 8) // MAX_RATIO, more=more)
