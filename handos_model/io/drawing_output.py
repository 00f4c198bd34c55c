"""Where drawn frames go: a folder of images or one video file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

DEFAULT_FPS = 10.0
"""Frame rate of a video made of single images."""
VIDEO_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


class FolderOutput:
    """Writes each frame as a JPEG named after its source; a name that was taken gets a number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._names: set[str] = set()

    def write(self, name: str, image: np.ndarray) -> None:
        """image (H, W, 3) uint8 RGB."""
        path, _, number = name.partition("#")
        stem = f"{Path(path).stem}_{int(number):06d}" if number else Path(path).stem
        unique, count = stem, 1
        while unique in self._names:
            count += 1
            unique = f"{stem}_{count}"
        self._names.add(unique)
        file = self.folder / f"{unique}.jpg"
        if not cv2.imwrite(str(file), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92]):
            raise OSError(f"cannot write {file}")

    def close(self) -> None:
        """Does nothing: every file is complete."""


class VideoOutput:
    """Writes frames to one video; later frames of another size are fitted into that of the first, on black."""

    def __init__(self, path: Path, fps: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, _name: str, image: np.ndarray) -> None:
        """image (H, W, 3) uint8 RGB."""
        if self._writer is None:
            # The codecs store colour at half resolution and want even sizes.
            self._size = (max(2, image.shape[1] // 2 * 2), max(2, image.shape[0] // 2 * 2))
            codec = cv2.VideoWriter.fourcc(*VIDEO_CODECS[self.path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self.path), codec, self.fps, self._size)
            if not self._writer.isOpened():
                raise OSError(f"cannot write video {self.path}")
        self._writer.write(cv2.cvtColor(_fitted(image, self._size), cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Completes the file, which is a valid video from then on."""
        if self._writer is not None:
            self._writer.release()


def open_drawing(target: str, fps: float | None) -> FolderOutput | VideoOutput:
    """A video for a name that ends in one of VIDEO_CODECS, else a folder; ValueError for another kind of file."""
    path = Path(target)
    if path.suffix.lower() in VIDEO_CODECS:
        return VideoOutput(path, fps or DEFAULT_FPS)
    if path.is_file() or path.suffix:
        raise ValueError(f"--draw takes a folder or a file that ends in {' or '.join(VIDEO_CODECS)}, got {target}")
    return FolderOutput(path)


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
