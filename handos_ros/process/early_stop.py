"""Ctrl-C while a program still imports what it needs, most of its start: it ends with code 0, as it does later."""

from __future__ import annotations

import os
import signal


def stop_quietly() -> None:
    """Until other handlers are set, SIGINT and SIGTERM end the process at once: there is nothing to clean up yet.

    Python's own would raise KeyboardInterrupt in the middle of an import, and print where.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
