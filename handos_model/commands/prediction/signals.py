"""Signals that end a run, at once or after its current frame."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


def ending() -> list[signal.Signals]:
    """The signals that end a command: that of Ctrl-C, SIGTERM, and that of a terminal that is closed.

    Without those that are ignored, as by nohup and by jobs in the background of a script.
    """
    known = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def handled(numbers: Iterable[int], handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handles signals in this way, until those who did so before do it again."""
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """The first signal lets the current frame finish, so that files end with a whole record; a second stops at once."""
    pressed = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    with handled(ending(), handle):
        yield lambda: pressed
