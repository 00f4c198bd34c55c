"""The one preprocessing function: training, evaluation, export checks and prediction all resize and pad with it."""

from __future__ import annotations

import cv2
import numpy as np

STRIDE = 32


def letterbox(image: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resizes an image so that its long edge is `size` px and pads it at the right and bottom to multiples of 32.

    image (H, W, 3) uint8. Returns the padded image (H', W', 3) uint8 and the scale (2,) of x and y, which differ by the
    rounding of the short edge. Pixel centres map exactly: see to_network and to_source.
    """
    if size < STRIDE:
        raise ValueError(f"size is {size}, must be {STRIDE} px or more")
    height, width = image.shape[:2]
    factor = size / max(height, width)
    new_width, new_height = max(1, round(width * factor)), max(1, round(height * factor))
    canvas = np.zeros((-(-new_height // STRIDE) * STRIDE, -(-new_width // STRIDE) * STRIDE, 3), np.uint8)
    target = canvas[:new_height, :new_width]
    if factor == 1:
        target[:] = image
    else:
        interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        target[:] = cv2.resize(image, (new_width, new_height), interpolation=interpolation)
    return canvas, np.array([new_width / width, new_height / height])


def to_network(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Points (..., 2) from pixels of the source image to pixels of the letterboxed one."""
    return (points + 0.5) * scale - 0.5


def to_source(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Points (..., 2) from pixels of the letterboxed image to pixels of the source image."""
    return (points + 0.5) / scale - 0.5
