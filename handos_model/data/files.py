"""Files of published data sets: pictures and JSON, with errors that say what is missing or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def present(path: Path) -> Path:
    """The path itself; FileNotFoundError when no file is there."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: the data set is not whole, docs/datasets.md says what belongs where")
    return path


def read_image(path: Path) -> np.ndarray:
    """A picture (H, W, 3) uint8 RGB; ValueError when it cannot be read."""
    image = cv2.imread(str(present(path)), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} is not a readable picture")
    return np.ascontiguousarray(image[:, :, ::-1])


def read_json(path: Path) -> Any:
    """What a JSON file holds; ValueError when it is damaged."""
    try:
        return json.loads(present(path).read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}; it may be cut short, get it again") from error


def read_array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A JSON list of arrays of `shape`, as (n, *shape) float32; ValueError when they are of others."""
    return as_floats(read_json(path), (-1, *shape), f"{path}")


def as_floats(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`values` as float32 of `shape`, where -1 is any length; ValueError that says `what` is wrong otherwise."""
    try:
        array = np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} holds something else than numbers in rows of equal length: {error}") from error
    if array.ndim != len(shape) or any(n not in (-1, m) for n, m in zip(shape, array.shape, strict=True)):
        expected = ", ".join("any" if n == -1 else str(n) for n in shape)
        raise ValueError(f"{what} has the shape {array.shape}, expected ({expected})")
    return array
