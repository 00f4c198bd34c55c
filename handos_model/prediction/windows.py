"""Windows: the parts of an image that are searched for hands, and the size in px at which they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.prediction.letterbox import INPUT_STRIDE

COLUMNS, ROWS = 3, 2
"""Number of parts along the image's long and its short edge."""
PART = (0.4, 0.58)
"""Edges of a part, as fractions of the image's long and its short edge: neighbours overlap by a tenth and a sixth."""
PART_ENLARGED = 4 / 3
"""Ratio of a part's long edge to the whole image's, both in px as the network sees them."""
WORTHWHILE = 1.5
"""px of the image per px of the network above which parts show more than the whole."""
AROUND = 2.5
"""Ratio of the edge of the window around a view to that of the view."""


@dataclass(frozen=True)
class Window:
    """A part of an image, from (x0, y0) up to but excluding (x1, y1); its long edge is `size` px in the network."""

    x0: int
    y0: int
    x1: int
    y1: int
    size: int


def whole(width: int, height: int, size: int) -> Window:
    """The whole image."""
    return Window(0, 0, width, height, size)


def half(width: int, height: int, size: int) -> Window:
    """The whole image at half the size, at which hands that fill it are found."""
    return Window(0, 0, width, height, max(size // 2, INPUT_STRIDE))


def parts(width: int, height: int, size: int) -> list[Window]:
    """Overlapping parts that cover an image, for small hands; none if the whole image shows as much."""
    if max(width, height) < WORTHWHILE * size:
        return []
    counts = (COLUMNS, ROWS) if width >= height else (ROWS, COLUMNS)
    shares = PART if width >= height else PART[::-1]
    wide, high = (max(2, round(share * edge)) for share, edge in zip(shares, (width, height), strict=True))
    part_size = min(round(PART_ENLARGED * size), max(wide, high))
    return [
        Window(x, y, x + wide, y + high, part_size)
        for y in np.linspace(0, height - high, counts[1]).round().astype(int).tolist()
        for x in np.linspace(0, width - wide, counts[0]).round().astype(int).tolist()
    ]


def around(view: np.ndarray, width: int, height: int, size: int) -> Window:
    """The surroundings of a view (4,) whose centre is in the image."""
    x, y, edge, _ = view.tolist()
    reach = max(AROUND * edge / 2, INPUT_STRIDE)
    x0, y0 = (int(max(0, min(centre - reach, end - 2))) for centre, end in ((x, width), (y, height)))
    x1, y1 = (int(min(end, max(centre + reach, 2))) for centre, end in ((x, width), (y, height)))
    return Window(x0, y0, x1, y1, max(INPUT_STRIDE, min(size, max(x1 - x0, y1 - y0))))
