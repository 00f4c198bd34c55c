"""Reads an image file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.io.files import IMAGE, Kind, read_file, shown
from handos_model.io.headers.image_header import read_header
from handos_model.io.image_encodings import decode_compressed


def read_image(path: Path, upright: bool = True, kind: Kind = IMAGE) -> np.ndarray:
    """RGB (H, W, 3) uint8 of a file; upright: turn as its EXIF says. Raises as read_file and decode_compressed do."""
    return read_first_image(path, upright, kind)[0]


def read_first_image(path: Path, upright: bool = True, kind: Kind = IMAGE) -> tuple[np.ndarray, bool]:
    """Returns the image as read_image does, and whether the file holds further ones, as animations do."""
    data = read_file(path, kind)
    try:
        return decode_compressed(data, upright), read_header(data).more
    except ValueError as error:
        raise ValueError(f"cannot read {kind.name} {shown(path)}: {error}") from error
