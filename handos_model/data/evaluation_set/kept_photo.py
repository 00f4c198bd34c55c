"""Photos as used for the published figures: reduced and encoded again, bit by bit the same everywhere."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageOps

QUALITY = 87  # of JPEG


def kept_photo(content: bytes, longest: Sequence[int], crop: tuple[int, int, int, int] | None = None) -> bytes:
    """A JPEG of the photo in `content`, cropped, then reduced to every long edge in turn if it is longer.

    It is encoded after each reduction, as the photos of the figures were.
    """
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    image = image.crop(crop) if crop else image
    encoded = content
    for edge in longest:
        encoded = _encoded(_fitted(image, edge))
        image = Image.open(io.BytesIO(encoded))
    return encoded


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def _encoded(image: Image.Image) -> bytes:
    place = io.BytesIO()
    image.save(place, "JPEG", quality=QUALITY)
    return place.getvalue()
