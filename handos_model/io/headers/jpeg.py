"""JPEG (ITU T.81): segments are read one by one, from marker to marker, until the image ends."""

from __future__ import annotations

import re

from handos_model.io.headers.promise import Promise, number

MAX_SCANS = 32
"""A progressive image has about ten scans. Each is a pass over all pixels, and a few kB hold a thousand empty ones."""
MAX_PASSES = 768_000_000
"""Maximum of pixels times scans: 12 scans of the largest image, which take about 4 s."""
MAX_SEGMENTS = 10_000
MAX_PIXELS_A_BYTE = 2048
"""A block of 8x8 px of one component takes at least one bit; chroma is halved at most twice in each direction."""
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)  # two bytes, so it cannot backtrack; no restart markers
_START, _SCAN, _END, _ALONE = 0xD8, 0xDA, 0xD9, 0x01
_FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
_OTHER_FRAMES = {*range(0xC3, 0xD0)} - {0xC4, 0xC8, 0xCC}


def read(data: memoryview) -> Promise:
    """The size of the first frame, not of thumbnails inside segments; ValueError if the image is not complete."""
    frame: tuple[int, int, int, bool] | None = None
    scans = coded = segments = 0
    at, ended = 2, False
    while match := _MARKER.search(data, at):
        segments += 1
        if segments > MAX_SEGMENTS:
            raise ValueError(f"its JPEG has more than {MAX_SEGMENTS} segments")
        marker, at = data[match.start() + 1], match.end()
        if marker == _END and (scans or frame is None):
            ended = True
            break
        if marker in (_START, _END, _ALONE):
            continue
        length = number(data, at, 2, "big")
        if length < 2 or at + length > len(data):
            raise ValueError("a segment of its JPEG extends beyond the end of the file")
        if marker in _OTHER_FRAMES:
            raise ValueError("its JPEG is neither baseline nor progressive: convert it")
        if marker in _FRAMES and frame is None:
            height, width = number(data, at + 3, 2, "big"), number(data, at + 5, 2, "big")
            frame = width, height, number(data, at + 7, 1, "big"), _FRAMES[marker] == "progressive"
        if marker == _SCAN:
            scans += 1
            coded += number(data, at + 2, 1, "big")
        if scans > MAX_SCANS:
            raise ValueError(f"its JPEG has more than {MAX_SCANS} scans")
        at += length
    if frame is None or not scans:
        raise ValueError("its JPEG has no frame or no scan: it is damaged or truncated")
    width, height, components, progressive = frame
    if scans > 1 and scans * width * height > MAX_PASSES:
        raise ValueError(f"its JPEG has {scans} scans of {width}x{height} px")
    if not ended and (progressive or coded < components):
        raise ValueError("its JPEG has no end marker: it is truncated")
    return Promise(width, height, width * height // MAX_PIXELS_A_BYTE, ended)
