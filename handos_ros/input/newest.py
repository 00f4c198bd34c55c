"""A queue with a single slot between the thread that receives images and the one that processes them."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Holds only the newest item: a new item replaces one that has not been taken."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> bool:
        """Stores an item; True if it replaced one that was not taken."""
        with self._changed:
            replaced = self._item is not None
            self._item = item
            self._changed.notify()
        return replaced

    def take(self) -> T | None:
        """Waits for an item and takes it; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Ends every wait, present and future."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
