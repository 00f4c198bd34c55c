"""Sources of frames from what a user names: images, videos, ROS recordings, folders of them, and network streams."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from handos_model.io.files import Problems, shown
from handos_model.io.frame import Frame
from handos_model.io.headers.image_header import IMAGE_SUFFIXES
from handos_model.io.image_file import read_first_image
from handos_model.io.natural_order import natural_order
from handos_model.io.recording.recording import RECORDING_SUFFIXES, is_recording
from handos_model.io.recording.source import BagSource
from handos_model.io.video import STREAM_PROTOCOLS, VIDEO_SUFFIXES, VideoSource

NAMED = 5
"""Number of files that a note names; the rest are only counted."""


class ImageSource:
    """Image files, which have neither times nor a rate.

    A file that holds several images is reported the first time it is read, not in every pass of a loop.
    """

    fps: float | None = None

    def __init__(self, name: str, paths: list[Path]) -> None:
        """name: the file or folder that the user gave."""
        self.name, self.paths = name, paths
        self.notes: tuple[str, ...] = ()
        self._told: set[Path] = set()

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Frame]:
        for path in self.paths:
            try:
                image, more = read_first_image(path)
                yield Frame(str(path), image)
            except (OSError, ValueError) as error:
                yield Frame(str(path), None, problem=str(error))
            else:
                if more and path not in self._told:
                    self._told.add(path)
                    # The stamp keeps this from taking the time of an image where times follow from a rate.
                    problem = f"{shown(path)} holds several images, of which the first alone is read"
                    yield Frame(str(path), None, stamp_ns=0, problem=problem)


class UnreadableInput:
    """An input that cannot be opened, among others that can: its only frame says why."""

    fps: float | None = None

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem
        self.notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(self.name, None, problem=self.problem)


Source = ImageSource | VideoSource | BagSource | UnreadableInput
"""Each has a name, a rate in frames per second or None, a length (roughly its number of frames, 0 if unknown), and
notes: sentences for the user about what is not read or not used. Iterating yields Frames, as often as wanted."""


def open_inputs(
    places: Sequence[str], topic: str | None = None, depth: str = "none", rectified: bool = False,
    use_camera_info: bool = True,
) -> list[Source]:  # fmt: skip
    """The sources that a user names, in that order; one for a file, several for a folder that holds videos or bags.

    places: paths, and addresses of network streams. topic: image topic of the recordings, needed if one has several.
    depth: their depth topic, "auto" or "none". rectified: their images are undistorted. use_camera_info: False if the
    camera is known from elsewhere. An input that cannot be opened becomes an UnreadableInput; if none can, raises
    FileNotFoundError, ValueError or ModuleNotFoundError.
    """
    options = (topic, depth, rectified, use_camera_info)
    sources: list[Source] = []
    errors: list[Exception] = []
    for place in places:
        first = len(sources)
        try:
            parts, notes = _parts(place)
        except ValueError as error:
            errors.append(error)
            sources.append(UnreadableInput(place, str(error)))
            continue
        for part in parts:
            if isinstance(part, UnreadableInput):
                errors.append(OSError(part.problem))
            if not isinstance(part, str):
                sources.append(part)
                continue
            try:
                sources.append(_open(part, options))
            except (OSError, ValueError, ModuleNotFoundError) as error:
                errors.append(error)
                sources.append(UnreadableInput(part, str(error)))
        sources[first].notes += notes
    if errors and len(errors) == len(sources):
        raise errors[0] if len(errors) == 1 else Problems(*map(str, errors))
    return sources


def is_single_image(source: Source) -> bool:
    """Whether the user gave one image, which may be unreadable; a folder that holds only one is none."""
    return isinstance(source, UnreadableInput) or (
        isinstance(source, ImageSource) and source.paths == [Path(source.name)]
    )


def short_name(name: str) -> str:
    """Name of an input in the names of its outputs: that of a file without its suffix, that of a folder whole.

    A folder has no suffix, run_0.5 is a whole name. Only in an address does a question mark start a query.
    """
    if "://" in name:
        host, _, place = name.partition("://")[2].partition("?")[0].partition("/")
        path = Path(place)
        return (path.name if path.suffix[1:2].isdigit() else path.stem) or host.rpartition("@")[2] or "input"
    path = Path(name)
    if path.name in ("", ".."):
        path = path.resolve()
    return (path.name if os.path.isdir(path) else path.stem) or "input"


def frames_until_error(source: Iterable[Frame], name: str) -> Iterator[Frame]:
    """The frames of a source of that name; an error of any library becomes a last frame that cannot be read."""
    frames = iter(source)
    while True:
        try:
            yield next(frames)
        except StopIteration:
            return
        except Exception as error:
            reason = str(error) if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {error}"
            yield Frame(name, None, problem=f"cannot read {shown(name)} any further: {reason}")
            return


_Part = str | ImageSource | UnreadableInput
"""A part of what the user named: opened already, or a path."""


def _parts(place: str) -> tuple[list[_Part], tuple[str, ...]]:
    """A folder's images as one source, its videos and recordings, and notes on what is skipped; else only the place.

    Raises ValueError for a folder that holds none of them.
    """
    folder = Path(place)
    if "://" in place or not folder.is_dir() or is_recording(folder):
        return [place], ()
    files, unread = _contents(folder)
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()]
    media = [
        path for path in files if path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir() or is_recording(path)
    ]
    parts: list[_Part] = [ImageSource(place, images)] if images else []
    parts += [*map(str, media), *unread]
    known = {*images, *media}
    others = [path for path in files if path not in known]
    if not parts:
        raise ValueError(f"folder {folder} holds no image, video or ROS recording{_named(others, folder, ', only ')}")
    skipped = "also contains files that are not known inputs and are skipped: "
    return parts, (f"folder {folder} {_named(others, folder, skipped)}",) if others else ()


def _named(others: list[Path], folder: Path, lead: str) -> str:
    """The first of the files of a folder that are not read, after `lead`; empty if there are none."""
    names = [f"{path.relative_to(folder)}{' (a link to a folder)' * path.is_dir()}" for path in others[:NAMED]]
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    linked = any(path.is_dir() for path in others)
    advice = "; to read the folder of a link, give the link itself as an input" if linked else ""
    return f"{lead}{', '.join(names)}{more}{advice}" if others else ""


def _open(place: str, options: tuple[str | None, str, bool, bool]) -> Source:
    protocol, is_address, _ = place.partition("://")
    if is_address and protocol.lower() not in STREAM_PROTOCOLS:
        raise ValueError(f"{place} has the protocol {protocol!r}, must be one of {', '.join(STREAM_PROTOCOLS)}")
    if is_address:
        return VideoSource(place)
    path = Path(place)
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    if is_recording(path):
        return BagSource(path, *options)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoSource(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource(place, [path])
    known = ", ".join([*IMAGE_SUFFIXES, *VIDEO_SUFFIXES, *RECORDING_SUFFIXES])
    raise ValueError(f"{path} is not a known input: give a folder, a rosbag2 folder, or one of {known}")


def _contents(folder: Path) -> tuple[list[Path], list[UnreadableInput]]:
    """The files below a folder in natural order, and the folders that cannot be read.

    A folder that is a recording is listed instead of its files, as is a link to a folder, which could lead to a circle.
    """
    found: list[Path] = []
    errors: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=errors.append):
        listed = [name for name in folders if Path(place, name).is_symlink() or is_recording(Path(place, name))]
        folders[:] = [name for name in folders if name not in listed]
        found += [Path(place, name) for name in (*files, *listed)]
    unread = [UnreadableInput(str(e.filename), f"cannot read folder {e.filename}: {e.strerror}") for e in errors]
    return sorted(found, key=lambda path: natural_order(path.relative_to(folder))), unread
