"""Large label files, parsed only once on a machine: the first process writes arrays, all others map them.

Eight training processes with four workers each would otherwise hold the labels 40 times, as Python objects.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from handos_model.output.output_file import completed

LARGE = 20_000_000
"""Bytes; smaller files are parsed by every process."""
FORMAT = 1
"""Version of the cache, to be increased when a reader returns other arrays for the same file."""
CACHE = "HANDOS_CACHE"
"""The environment variable that names another folder than ~/.cache/handos."""

Arrays = dict[str, np.ndarray]


def parsed(file: Path, parse: Callable[[], Arrays], reader: str) -> Arrays:
    """The arrays that `parse`, of the module `reader`, makes of a file; those of a large one are mapped from the cache.

    Errors are those of `parse`. If nothing can be written, every process parses for itself.
    """
    if not file.is_file() or file.stat().st_size < LARGE:
        return parse()
    status = file.stat()
    identity = f"{file.resolve()} {status.st_size} {status.st_mtime_ns} {reader} {FORMAT}"
    folder = cache() / hashlib.sha256(identity.encode()).hexdigest()[:24]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_suffix(".lock").open("w")
    except OSError:
        return parse()
    with lock:
        hold(lock.fileno())  # released when the file is closed, even by a process that dies
        if not folder.is_dir():
            arrays = parse()
            try:
                write(folder, arrays)
            except OSError:
                return arrays
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))}


def cache() -> Path:
    """The folder of the cache."""
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "handos")


def hold(descriptor: int) -> None:
    """Waits for other processes on this machine that parse the same file."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: two may parse at once, and the first to finish counts
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def write(folder: Path, arrays: Arrays) -> None:
    """The arrays as files of `folder`, all or none; raises OSError."""
    with completed(folder) as unfinished:
        unfinished.mkdir(exist_ok=True)  # one that a process left that died is filled again
        for name, array in arrays.items():
            np.save(unfinished / f"{name}.npy", array, allow_pickle=False)
