"""Lets Ctrl-C end a program with code 0 while it is still importing, which is most of its start."""

from __future__ import annotations

import os
import signal


def stop_quietly() -> None:
    """Makes SIGINT and SIGTERM end the process at once until other handlers are set: there is nothing to clean up yet.

    Python's own handler would raise KeyboardInterrupt in the middle of an import and print a traceback.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
