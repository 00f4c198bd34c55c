"""A place for the newest thing between the thread that brings it and the one that works on it."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")
HEAD_START = 0.003
"""Most seconds that whoever brings a thing waits for an idle taker to be done with it."""


class Newest(Generic[T]):
    """Holds one thing at most: what comes while the last one still waits takes its place."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._thing: T | None = None
        self._closed = False
        self._idle = False  # somebody waits in take

    def put(self, thing: T) -> bool:
        """Leaves a thing here; True when one that nobody took had to go.

        An idle taker has a head start: it is done with the thing when this returns, or HEAD_START has passed. Else it
        would share the interpreter lock with the caller, and an executor, with half a millisecond of housekeeping
        before it listens again, would hold up the start of every frame.
        """
        with self._changed:
            replaced = self._thing is not None
            self._thing = thing
            self._changed.notify_all()
            if self._idle:
                self._changed.wait_for(lambda: self._idle and self._thing is None, HEAD_START)
        return replaced

    def take(self) -> T | None:
        """Waits for a thing and takes it; None once the place is closed."""
        with self._changed:
            self._idle = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._thing is not None or self._closed)
            self._idle = False
            thing, self._thing = self._thing, None
            return None if self._closed else thing

    def close(self) -> None:
        """Ends every wait, present and future."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
