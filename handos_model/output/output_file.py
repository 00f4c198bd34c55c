"""Writes every output file: never over an input, and under its final name only when it is complete."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from handos_model.io.recording.recording import is_bag_folder
from handos_model.output.tables import TABLES

RESULT_SUFFIXES = (".jsonl", ".json", *TABLES)
"""Suffixes of results. They are never inputs, so a folder of images may hold the results of an earlier run."""
LONGEST_FILE_NAME = 255
"""Bytes: the longest name of a file on the usual file systems."""
_SUFFIX = re.compile(r"\.[A-Za-z]\w*")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS)  # errors of a disk, which do not name a file


@dataclass(frozen=True)
class WriteRules:
    """The user's permissions for outputs; ValueError if both are set."""

    overwrite: bool = False
    """Replace what an earlier run wrote."""
    resume: bool = False
    """Continue what an interrupted run left, and leave alone what is complete."""

    def __post_init__(self) -> None:
        if self.overwrite and self.resume:
            raise ValueError("--overwrite starts over and --resume continues: use one of them")


class DiskError(OSError):
    """A disk that takes no more, whatever is written."""


class NotWrittenError(OSError):
    """An output that cannot be opened, written or closed, while others may be."""


def suffix_of(path: Path) -> str:
    """The suffix in lower case; empty if no letter follows the dot, as in run_0.5, a folder's name."""
    return path.suffix.lower() if _SUFFIX.fullmatch(path.suffix) else ""


@dataclass(frozen=True)
class Target:
    """An output and its kind, which the name that the user gave decides, whatever {} stands for in it."""

    path: Path
    suffix: str
    """In lower case, as of suffix_of; empty for a folder."""

    @classmethod
    def named(cls, name: str | Path) -> Target:
        """The output with the name that the user gave."""
        return cls(Path(name), suffix_of(Path(name)))

    def __str__(self) -> str:
        return str(self.path)

    def at(self, path: str | Path) -> Target:
        """The same kind of output with another path."""
        return replace(self, path=Path(path))


def check_not_only_suffix(option: str, target: Target, suffixes: Iterable[str]) -> None:
    """Raises ValueError for .jsonl and the like: pathlib takes it for a name without suffix, that is, a folder's."""
    if target.path.name.lower() in suffixes:
        raise ValueError(f"{option} is {target}, which has nothing before its suffix (unset shell variable?)")


def fitted_name(stem: str, ending: str) -> str:
    """The name of a file; if that is longer than a name can be, its stem is cut and told apart by a digest."""
    whole = os.fsencode(stem)
    room = LONGEST_FILE_NAME - len(os.fsencode(ending))
    if len(whole) > room:
        digest = hashlib.sha256(whole).hexdigest()[:8]
        stem = f"{whole[: max(room - 9, 0)].decode(errors='ignore')}~{digest}"
    return stem + ending


def unique_name(name: str, taken: set[str]) -> str:
    """The name, with a number added if it is taken; it is taken from then on."""
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    taken.add(unique)
    return unique


def check_length(path: Path) -> None:
    """Raises OSError if a part of a path is longer than a name can be."""
    if any(len(os.fsencode(part)) > LONGEST_FILE_NAME for part in path.parts):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))


def partial(path: Path) -> Path:
    """The path where a file is written until it is complete: clip.part.mp4 for clip.mp4."""
    suffix = path.suffix if suffix_of(path) else ""
    return path.with_name(fitted_name(path.name.removesuffix(suffix), f".part{suffix}"))


class Inputs:
    """The files that a run reads, however their paths are spelt or linked, so that it never overwrites one."""

    def __init__(self, paths: Iterable[str | Path], used: Iterable[str | Path] = ()) -> None:
        """Files and folders, which stand for the files below them; those that do not exist are ignored.

        paths: what is processed. used: all else that is read, such as weights and labels: new files may be written
        next to them, and a label may have the suffix of results.
        """
        self._files: set[tuple[int, int]] = set()
        self._folders: set[str] = set()  # real paths of folders that contain what is processed
        self._used = [Path(path) for path in used]
        for path in paths:
            self._add(Path(path))

    def _add(self, path: Path) -> None:
        if path.is_dir():
            self._folders.add(os.path.realpath(path))
        for file in _files(path):
            if file == path or not file.name.lower().endswith(RESULT_SUFFIXES):
                self._add_file(file)

    def _add_file(self, path: Path) -> None:
        identity = _identity(path)
        if identity is not None:
            self._files.add(identity)
            self._folders.add(os.path.realpath(path.parent))
            self._folders.add(os.path.dirname(os.path.realpath(path)))

    @cached_property
    def _used_files(self) -> set[tuple[int, int] | None]:
        return {_identity(file) for path in self._used for file in _files(path)}

    def hold(self, path: Path) -> bool:
        """Whether a file is one of the inputs."""
        identity = _identity(path)  # a data set is only searched for a file that exists
        return identity is not None and (identity in self._files or identity in self._used_files)

    def lie_in(self, folder: Path) -> bool:
        """Whether a folder is one of the inputs, or contains one that new files could replace."""
        return os.path.realpath(folder) in self._folders


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or the files below a folder."""
    if path.is_dir():
        yield from (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    else:
        yield path


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file, which all its names share; None if there is no file."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def check_file(path: Path, inputs: Inputs, rules: WriteRules) -> None:
    """Raises ValueError, FileExistsError or PermissionError if a file must not or cannot be written, before any is."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the name of a file")
    for place in (path, partial(path)):
        if inputs.hold(place):
            raise ValueError(f"{place} is an input, which would be lost: give the output another name")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is not a regular file: give the output another name")
    if path.suffix.lower() == ".mcap" and is_bag_folder(path.parent):
        raise ValueError(f"{path} would become a part of the recording {path.parent}: give another folder")
    if not (rules.overwrite or rules.resume):
        if path.exists():
            raise FileExistsError(f"{path} exists: replace it with --overwrite, or give another name")
        check_nothing_left(partial(path))
    check_folder(path.parent)


def check_files(paths: Iterable[Path], inputs: Iterable[Path], overwrite: bool) -> None:
    """Calls check_file for the outputs of a command that uses these inputs."""
    read = Inputs([], inputs)
    for path in paths:
        check_file(path, read, WriteRules(overwrite))


def check_recording_folder(folder: Path, inputs: Inputs, rules: WriteRules) -> None:
    """Like check_file, for a rosbag2 folder, which may only replace another recording."""
    if inputs.lie_in(folder):
        raise ValueError(f"the folder {folder} is or holds an input, which would be lost: give another name")
    if folder.exists() and not (folder.is_dir() and _holds_a_recording_alone(folder)):
        raise ValueError(f"{folder} exists and is not a recording: give the rosbag2 folder another name")
    if folder.exists() and not (rules.overwrite or rules.resume):
        raise FileExistsError(f"{folder} exists: replace it with --overwrite, or give another name")
    check_folder(folder.parent)


def _holds_a_recording_alone(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()}
    others = {name for name in names if not name.endswith((".mcap", ".db3")) and name != "metadata.yaml"}
    return not names or ("metadata.yaml" in names and not others)


def check_nothing_left(place: Path) -> None:
    """Raises FileExistsError if an interrupted run left its file."""
    if place.exists():
        raise FileExistsError(
            f"an interrupted run left {place}: continue with --resume, start over with --overwrite, or remove it"
        )


def check_folder(folder: Path) -> None:
    """Raises PermissionError or ValueError if no file can be made in a folder, or the folder itself cannot be made."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if not existing.is_dir():
        raise ValueError(f"{existing} is a file, {folder} must be a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"the folder cannot be written to: {existing}")


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Raises errors of the disk, which name no file, as DiskError with the name of the file that is being written."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise DiskError(f"cannot write {path}: {os.strerror(error.errno)}") from error


@contextmanager
def writing(output: Target | None) -> Iterator[None]:
    """Raises errors of opening, writing and closing an output as NotWrittenError with its name; a DiskError stays."""
    try:
        yield
    except (DiskError, NotWrittenError):
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename not in (None, str(output)) else ""
        raise NotWrittenError(f"cannot write {output}: {error.strerror or error}{where}") from error


@contextmanager
def completed(path: Path) -> Iterator[Path]:
    """A temporary path to write a file or folder to, which then gets its name and replaces an older one.

    After an error, nothing is left behind. If `path` is a link, its target is replaced, not the link.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    place = partial(path)
    try:
        with named(path):
            yield place
            finish(place, path)
    finally:
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)


@contextmanager
def completed_together(paths: Sequence[Path]) -> Iterator[Path]:
    """A temporary folder for files with these names, which are then moved to their common folder; deleted on error."""
    target = paths[0].parent
    target.mkdir(parents=True, exist_ok=True)
    with named(paths[0]), tempfile.TemporaryDirectory(prefix=f"{paths[0].stem[:50]}.part", dir=target) as place:
        yield Path(place)
        for path in paths:
            finish(Path(place, path.name), Path(os.path.realpath(path)))


def finish(place: Path, path: Path) -> None:
    """Gives a complete file or folder its name, once it is certainly on the disk."""
    with named(path):
        for file in place.iterdir() if place.is_dir() else (place,):
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        if path.is_dir():
            with tempfile.TemporaryDirectory(dir=path.parent) as old:
                os.replace(path, Path(old, path.name))
                try:
                    os.replace(place, path)
                except OSError:
                    os.replace(Path(old, path.name), path)
                    raise
        else:
            os.replace(place, path)
