"""The `handos` command as it is installed; Ctrl-C ends it quietly while it is still importing, too."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import NoReturn


def main() -> int:
    """Runs handos_model.cli.main, whose import takes most of the start; returns its exit code."""
    _open_streams()
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # which would raise in the middle of an import; else it is ignored
        signal.signal(signal.SIGINT, _interrupted)
    from handos_model.cli import main as run

    signal.signal(signal.SIGINT, before)
    return run()


def _open_streams() -> None:
    """Opens the standard streams that are closed, of which Python makes None.

    Else the next file that is opened gets the number of one, and the C libraries write their messages into it. What is
    written to a stdout that was closed fails, as everywhere; what is written to stderr is dropped.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):  # in this order: the lowest free number is taken
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            stream = open(number, "rb" if name == "stdin" else "wb", buffering=0)
            setattr(sys, name, io.TextIOWrapper(stream, encoding="utf-8", write_through=True))


def _interrupted(*_: object) -> NoReturn:
    os.write(2, b"handos: interrupted\n")
    os._exit(130)
