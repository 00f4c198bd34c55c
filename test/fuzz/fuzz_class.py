"""FuzzClass: one class of hostile inputs, and what the package must make of each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from mutation import change

LONGEST_SENTENCE = 2000


@dataclass(frozen=True)
class FuzzClass:
    """To add one: a module that makes it, and a line in classes.py."""

    feed: Callable[[bytes], object]
    """Gives an input to the package as a user would; returns when it was read, and raises what the package raises."""
    seeds: Sequence[bytes]
    """Good inputs, of which most others are made by changing them."""
    structured: st.SearchStrategy[bytes] | None = None
    """Inputs put together of parts that lie."""
    kept: int = 0
    """Bytes at the front that changes leave as they are: what a feed tells kinds by."""
    family: int = 20
    """Inputs that come of one drawn by Hypothesis; few where changed bytes seldom reach more than a parser."""


def drawn(case: FuzzClass) -> st.SearchStrategy[tuple[bytes | None, int]]:
    """The origin of a family of inputs: a structured input, and the number that decides the changes."""
    return st.tuples(st.none() if case.structured is None else case.structured, st.integers(0, 2**62))


def family(case: FuzzClass, structured: bytes | None, number: int, size: int) -> Iterator[bytes]:
    """So many inputs: the structured one, then changes of it and of the seeds. Drawing costs more than changing."""
    chance = random.Random(number)
    if structured is not None:
        yield structured
        size -= 1
    for _ in range(size):
        first = chance.choice(case.seeds) if structured is None or chance.random() < 0.5 else structured
        yield first[: case.kept] + change(case.seeds, first[case.kept :], chance)


def answer(case: FuzzClass, data: bytes) -> str:
    """'read' or 'refused'; raises for any other end than a ValueError, or FileNotFoundError, in one sentence."""
    try:
        case.feed(data)
    except (ValueError, FileNotFoundError) as error:
        sentence = str(error)
        if not sentence or "\n" in sentence or len(sentence) > LONGEST_SENTENCE:
            raise AssertionError(f"an answer of {len(sentence)} characters: {sentence[:200]!r}") from error
        if isinstance(error, UnicodeError):
            raise
        return "refused"
    return "read"
