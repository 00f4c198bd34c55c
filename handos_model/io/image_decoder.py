"""Pixels of compressed images: OpenCV's decoders, after a check of the header, with their messages on stderr caught."""

from __future__ import annotations

import os
import threading

import cv2
import numpy as np

from handos_model.io.files import one_line
from handos_model.io.headers.image_header import read_header

_JPEG_END = np.array([0xFF, 0xD9], np.uint8)
_DECODERS = (
    "Corrupt JPEG data", "Premature end of JPEG", "Inconsistent progression", "Invalid SOS", "Unknown Adobe color",
    "Warning: unknown JFIF", "libpng ", "[ WARN:", "[ERROR:",
)  # fmt: skip
"""How messages of libjpeg, libpng and OpenCV begin."""
_MADE_UP = ("premature end", "Premature end", "bad Huffman code", "bad arithmetic code", "instead of RST")
"""Signs that a JPEG decoder made up pixels. Bytes after the last pixel, as some cameras leave them, are not a sign."""
_LISTENING = threading.Lock()


def decode_pixels(data: bytes | np.ndarray, flags: int) -> np.ndarray:
    """The array, never empty, that OpenCV's imdecode returns for the bytes of a file.

    Nothing reaches stderr. Raises ValueError as read_header does, for files that no decoder accepts, and for a JPEG
    whose data ends early or makes no sense: the decoder makes up the rest, and reports that only on stderr.
    """
    buffer = np.frombuffer(data, np.uint8)
    if not read_header(buffer).ended:
        buffer = np.concatenate(
            [buffer[: np.flatnonzero(buffer != 0xFF)[-1] + 1], _JPEG_END]
        )  # half of one may be left
    image, lines = _heard(buffer, flags)
    reason = next((line for line in lines if any(sign in line for sign in _MADE_UP)), None)
    if image is None or reason is not None:
        why = "damaged, or not supported by this OpenCV" if reason is None else f"it is damaged: {one_line(reason, 80)}"
        raise ValueError(f"no image can be decoded from these {len(data)} bytes: {why}")
    return image


def _heard(buffer: np.ndarray, flags: int) -> tuple[np.ndarray | None, list[str]]:
    """The image or None, and what decoders wrote to stderr; what other threads wrote there is passed on."""
    with _LISTENING:
        try:
            stderr = os.dup(2)
        except OSError:  # the process has no stderr
            return _decoded(buffer, flags), []
        heard, written = os.pipe()
        os.set_blocking(heard, False)
        os.set_blocking(written, False)  # what does not fit into the pipe is dropped
        os.dup2(written, 2)
        os.close(written)
        try:
            image = _decoded(buffer, flags)
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            with os.fdopen(heard, "rb") as file:
                lines = (file.read() or b"").decode(errors="replace").splitlines()
    for line in lines:
        if not line.startswith(_DECODERS):
            os.write(2, f"{line}\n".encode())
    return image, [line for line in lines if line.startswith(_DECODERS)]


def _decoded(buffer: np.ndarray, flags: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(buffer, flags)
    except cv2.error:  # some decoders raise instead of returning nothing
        return None
