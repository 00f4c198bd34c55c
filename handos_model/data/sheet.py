"""Pictures of samples with their labels drawn on them, for visual checks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from handos_model.camera import Camera
from handos_model.data.sample import LEFT, SIDE_NAMES, Sample
from handos_model.drawing.hand_drawing import FINGER_COLOURS, MESH_COLOURS, WRIST_COLOUR
from handos_model.drawing.mesh_shading import SHIFT, draw_mesh
from handos_model.hand import BONES
from handos_model.output.output_file import completed

CAPTION = 18  # px below a cell


def draw_labels(image: np.ndarray, joints_2d: np.ndarray, side: np.ndarray) -> np.ndarray:
    """A copy of the image (H, W, 3) RGB with joints (n, 21, 3): filled where seen, hollow where not, and the side (n,).

    Joints that are not labelled, and their bones, are left out.
    """
    image = image.copy()
    for joints, one in zip(joints_2d, side, strict=True):
        points = [tuple(int(v) for v in np.rint(p)) for p in np.clip(joints[:, :2], -2000, 6000) * (1 << SHIFT)]
        labelled = joints[:, 2] > 0
        for bone, (a, b) in enumerate(BONES):
            if labelled[a] and labelled[b]:
                cv2.line(image, points[a], points[b], FINGER_COLOURS[bone // 4], 1, cv2.LINE_AA, SHIFT)
        for j in np.flatnonzero(labelled):
            colour = WRIST_COLOUR if j == 0 else FINGER_COLOURS[(j - 1) // 4]
            cv2.circle(image, points[j], 2 << SHIFT, colour, -1 if joints[j, 2] == 2 else 1, cv2.LINE_AA, SHIFT)
        inside = labelled & (joints[:, :2] >= 0).all(1) & (joints[:, :2] < image.shape[1::-1]).all(1)
        if inside.any():
            corner = np.clip(joints[inside, :2].max(0), 4, [image.shape[1] - 60, image.shape[0] - 6]).astype(int)
            _write(image, SIDE_NAMES.get(int(one), "side ?"), tuple(corner.tolist()), 0.45, (255, 255, 255))
    return image


def close_up(sample: Sample, hand: int | None, size: int) -> Sample:
    """The surroundings of a hand's labelled joints, or all of the image, as a square of `size` px; 3D labels stay."""
    height, width = sample.image.shape[:2]
    points, extent = np.array([[0, 0], [width - 1, height - 1]]), max(width, height)
    if hand is not None and (sample.joints_2d[hand, :, 2] > 0).any():
        points = sample.joints_2d[hand, sample.joints_2d[hand, :, 2] > 0, :2]
        extent = max(1.6 * float(np.ptp(points, axis=0).max()), 24.0)
    scale = size / extent
    shift = (size - 1) / 2 - scale * (points.min(0) + points.max(0)) / 2
    affine = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.warpAffine(sample.image, affine[:2], (size, size), flags=smooth), np.uint8)
    joints_2d = np.concatenate([sample.joints_2d[..., :2] * scale + shift, sample.joints_2d[..., 2:]], -1)
    return replace(sample, image=image, K=(affine @ sample.K).astype(np.float32), joints_2d=joints_2d)


def cells_of(sample: Sample, caption: str, size: int, faces: np.ndarray | None, wrong: bool) -> list[np.ndarray]:
    """A close-up (size + CAPTION, size, 3) of every hand, or the image when it shows none.

    Each has all labels in view and, where there are `faces` for them, meshes; captions of wrong samples are red.
    """
    cells = []
    for hand in range(len(sample.side)) if len(sample.side) else [None]:
        near = close_up(sample, hand, size)
        image = near.image.copy()
        camera = Camera(near.K.astype(np.float64), size, size)
        if faces is not None:
            for i in np.flatnonzero(near.has_vertices):
                colour = MESH_COLOURS[SIDE_NAMES.get(int(near.side[i]), "unknown")]
                draw_mesh(image, near.vertices[i].astype(np.float64), faces, camera, colour, near.side[i] != LEFT, 0.6)
        image = draw_labels(image, near.joints_2d, near.side)
        number = f" #{hand}" if len(sample.side) > 1 else ""
        cells.append(np.concatenate([image, _caption(caption + number, size, wrong)]))
    return cells


def blank_cell(caption: str, size: int) -> np.ndarray:
    """The cell of a sample that could not be read."""
    return np.concatenate([np.full((size, size, 3), 60, np.uint8), _caption(caption, size, wrong=True)])


def write_sheet(path: Path, cells: list[np.ndarray], columns: int = 6) -> None:
    """Writes cells of equal size as a PNG grid; ValueError without cells or for too many, OSError from the disk."""
    if not cells:
        raise ValueError("the contact sheet is empty: give at least one sample")
    empty = np.zeros_like(cells[0])
    columns = min(columns, len(cells))
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    rows[-1] = rows[-1] + [empty] * (columns - len(rows[-1]))
    grid = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    done, data = cv2.imencode(".png", grid[..., ::-1])
    if not done:
        raise ValueError(f"the contact sheet has {grid.shape[1]} x {grid.shape[0]} pixels: give fewer samples")
    with completed(path) as place:
        place.write_bytes(data.tobytes())


def _caption(text: str, width: int, wrong: bool) -> np.ndarray:
    """A strip with the end of the text, red when something is wrong."""
    strip = np.full((CAPTION, width, 3), (150, 30, 30) if wrong else 24, np.uint8)
    _write(strip, text[-(width // 7) :], (4, CAPTION - 6), 0.38, (235, 235, 235))
    return strip


def _write(image: np.ndarray, text: str, corner: tuple[int, int], size: float, colour: tuple[int, int, int]) -> None:
    for thickness, shade in ((3, (20, 20, 24)), (1, colour)):
        cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, size, shade, thickness, cv2.LINE_AA)
