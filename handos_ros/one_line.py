"""Texts of strangers, for logs and diagnostics."""

from __future__ import annotations

LONGEST = 300
"""Characters."""


def one_line(text: object, longest: int = LONGEST) -> str:
    """A text as one line of at most `longest` characters: one that comes in a message may hold millions."""
    whole = str(text)
    line = " ".join(whole[: 4 * longest].split())
    return line if max(len(line), len(whole) / 4) <= longest else line[: longest - 4] + " ..."
