"""The `handos` command as it is installed; Ctrl-C ends it quietly while it is still importing, too."""

from __future__ import annotations

import os
import signal
from typing import NoReturn


def main() -> int:
    """Runs handos_model.cli.main, whose import takes most of the start; returns its exit code."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # which would raise in the middle of an import; else it is ignored
        signal.signal(signal.SIGINT, _interrupted)
    from handos_model.cli import main as run

    signal.signal(signal.SIGINT, before)
    return run()


def _interrupted(*_: object) -> NoReturn:
    os.write(2, b"handos: interrupted\n")
    os._exit(130)
