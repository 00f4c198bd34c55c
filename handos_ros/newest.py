"""A place for the newest thing between the thread that brings it and the one that works on it."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")
HEAD_START = 0.005
"""Most seconds that whoever brings a thing waits for an idle taker to have it."""


class Newest(Generic[T]):
    """Holds one thing at most: what comes while the last one still waits takes its place."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._thing: T | None = None
        self._closed = False
        self._idle = False  # somebody waits in take

    def put(self, thing: T) -> bool:
        """Leaves a thing here; True when one that nobody took had to go.

        An idle taker has it when this returns: else it would have to wait for the interpreter lock until the caller has
        nothing more to do, which for an executor is as long as half of the work on a frame.
        """
        with self._changed:
            replaced = self._thing is not None
            self._thing = thing
            self._changed.notify_all()
            if self._idle:
                self._changed.wait_for(lambda: self._thing is not thing, HEAD_START)
        return replaced

    def take(self) -> T | None:
        """Waits for a thing and takes it; None once the place is closed."""
        with self._changed:
            self._idle = True
            self._changed.wait_for(lambda: self._thing is not None or self._closed)
            self._idle = False
            thing, self._thing = self._thing, None
            self._changed.notify_all()
            return None if self._closed else thing

    def close(self) -> None:
        """Ends every wait, present and future."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
