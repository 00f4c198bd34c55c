"""FuzzClass: one class of hostile inputs, and what the package must make of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

LONGEST_SENTENCE = 2000


@dataclass(frozen=True)
class FuzzClass:
    """To add one: a module that makes it, and a line in classes.py.

    feed: gives an input to the package as a user would; returns when it was read, and raises what the package raises.
    """

    inputs: st.SearchStrategy[bytes]
    feed: Callable[[bytes], object]


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
