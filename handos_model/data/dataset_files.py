"""Files of published data sets: pictures and JSON, with errors that say what is missing or damaged."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.data.parsed import parsed
from handos_model.io import image_file
from handos_model.io.files import MB, Kind, one_line, open_file, read_file

NOT_WHOLE = "the data set is incomplete, docs/datasets.md describes its layout"
PICTURE = Kind("image", 256 * MB, NOT_WHOLE)
LABELS = Kind("file", 4096 * MB, NOT_WHOLE)
LONGEST_PICTURE_NAME = 1024
"""Maximum number of characters of the name of a picture in a label file."""
NUMBERS = {"bool", "int", "float"}
MAX_UNPACKED = 512 * MB
"""Maximum size of a compressed label file, in bytes once unpacked."""


def read_image(path: Path) -> np.ndarray:
    """A picture (H, W, 3) uint8 RGB; ValueError if it cannot be read or is truncated.

    Its EXIF orientation is ignored, as labels refer to the stored pixels.
    """
    return image_file.read_image(path, upright=False, kind=PICTURE)


def read_json(path: Path) -> Any:
    """The content of a JSON file, compressed (.gz) or not; ValueError when it is damaged."""
    try:
        return json.loads(_unpacked(path) if path.suffix == ".gz" else read_file(path, LABELS))
    except (ValueError, RecursionError) as error:  # ValueError: also a number of too many digits
        raise ValueError(f"{path} is not JSON: {one_line(error)}; it may be truncated, download it again") from error


def read_records(path: Path) -> list[dict[str, Any]]:
    """A JSON list of objects; ValueError for anything else. Raises as read_json."""
    records = read_json(path)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError(f"{path} is not a list of records: it is damaged or belongs to another data set")
    return records


def _unpacked(path: Path) -> bytes:
    with open_file(path, LABELS) as file:
        try:
            content = gzip.GzipFile(fileobj=file).read(MAX_UNPACKED + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"its compression is damaged: {error}") from error
    if len(content) > MAX_UNPACKED:
        raise ValueError(f"it unpacks to more than {MAX_UNPACKED} bytes")
    return content


def read_array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A JSON list of arrays of `shape`, as (n, *shape) float32; ValueError for other shapes.

    Large files are parsed once on a machine: see parsed.py.
    """
    what = f"{__name__} {shape}"
    return parsed(path, lambda: {"values": as_floats(read_json(path), (-1, *shape), f"{path}")}, what)["values"]


def picture_name(name: Any) -> str:
    """The name that a label file gives to a picture; ValueError for all but a path below the folder of pictures."""
    path = Path(name) if isinstance(name, str) and 0 < len(name) <= LONGEST_PICTURE_NAME else None
    if path is None or path.is_absolute() or ".." in path.parts:
        what = one_line(repr(name), 80)
        raise ValueError(f"it names the image {what}, which is not below the folder of images")
    return str(name)


def damaged(path: Path, error: Exception) -> ValueError:
    """The error for a label file whose content raised another."""
    why = one_line(error if isinstance(error, ValueError) else repr(error))
    return ValueError(f"{path} is damaged or belongs to another data set: {why}")


def as_floats(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`values` as float32 of `shape`, where -1 is any length; ValueError that says `what` is wrong otherwise."""
    # As objects: of texts, text that looks like numbers included, each would take as many bytes as the longest.
    try:
        array = values if isinstance(values, np.ndarray) else np.asarray(values, object)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what} must hold numbers in rows of equal length: {one_line(error)}") from error
    kinds = {kind.__name__ for kind in set(map(type, array.ravel()))} if array.dtype == object else {array.dtype.name}
    if kinds - NUMBERS and array.dtype.kind not in "biuf":
        raise ValueError(f"{what} must hold numbers in rows of equal length, not {', '.join(sorted(kinds - NUMBERS))}")
    if array.ndim != len(shape) or any(n not in (-1, m) for n, m in zip(shape, array.shape, strict=True)):
        expected = ", ".join("any" if n == -1 else str(n) for n in shape)
        raise ValueError(f"{what} has the shape {array.shape}, expected ({expected})")
    with np.errstate(over="ignore"):  # numbers that are too large become infinite, and Sample.check refuses them
        try:
            return np.asarray(array, np.float32)
        except OverflowError as error:
            raise ValueError(f"{what} must hold numbers of ordinary size: {error}") from error
