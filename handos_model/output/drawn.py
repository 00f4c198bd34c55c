"""Where drawn frames go: a folder of images or one video file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from handos_model.io.inputs import short_name
from handos_model.output.file_lock import open_alone
from handos_model.output.frame_record import NUMBERED
from handos_model.output.jpeg_encoder import jpeg
from handos_model.output.output_file import (
    Inputs,
    Target,
    WriteRules,
    check_file,
    check_folder,
    check_not_only_suffix,
    finish,
    fitted_name,
    named,
    partial,
    unique_name,
)

DEFAULT_FPS = 10.0
"""Frame rate of a video made of single images."""
DRAWN_VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov")
"""Kinds of video files that are written, all of them with H.264, which every browser plays."""
LONGEST_PAUSE = 3600.0
"""s between two frames of one input: a longer pause means that a clock was set, and is left out."""
QUALITY = 92
"""Quality of the JPEGs, 0 to 100."""
LONGEST_VIDEO_EDGE = 16_384
"""px: the largest frame that x264 encodes."""
PLANNED_PIXELS = 9_000_000
"""Largest frame of a video whose encoder looks ahead: it keeps 20 frames, each in several forms."""
_TIME_BASE = Fraction(1, 90_000)  # s: the unit of times in the file
_OTHER = f"--draw takes a folder or a file that ends in {', '.join(DRAWN_VIDEO_SUFFIXES)}, got {{}}"


class FolderOutput:
    """Writes each frame as a JPEG named after its source; a name that is already taken gets a number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with named(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._names: set[str] = set()

    def begin_input(self) -> None:
        """Does nothing: images have no time."""

    def write(self, name: str, image: np.ndarray, _stamp_ns: int | None = None) -> None:
        """Writes the frame of that name; image (H, W, 3) uint8 RGB; ValueError if it is too large."""
        data = jpeg(image, QUALITY)
        file = self.skip(name)
        with named(file):
            partial(file).write_bytes(data)
            os.replace(partial(file), file)

    def skip(self, name: str) -> Path:
        """The file of the frame of that name, which no other frame gets; an earlier run may have written it."""
        frame = NUMBERED.fullmatch(name)
        stem = f"{short_name(frame[1])}_{int(frame[2]):06d}" if frame else Path(name).stem
        return self.folder / fitted_name(unique_name(stem, self._names), ".jpg")

    def close(self, complete: bool = True) -> None:
        """Does nothing: every file is already complete."""


class VideoOutput:
    """Writes frames to one video at their own times; those of another size are fitted into the first one's, on black.

    The file gets its name when it is closed as complete; until then it is partial(path), which can be played once it is
    closed. Raises ModuleNotFoundError without PyAV.
    """

    def __init__(self, path: Path, fps: float = DEFAULT_FPS) -> None:
        """fps: of frames that have no time of their own."""
        import av  # imported here, as nothing on a robot draws videos

        self._av = av
        self.path, self.fps = Path(os.path.realpath(path)), fps
        self._place = partial(self.path)
        self._file: _DiskFile | None = None
        self._container: Any = None
        self._stream: Any = None
        self._time = -1 / fps  # s, time of the last frame
        self._origin: float | None = None  # s, from which the times of an input are counted

    def begin_input(self) -> None:
        """Lets the next input continue where the last one ended."""
        self._origin = None

    def write(self, _name: str, image: np.ndarray, stamp_ns: int | None = None) -> None:
        """Writes the next frame; image (H, W, 3) uint8 RGB; stamp_ns: its time in the input, None if it has none.

        Raises ValueError if the first frame is larger than a video can be.
        """
        height, width = image.shape[:2]
        if self._stream is None and max(height, width) > LONGEST_VIDEO_EDGE:
            most = f"a video has at most {LONGEST_VIDEO_EDGE} on an edge"
            raise ValueError(f"it has {width} x {height} pixels, {most}: draw images instead")
        self._time = self._next_time(stamp_ns)
        if self._stream is None:
            self._open(image)
        fitted = _fitted(image, (self._stream.width, self._stream.height))
        frame = self._av.VideoFrame.from_numpy_buffer(fitted, "rgb24")
        frame.pts, frame.time_base = round(self._time / _TIME_BASE), _TIME_BASE
        with self._writing():
            self._container.mux(self._stream.encode(frame))

    def skip(self, name: str) -> None:
        """Does nothing: a video is not resumed."""

    def _next_time(self, stamp_ns: int | None) -> float:
        usual = self._time + 1 / self.fps
        if stamp_ns is None:
            return usual
        if self._origin is not None and 0 < stamp_ns / 1e9 - self._origin - self._time <= LONGEST_PAUSE:
            return stamp_ns / 1e9 - self._origin
        self._origin = stamp_ns / 1e9 - usual
        return usual

    def _open(self, image: np.ndarray) -> None:
        with self._writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            place = open_alone(self._place)  # opened by Python, as FFmpeg accepts only names in UTF-8
            place.truncate()
            self._file = _DiskFile(place)
            kind = {".mkv": "matroska"}.get(self.path.suffix.lower(), self.path.suffix.lower()[1:])
            self._container = self._av.open(self._file, "w", format=kind)
            self._stream = self._container.add_stream("libx264", rate=Fraction(self.fps).limit_denominator(1001))
            small = image.shape[0] * image.shape[1] <= PLANNED_PIXELS
            fast = {"preset": "veryfast"} if small else {"preset": "ultrafast", "tune": "zerolatency"}
            self._stream.options = {"crf": "20"} | fast
            self._stream.pix_fmt = "yuv420p"  # colour at half resolution, which requires even sizes
            self._stream.width, self._stream.height = (max(2, edge // 2 * 2) for edge in image.shape[1::-1])
            self._stream.codec_context.time_base = _TIME_BASE

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raises disk errors with the name of the file."""
        with named(self.path):
            try:
                yield
            finally:
                if self._file is not None and self._file.error is not None:
                    raise self._file.error from None

    def close(self, complete: bool = True) -> None:
        """Finishes the file, and gives it its name if it is complete."""
        if self._container is None or self._file is None:
            return
        container, self._container = self._container, None
        with named(self.path), closing(self._file):
            with self._writing(), closing(container):
                container.mux(self._stream.encode())
            self._file.flush()
            if complete:
                finish(self._place, self.path)


class _DiskFile:
    """A file for PyAV that keeps the first disk error: PyAV would print a second one before it raises the first."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.read, self.flush, self.name = file.seek, file.tell, file.read, file.flush, file.name
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Like write of any file, but without errors."""
        try:
            if self.error is None:
                self._file.write(data)
        except OSError as error:
            self.error = error
        return len(data)

    def close(self) -> None:
        """Writes what is still in memory."""
        self._file.close()


Drawing = FolderOutput | VideoOutput


def open_drawing(target: Target, fps: float | None) -> Drawing:
    """A video if the name ends in one of DRAWN_VIDEO_SUFFIXES, else a folder."""
    return VideoOutput(target.path, fps or DEFAULT_FPS) if is_video(target) else FolderOutput(target.path)


def check_drawing_name(target: Target) -> None:
    """Raises ValueError for a suffix of no video that is written, which is a slip, such as .mp5, and for one alone."""
    check_not_only_suffix("--draw", target, DRAWN_VIDEO_SUFFIXES)
    if not is_video(target) and not os.path.isdir(target.path) and target.suffix:
        raise ValueError(_OTHER.format(target))


def check_drawing(target: Target, inputs: Inputs, rules: WriteRules, begun: bool) -> None:
    """Raises ValueError or OSError if drawings cannot or must not be written to `target`, before any are.

    begun: an earlier run, which is resumed, has drawn there.
    """
    if is_video(target):
        check_file(target.path, inputs, rules)
        if rules.resume:
            raise ValueError(
                "a drawn video cannot be resumed: leave out --draw, draw into a folder, or use --overwrite"
            )
        return
    folder = target.path
    if not folder.is_dir() and folder.exists():
        raise ValueError(_OTHER.format(target))
    if inputs.lie_in(folder):
        raise ValueError(f"the folder {target} contains inputs, which drawings could replace: draw to another folder")
    if not (rules.overwrite or begun) and any(folder.glob("*.jpg")):
        raise FileExistsError(
            f"the folder {target} contains images: use --overwrite to replace those with the same name"
        )
    check_folder(folder)


def is_video(target: Target) -> bool:
    """Whether drawings are one video, not a folder of images."""
    return target.suffix in DRAWN_VIDEO_SUFFIXES and not os.path.isdir(target.path)


def _fitted(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = image.shape[:2]
    if (width // 2 * 2, height // 2 * 2) == size:
        return np.ascontiguousarray(image[: size[1], : size[0]])
    factor = min(size[0] / width, size[1] / height)
    small = cv2.resize(image, (max(1, int(width * factor)), max(1, int(height * factor))), interpolation=cv2.INTER_AREA)
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    y, x = (size[1] - small.shape[0]) // 2, (size[0] - small.shape[1]) // 2
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    return canvas
