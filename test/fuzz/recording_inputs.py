"""Recordings and videos: files of every kind, damaged or put together of parts that lie; their first byte names it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from file_inputs import FOLDER
from fuzz_class import FuzzClass
from hypothesis import strategies as st
from lying_bags import LYING
from lying_videos import lying_video
from made_bags import file_of, images
from made_videos import write_timed_video

from handos_model.io.frame import MOST_FRAMES
from handos_model.io.inputs import open_inputs

LONGEST = 1500  # characters of a sentence
BAGS = {
    "sqlite": ("SQLITE3", ""), "sqlite-message": ("SQLITE3", "message"), "sqlite-file": ("SQLITE3", "file"),
    "mcap": ("MCAP", ""), "mcap-zstd": ("MCAP", "storage"), "ros1": ("ROS1", ""), "ros1-lz4": ("ROS1", "lz4"),
    "ros1-bz2": ("ROS1", "bz2"),
}  # fmt: skip
VIDEOS = {"mp4": "mpeg4", "mkv": "libx264", "avi": "mjpeg", "webm": "libvpx", "mov": "libx264", "mpg": "mpeg2video"}
FRAMES = 4
Liar = Callable[[Path, random.Random], bytes]


def _made(kind: str) -> Path:
    """A small good file of a kind."""
    folder = FOLDER / kind
    folder.mkdir()
    if kind in BAGS:
        return file_of(images(folder, BAGS[kind][0], FRAMES, BAGS[kind][1]))
    return write_timed_video(folder / f"v.{kind}", list(range(0, 40 * FRAMES, 40)), VIDEOS[kind])


def _read(path: Path) -> None:
    """Every frame, and every sentence about it: one line that a terminal shows as it is."""
    (source,) = open_inputs([str(path)], depth="auto")
    assert len(source) <= MOST_FRAMES
    sentences = []
    for frame in source:
        assert frame.stamp_ns is None or 0 <= frame.stamp_ns < 2**63
        if frame.image is None:
            sentences.append(frame.problem)
    for sentence in (*source.notes, *sentences):
        assert sentence and len(sentence) < LONGEST and sentence.isprintable(), repr(sentence)


def _class(kinds: Sequence[str], lying: dict[str, Liar]) -> FuzzClass:
    """lying: what makes a file that lies of a good one, by its kind."""
    files = [_made(kind) for kind in kinds]
    suffixes = ["".join(file.suffixes) for file in files]

    def feed(data: bytes) -> None:
        path = Path(FOLDER, f"bad{suffixes[data[0]]}")
        path.write_bytes(data[1:])
        _read(path)

    def with_lies(seed: int) -> bytes:
        chance = random.Random(seed)
        kind = chance.choice(list(lying))
        number = kinds.index(kind)
        return bytes([number]) + lying[kind](files[number], chance)

    seeds = [bytes([kind]) + file.read_bytes() for kind, file in enumerate(files)]
    return FuzzClass(feed, seeds, st.integers(0, 2**62).map(with_lies), kept=1, family=4)


RECORDINGS = _class(list(BAGS), LYING)
MOVIES = _class(list(VIDEOS), dict.fromkeys(VIDEOS, lying_video))
