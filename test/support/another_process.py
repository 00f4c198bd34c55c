"""Another process that holds what a test then asks for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def another_process(program: str, path: Path) -> Iterator[None]:
    """A Python program with this argument, which prints "held" when it is ready; it is killed at the end of the block.

    It must read its stdin meanwhile, which ends with this process.
    """
    command = [sys.executable, "-c", program, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()
