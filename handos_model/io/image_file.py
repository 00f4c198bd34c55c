"""An image file as pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.io.files import IMAGE, read_file, shown
from handos_model.io.image_encodings import decode_compressed


def read_image(path: Path) -> np.ndarray:
    """RGB (H, W, 3) uint8 of a file, upright as its EXIF says. Raises as read_file and decode_compressed do."""
    data = read_file(path, IMAGE)
    try:
        return decode_compressed(data)
    except ValueError as error:
        raise ValueError(f"cannot read image {shown(path)}: {error}") from error
