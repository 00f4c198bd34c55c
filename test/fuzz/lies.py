"""Trees of plain values, as JSON holds them, in which some values lie."""

from __future__ import annotations

import random
from typing import Any

NUMBERS = (
    0, -1, 1, 2, 0.5, 1e-40, 1e30, -1e30, 1e308, -1e308, 255, 65_536, 2**31, 2**32 - 1, 2**63 - 1, 2**63, -(2**63),
    10**400, float("nan"), float("inf"), -float("inf"),
)  # fmt: skip
TEXTS = ("", "1", "nan", "left", "../x", "/dev/zero", "\0", "\ud800", "täst\n\x1b[2J", "x" * 5_000)
MOST_LIES = 3
DEEPER = 0.85
"""Chance of going on into a list or mapping instead of lying about all of it."""


def with_lies(tree: Any, chance: random.Random) -> Any:
    """The tree with one lie or several; the given one stays as it is."""
    for _ in range(chance.randint(1, MOST_LIES)):
        tree = _with_lie(tree, chance)
    return tree


def _with_lie(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict | list) or not value or chance.random() > DEEPER:
        return _lie(value, chance)
    if isinstance(value, dict):
        key = chance.choice(list(value))
        return {**value, key: _with_lie(value[key], chance)}
    place = chance.randrange(len(value))
    return [*value[:place], _with_lie(value[place], chance), *value[place + 1 :]]


def _lie(value: Any, chance: random.Random) -> Any:
    """Something else in place of a value; a list or mapping may only lose or gain something."""
    kind = chance.randrange(10)
    if kind < 4:
        return chance.choice(NUMBERS)
    if kind == 4:
        return chance.choice(TEXTS)
    if kind == 5:
        return chance.choice((None, True, False, [], {}))
    if kind == 6:
        return chance.choice(([value], {"x": value}, [value] * 200))
    if isinstance(value, dict) and value:
        lost = chance.choice(list(value))
        return {key: part for key, part in value.items() if key != lost}
    if isinstance(value, list) and value:
        return chance.choice((value[:-1], [*value, value[0]], value[::-1], value * chance.choice((2, 200))))
    return -value if isinstance(value, int | float) else f"{value}{chance.choice(TEXTS)}"
