"""Files that one process at a time writes over a long time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from handos_model.output.output_file import NotWrittenError


def claimed(file: IO[Any], forked: bool = False) -> bool:
    """Whether no other process has claimed this file, which is then this one's until it closes the file or dies.

    forked: processes that are forked while the file is open share the claim, and may outlive this one; otherwise the
    claim ends when any handle of the file in this process is closed.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        return True
    try:
        (fcntl.flock if forked else fcntl.lockf)(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a disk without locks
        return True
    return True


def open_alone(path: Path) -> IO[bytes]:
    """Opens a file to read and write, with what is in it; NotWrittenError while another process has it open like this.

    Close it after it has its final name: until then, nobody else may change it.
    """
    file = open(path, "rb+", opener=lambda name, flags: os.open(name, flags | os.O_CREAT, 0o666))
    if not (claimed(file, forked=True) and _is_at(file, path)):
        file.close()
        raise NotWrittenError(f"another run is writing {path}: wait for its end, or give another name")
    return file


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether a file still has this path: a run that ended since it was opened has given it its final name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
