"""A recording: one file, or a rosbag2 folder of several, compressed or not."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handos_model.io.files import MB, RECORDING, Kind, one_line, open_file, read_text
from handos_model.io.natural_order import natural_order
from handos_model.io.recording.mcap_file import McapFile
from handos_model.io.recording.parts import Message, Storage, Topic, zstd
from handos_model.io.recording.ros1_file import Ros1File
from handos_model.io.recording.sqlite_file import SqliteFile
from handos_model.optional_package import missing

METADATA = Kind("metadata of a recording", 16 * MB)
PACKED = ".zstd"
RECORDING_SUFFIXES = (".mcap", ".db3", ".bag", ".bag.active", f".mcap{PACKED}", f".db3{PACKED}")
"""A ROS 1 bag whose recorder did not finish ends in .active."""
_LISTED = re.compile(
    r"""^ *- +(?:path: +)?["']?([^\s"'\\][^"'\\\n]*\.(?:mcap|db3)(?:\.zstd)?)["']? *$""", re.MULTILINE
)  # a file in the metadata, whose name may have blanks; one with escapes is not looked for
_STORAGES: dict[str, Callable[[Path], Storage]] = {
    ".mcap": McapFile, ".db3": SqliteFile, ".bag": Ros1File, ".active": Ros1File,
}  # fmt: skip


def is_recording(path: Path) -> bool:
    """Whether a path has the name of a recording's file, or is a rosbag2 folder."""
    return path.name.lower().endswith(RECORDING_SUFFIXES) or is_bag_folder(path)


def is_bag_folder(path: Path) -> bool:
    """Whether a path is a rosbag2 folder, whose recording are all the files in it."""
    try:
        return "rosbag2_bagfile_information" in read_text(path / "metadata.yaml", METADATA)
    except (OSError, ValueError):
        return False


class Recording:
    """Topics and messages of a recording, read from front to back as often as wanted.

    Raises ValueError if none of its files can be opened, ModuleNotFoundError if that needs a missing package.
    """

    def __init__(self, path: Path) -> None:
        _check_installed(path)
        self.path = path
        self._files, self._missing = _files(path)
        self._unpacked: dict[Path, tuple[tempfile.TemporaryDirectory, Path]] = {}
        found: dict[tuple[str, str], int] = {}
        errors = []
        for file in self._files:
            try:
                with self._opened(file) as storage:
                    for topic in storage.topics:
                        key = topic.name, topic.kind
                        found[key] = found.get(key, 0) + topic.count
            except ValueError as error:
                errors.append(error)
        if len(errors) == len(self._files):
            raise errors[0] if errors else ValueError(f"recording {one_line(path)} holds no file: {self._missing}")
        self.topics = [Topic(name, kind, count) for (name, kind), count in found.items()]

    def messages(self, topics: set[str]) -> Iterator[Message | ValueError]:
        """Messages of some topics in the order of recording, and an error in place of what cannot be read."""
        if self._missing:
            yield ValueError(f"recording {one_line(self.path)}: {self._missing}")
        for file in self._files:
            try:
                with self._opened(file) as storage:
                    for message in storage.messages(topics):
                        if isinstance(message, ValueError):
                            message = ValueError(f"recording {one_line(file)}: {message}")
                        yield message
            except ValueError as error:
                yield error

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Storage]:
        """The storage of a file; raises a ValueError that names the file."""
        packed = path.name.lower().endswith(PACKED)
        kind = _STORAGES[Path(path.name.lower().removesuffix(PACKED)).suffix]
        try:
            storage = kind(self._once_unpacked(path) if packed else path)
        except (ValueError, OSError) as error:
            raise ValueError(f"cannot read recording {one_line(path)}: {error}") from error
        try:
            yield storage
        finally:
            storage.close()

    def _once_unpacked(self, packed: Path) -> Path:
        if packed not in self._unpacked:
            folder = tempfile.TemporaryDirectory()  # deleted together with this recording
            self._unpacked[packed] = folder, _unpacked_file(packed, Path(folder.name, "unpacked"))
        return self._unpacked[packed][1]


def _files(path: Path) -> tuple[list[Path], str]:
    """The files of a recording in order, and a note on which are missing."""
    if not path.is_dir():
        return [path], ""
    files = [file for file in path.iterdir() if file.name.lower().endswith(RECORDING_SUFFIXES)]
    files.sort(key=natural_order)
    text = read_text(path / "metadata.yaml", METADATA)
    named = _LISTED.findall(text)
    there = {file.name for file in files} | {file.name.removesuffix(PACKED) for file in files}
    missing = [name for name in dict.fromkeys(Path(name).name for name in named) if name not in there]
    names = ", ".join(one_line(name, 80) for name in missing[:5])
    return files, f"{len(missing)} of the files that metadata.yaml names are missing: {names}" if missing else ""


def _unpacked_file(packed: Path, target: Path) -> Path:
    """Unpacks a file that rosbag2 compressed as a whole, into at most half the free space of the temporary folder."""
    most = shutil.disk_usage(target.parent).free // 2
    library = zstd()
    with open_file(packed, RECORDING) as file, library.open(file, "rb") as source, target.open("wb") as out:
        try:
            while piece := source.read(MB):
                if out.tell() + len(piece) > most:
                    raise ValueError(
                        f"unpacked, it needs more than {most} bytes, half of the free space in {target.parent}"
                    )
                out.write(piece)
        except (library.ZstdError, EOFError) as error:
            if not out.tell():
                raise ValueError(f"its zstd compression is damaged: {error}") from error
    return target


def _check_installed(path: Path) -> None:
    package = "rosbags"  # which brings the others in its newer versions
    try:
        import rosbags.typesys  # noqa: F401

        package = "lz4"
        import lz4.frame  # noqa: F401

        package = "backports.zstd"
        zstd()
    except ModuleNotFoundError as error:
        raise missing(f"recording {one_line(path)}", package) from error
