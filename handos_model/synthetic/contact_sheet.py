"""A contact sheet of synthetic frames for visual checks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.data.sheet import draw_labels, write_sheet
from handos_model.synthetic.hand_render import render_hands
from handos_model.synthetic.render_options import RenderOptions


def contact_sheet(path: Path, columns: int, rows: int, seed: int, options: RenderOptions) -> None:
    """Writes a PNG grid of frames, every second one with its labels. Frame i equals that of a pool with the same seed.

    Raises ValueError for an empty grid.
    """
    if columns < 1 or rows < 1:
        raise ValueError(f"contact sheet of {columns}x{rows} frames: give at least one column and one row")
    cells = []
    for i in range(columns * rows):
        frame = render_hands(np.random.default_rng([seed, i]), options)
        cells.append(draw_labels(frame.image, frame.joints_2d, frame.side) if i % 2 else frame.image)
    write_sheet(path, cells, columns)
