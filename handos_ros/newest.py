"""A place for the newest thing between the thread that brings it and the one that works on it."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Holds one thing at most: what comes while the last one still waits takes its place."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._thing: T | None = None
        self._closed = False

    def put(self, thing: T) -> bool:
        """Leaves a thing here; True when one that nobody took had to go."""
        with self._changed:
            replaced = self._thing is not None
            self._thing = thing
            self._changed.notify()
        return replaced

    def take(self) -> T | None:
        """Waits for a thing and takes it; None once the place is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._thing is not None or self._closed)
            thing, self._thing = self._thing, None
            return None if self._closed else thing

    def close(self) -> None:
        """Ends every wait, present and future."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
