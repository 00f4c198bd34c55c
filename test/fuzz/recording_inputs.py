"""Recordings and videos: damaged files of every kind of read_mutated.py, the kind in their first byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from file_inputs import FOLDER
from fuzz_class import FuzzClass
from hypothesis import strategies as st
from mutation import change
from read_mutated import BAGS, KINDS, VIDEOS, check, made, said


def _class(kinds: Sequence[str]) -> FuzzClass:
    good = {}
    for kind in kinds:
        folder = FOLDER / kind
        folder.mkdir()
        good[kind] = made(kind, folder)

    def damaged(kind: str, number: int) -> bytes:
        data = good[kind].read_bytes()
        return bytes([KINDS.index(kind)]) + change([data], data, number)

    def feed(data: bytes) -> None:
        path = Path(FOLDER, f"bad{''.join(good[KINDS[data[0]]].suffixes)}")
        path.write_bytes(data[1:])
        outcome, sentences = said(path)
        check(sentences)
        if outcome == "refused":
            raise ValueError(sentences[0])

    return FuzzClass(st.builds(damaged, st.sampled_from(kinds), st.integers(0, 2**62)), feed)


RECORDINGS, MOVIES = _class(list(BAGS)), _class(list(VIDEOS))
