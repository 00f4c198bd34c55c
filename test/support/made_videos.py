"""Videos with the times that a test wants, written by PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SHADES = 12
"""Frames of a made video are grey in as many shades, one after the other, so that each can be told from the next."""


def shade(number: int) -> int:
    """Grey value of a frame by its number."""
    return 20 + 18 * (number % SHADES)


def write_timed_video(
    path: Path, milliseconds: list[int], codec: str = "mpeg4", size=(64, 48), tags: dict[str, str] | None = None
) -> Path:
    """One frame at each time; frame n is of shade(n)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, width=size[0], height=size[1])
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        base = Fraction(1, 25) if path.suffix in (".avi", ".mpg") else Fraction(1, 1000)  # these have a frame per tick
        stream.time_base = stream.codec_context.time_base = base
        stream.codec_context.max_b_frames = 0
        stream.metadata.update(tags or {})
        for number, time in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), shade(number), np.uint8), "rgb24")
            frame.pts, frame.time_base = round(Fraction(time, 1000) / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(video: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """An MP4 whose display matrix is (a, b, c, d): a pixel (x, y) is shown at (a x + c y, b x + d y)."""
    at = video.index(b"tkhd") + 4 + 40  # version and flags, times, id, duration, layer, volume
    a, b, c, d = (int.to_bytes(value << 16, 4, "big", signed=True) for value in matrix)
    zero, one = bytes(4), (1 << 30).to_bytes(4, "big")
    return video[:at] + a + b + zero + c + d + zero + zero + zero + one + video[at + 36 :]
