"""Opens every file that comes from outside: regular files of bounded size; others are refused in one sentence.

Also checksums, which show whether a file is damaged.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

KB, MB = 2**10, 2**20
LONGEST_LINE = 300
"""Maximum number of characters of untrusted text in a message."""


class Problems(ValueError):
    """Several things that are wrong, as there are several files; args: a sentence on each."""

    def __str__(self) -> str:
        return "\n".join(self.args)


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name in messages, the maximum number of bytes, and a hint on where to find one."""

    name: str
    most: int
    hint: str = ""


IMAGE = Kind("image", 256 * MB)
VIDEO = Kind("video", 2**50)
RECORDING = Kind("recording", 2**50)
CALIBRATION = Kind("calibration file", 64 * KB, "docs/command_line.md shows one")
EXTRINSICS = Kind("extrinsics file", 64 * KB, "docs/cameras.md shows one")
RESULTS = Kind("results file", 2**50)
RECIPE = Kind("recipe", 64 * KB, "config/train of a checkout contains the published ones")
WEIGHTS = Kind("weights file", 1024 * MB)
TRAINED = Kind("file of trained weights", 4096 * MB, "give a run's checkpoint.pt or a .npz of trained weights")
TEMPLATE = Kind("hand template", 32 * MB, "give the path of a template .npz or of MANO_RIGHT.pkl")
CHECKSUM = Kind("checksum", 4 * KB)


def open_file(path: Path, kind: Kind) -> BinaryIO:
    """A regular file of at most kind.most bytes, open for reading; never blocks, whatever `path` is.

    Raises FileNotFoundError if there is nothing at `path`, ValueError for a folder, FIFO, device or socket, for a file
    that is too large, and for one that this user may not read.
    """
    try:
        if "\0" in str(path):  # as in no file's name; os.stat would not say which
            raise FileNotFoundError
        _check(os.stat(path), path, kind)  # before it is opened, as opening alone starts some devices
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except (FileNotFoundError, NotADirectoryError, UnicodeEncodeError) as error:
        hint = f": {kind.hint}" if kind.hint else ""
        raise FileNotFoundError(f"there is no {kind.name} {shown(path)}{hint}") from error
    except OSError as error:
        raise ValueError(f"cannot read {kind.name} {shown(path)}: {error.strerror}") from error
    try:
        _check(os.fstat(file.fileno()), path, kind)
    except ValueError:
        file.close()
        raise
    return file


def read_file(path: Path, kind: Kind) -> bytes:
    """All bytes of a file; raises what open_file raises."""
    with open_file(path, kind) as file:
        try:
            return file.read(os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise ValueError(f"cannot read {kind.name} {shown(path)}: {error.strerror}") from error


def read_text(path: Path, kind: Kind) -> str:
    """The text of a file in UTF-8; raises what open_file raises, and ValueError for other encodings."""
    try:
        return read_file(path, kind).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{kind.name} {shown(path)} is not UTF-8 text: {error.reason}") from error


def checksum_file(path: Path) -> Path:
    """Where the checksum of a file lies: next to it."""
    return path.with_name(f"{path.name}.sha256")


def write_checksum(path: Path) -> None:
    """Writes the checksum of a file, as sha256sum does."""
    checksum_file(path).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def fits_checksum(path: Path, data: bytes) -> bool:
    """Whether these bytes of a file have its checksum, which must exist; raises what read_text raises."""
    return read_text(checksum_file(path), CHECKSUM).split()[:1] == [hashlib.sha256(data).hexdigest()]


def one_line(text: object, longest: int = LONGEST_LINE) -> str:
    """Untrusted text, made fit for a message: one line of at most `longest` characters without control characters."""
    whole = text if isinstance(text, str) else str(text)
    line = " ".join(whole[: 4 * longest].split())
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line[: longest + 1])
    return line if len(line) <= longest and len(whole) <= 4 * longest else line[: longest - 1] + "…"


def message(text: object) -> str:
    """A whole message, made fit for a terminal: it may name files, and their names may contain anything."""
    return one_line(text, 8192)


def shown(path: str | Path) -> str:
    """A path, made fit for a message: file names may contain bytes that are not text."""
    return one_line(path, 4096)


def _check(about: os.stat_result, path: Path, kind: Kind) -> None:
    if not stat.S_ISREG(about.st_mode):
        what = "a folder" if stat.S_ISDIR(about.st_mode) else "not a regular file"
        raise ValueError(f"{kind.name} {shown(path)} is {what}")
    if about.st_size > kind.most:
        has = f"it has {about.st_size} bytes, the limit is {kind.most}"
        raise ValueError(f"{kind.name} {shown(path)} is too large: {has}")
