"""A contact sheet of synthetic frames, to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from handos_model.data.synthetic.frame import Frame, FrameOptions, render_frame

BONES = [(0 if j % 4 == 1 else j - 1, j) for j in range(1, 21)]
COLOURS = [(230, 60, 60), (240, 170, 40), (60, 200, 80), (60, 140, 240), (190, 90, 230)]


def draw_labels(frame: Frame) -> np.ndarray:
    """The frame's image (H,W,3) with its joints: filled where visible, hollow where hidden, and the side."""
    image = frame.image.copy()
    for joints, side in zip(frame.joints_2d, frame.side, strict=True):
        points = [(int(round(x * 16)), int(round(y * 16))) for x, y, _ in np.clip(joints, -2000, 6000)]
        for a, b in BONES:
            cv2.line(image, points[a], points[b], COLOURS[(b - 1) // 4], 1, cv2.LINE_AA, 4)
        for j, point in enumerate(points):
            colour = (255, 255, 255) if j == 0 else COLOURS[(j - 1) // 4]
            cv2.circle(image, point, 32, colour, -1 if joints[j, 2] == 2 else 1, cv2.LINE_AA, 4)
        x, y = np.clip(joints[0, :2], 4, [image.shape[1] - 50, image.shape[0] - 4]).astype(int)
        text = "left" if side == 0 else "right"
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return image


def contact_sheet(path: Path, columns: int, rows: int, seed: int, options: FrameOptions) -> None:
    """Write a PNG grid of frames; every second one shows its labels. Frame i is that of a pool with the same seed.

    Raises ValueError for an empty grid.
    """
    if columns < 1 or rows < 1:
        raise ValueError(f"contact sheet of {columns}x{rows} frames: give at least one column and one row")
    cells = []
    for i in range(columns * rows):
        frame = render_frame(np.random.default_rng([seed, i]), options)
        cells.append(draw_labels(frame) if i % 2 else frame.image)
    grid = [np.concatenate(cells[r * columns : (r + 1) * columns], axis=1) for r in range(rows)]
    if not cv2.imwrite(str(path), np.concatenate(grid)[..., ::-1]):
        raise ValueError(f"cannot write a picture to {path}: give a path that ends in .png in a folder that exists")
