"""The one preprocessing function: training, evaluation, export checks and prediction all resize and pad with it."""

from __future__ import annotations

import math

import cv2
import numpy as np

INPUT_STRIDE = 32


def letterbox(image: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resizes an image so that its long edge is `size` px and pads it at the right and bottom to multiples of 32.

    image (H, W, 3) uint8. Returns the padded image (H', W', 3) uint8 and the scale (2,) of x and y, which differ only
    because the short edge is rounded. Pixel centres map exactly: see to_network and to_source.
    """
    if size < INPUT_STRIDE:
        raise ValueError(f"size is {size}, must be {INPUT_STRIDE} px or more")
    height, width = image.shape[:2]
    new_height, new_width = resized_shape(image, size)
    padded = (-(-edge // INPUT_STRIDE) * INPUT_STRIDE for edge in (new_height, new_width))
    canvas = np.zeros((*padded, 3), np.uint8)
    target = canvas[:new_height, :new_width]
    if size > max(height, width):
        target[:] = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    else:
        target[:] = shrunk(image, new_width, new_height)
    return canvas, np.array([new_width / width, new_height / height])


def resized_shape(image: np.ndarray, size: int) -> tuple[int, int]:
    """Height and width of what letterbox makes of an image, without the padding."""
    height, width = image.shape[:2]
    factor = size / max(height, width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def shrunk(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image reduced to width x height px: every pixel is a mean of those that it covers."""
    # From 640 to 192 px this takes an eighth of the time of INTER_AREA, which is fast only for halves.
    while image.shape[1] >= 2 * width and image.shape[0] >= 2 * height and not any(n % 2 for n in image.shape[:2]):
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    nearly_there = image.shape[1] < 2 * width and image.shape[0] < 2 * height
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR if nearly_there else cv2.INTER_AREA)


def to_network(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Points (..., 2) from pixels of the source image to pixels of the letterboxed one."""
    return (points + 0.5) * scale - 0.5


def to_source(points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Points (..., 2) from pixels of the letterboxed image to pixels of the source image."""
    return (points + 0.5) / scale - 0.5


def views_to_source(views: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Views (N, 4: centre and size in px, angle in rad) from pixels of the letterboxed image to those of the source."""
    moved = views.astype(np.float64)
    moved[:, :2] = to_source(moved[:, :2], scale)
    moved[:, 2] /= math.sqrt(math.prod(scale.tolist()))
    return moved
