"""Options that are checked whenever they are set, by value and by name: when an object is made, and between frames."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
Check = Callable[[str, Any], Value]
"""Takes the name of an option and what it is set to; returns its value, or raises ValueError."""


class Option(Generic[Value]):
    """An attribute that only takes values that its check accepts."""

    def __init__(self, check: Check[Value]) -> None:
        self._check = check

    def __set_name__(self, _kind: type, name: str) -> None:
        self._name = name

    def __get__(self, owner: Any, _kind: type | None = None) -> Value:
        if owner is None:  # of the class, which has no values
            raise AttributeError(self._name)
        value: Value = owner.__dict__[self._name]
        return value

    def __set__(self, owner: Any, value: Any) -> None:
        owner.__dict__[self._name] = self._check(self._name, value)


class Adjustable:
    """An object that gets no further attributes once it is made, so that a misspelt option is an AttributeError.

    __init__ ends by setting `_made`; that of a derived class sets its own attributes before it calls this one's.
    """

    _made = False

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made and not hasattr(self, name):
            known = [known for known in vars(self) if not known.startswith("_")]
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise AttributeError(f"{type(self).__name__} has no attribute {name}: {hint}")
        super().__setattr__(name, value)


def whole(low: int, high: int | None = None, unit: str = "") -> Check[int]:
    """Whole numbers within these limits, as numbers or as text, as the weights' metadata gives them."""
    allowed = f"of {low} or more" if high is None else f"from {low} to {high}"

    def check(name: str, value: Any) -> int:
        try:
            number = int(value)
            is_whole = isinstance(value, str) or number == value
        except (TypeError, ValueError, OverflowError):
            number, is_whole = low, False
        if not is_whole or number < low or (high is not None and number > high):
            raise ValueError(f"{name} is {value}, must be a whole number {unit and f'of {unit} '}{allowed}")
        return number

    return check


def between(low: float, high: float) -> Check[float]:
    """Numbers from low to high; high may be infinite, which is no number itself."""
    allowed = f"lie between {low} and {high}" if math.isfinite(high) else f"be {low} or more and finite"

    def check(name: str, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not (low <= number <= high and math.isfinite(number)):
            raise ValueError(f"{name} is {value}, must {allowed}")
        return number

    return check


def one_of(names: Sequence[str]) -> Check[str]:
    """One of these names."""

    def check(name: str, value: Any) -> str:
        if value not in names:
            raise ValueError(f"{name} is {value!r}, must be one of {', '.join(names)}")
        return str(value)

    return check
