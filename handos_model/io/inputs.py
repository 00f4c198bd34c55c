"""Frames from what a user names: images, folders of images, videos, rosbag2 and MCAP recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2

from handos_model.io.bag import BagSource, is_bag
from handos_model.io.frame import Frame
from handos_model.io.image_encodings import decode_compressed

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


class ImageSource:
    """Image files; `fps` None: they have no rate of their own."""

    fps: float | None = None

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[Frame]:
        for path in self.paths:
            try:
                yield Frame(str(path), decode_compressed(path.read_bytes()))
            except (OSError, ValueError) as error:
                yield Frame(str(path), None, problem=f"cannot read image {path}: {error}")


class VideoSource:
    """Frames of one video file, upright as its metadata says. Raises ValueError for a file that is no video."""

    def __init__(self, path: Path) -> None:
        self.path = path
        capture = cv2.VideoCapture(str(path))
        if not capture.isOpened():
            raise ValueError(f"cannot read video {path}: damaged, or of a kind that OpenCV cannot decode here")
        self.fps: float | None = capture.get(cv2.CAP_PROP_FPS) or None
        self._count = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        capture.release()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Frame]:
        capture = cv2.VideoCapture(str(self.path))
        try:
            index = 0
            while True:
                good, image = capture.read()
                if not good:
                    break
                stamp = round(index * 1e9 / self.fps) if self.fps else None
                yield Frame(f"{self.path}#{index}", cv2.cvtColor(image, cv2.COLOR_BGR2RGB), stamp_ns=stamp)
                index += 1
        finally:
            capture.release()
        if index == 0:
            yield Frame(str(self.path), None, problem=f"cannot read video {self.path}: it holds no frame")


Source = ImageSource | VideoSource | BagSource


def open_inputs(paths: list[str], topic: str | None = None) -> list[Source]:
    """One source per input, in the order given; each has a length (frames expected), fps, and yields Frame.

    topic: image topic of the bags; needed when a bag has several. Raises FileNotFoundError for what is not there,
    ValueError for what is no input.
    """
    return [_open(Path(path), topic) for path in paths]


def _open(path: Path, topic: str | None) -> Source:
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    suffix = path.suffix.lower()
    if is_bag(path):
        return BagSource(path, topic)
    if path.is_dir():
        images = sorted(file for file in path.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
        if not images:
            raise ValueError(f"folder {path} holds no image ({', '.join(IMAGE_SUFFIXES)}) and is no rosbag2 recording")
        return ImageSource(images)
    if suffix in VIDEO_SUFFIXES:
        return VideoSource(path)
    if suffix in IMAGE_SUFFIXES:
        return ImageSource([path])
    known = ", ".join([*IMAGE_SUFFIXES, *VIDEO_SUFFIXES, ".mcap", ".db3"])
    raise ValueError(f"{path} is no known input: give a folder, a rosbag2 folder, or one of {known}")
