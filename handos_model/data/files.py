"""Files of published data sets: pictures and JSON, with errors that say what is missing or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handos_model.data.parsed import parsed


def present(path: Path) -> Path:
    """The path itself; FileNotFoundError when no file is there."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: the data set is not whole, docs/datasets.md says what belongs where")
    return path


def read_image(path: Path) -> np.ndarray:
    """A picture (H, W, 3) uint8 RGB; ValueError when it cannot be read or is cut short.

    Its EXIF orientation is ignored: labels count the stored pixels.
    """
    data = present(path).read_bytes()
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:  # no bytes at all, or a header that names more pixels than OpenCV takes
        image = None
    if image is None:
        raise ValueError(f"{path} is not a readable picture")
    if data.startswith(b"\x89PNG") and b"IEND" not in data:  # OpenCV leaves black what is missing, unlike with JPEG
        raise ValueError(f"{path} is cut short, get it again")
    return np.ascontiguousarray(image[:, :, ::-1])


def read_text(path: Path) -> str:
    """A text in UTF-8; ValueError when it is none."""
    try:
        return present(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: {error}; get it again") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds; ValueError when it is damaged."""
    try:
        return json.loads(present(path).read_bytes())
    except (ValueError, RecursionError) as error:  # ValueError: also a number of too many digits
        raise ValueError(f"{path} is not JSON: {error}; it may be cut short, get it again") from error


def read_array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A JSON list of arrays of `shape`, as (n, *shape) float32; ValueError when they are of others.

    Large files are parsed once on a machine: see parsed.py.
    """
    what = f"{__name__} {shape}"
    return parsed(path, lambda: {"values": as_floats(read_json(path), (-1, *shape), f"{path}")}, what)["values"]


def as_floats(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`values` as float32 of `shape`, where -1 is any length; ValueError that says `what` is wrong otherwise."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what} holds something else than numbers in rows of equal length: {error}") from error
    if array.dtype.kind not in "biuf":  # text that looks like numbers included
        raise ValueError(f"{what} holds something else than numbers in rows of equal length: {array.dtype}")
    if array.ndim != len(shape) or any(n not in (-1, m) for n, m in zip(shape, array.shape, strict=True)):
        expected = ", ".join("any" if n == -1 else str(n) for n in shape)
        raise ValueError(f"{what} has the shape {array.shape}, expected ({expected})")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and Sample.check refuses it
        return np.asarray(array, np.float32)
