"""Images as JPEG."""

from __future__ import annotations

import cv2
import numpy as np

LONGEST_JPEG_EDGE = 65_500
"""px: the largest image that the usual libraries write as JPEG."""


def jpeg(image: np.ndarray, quality: int) -> bytes:
    """The JPEG of an image (H, W, 3) uint8 RGB; ValueError if it is too large for one."""
    height, width = image.shape[:2]
    if max(height, width) > LONGEST_JPEG_EDGE:
        raise ValueError(f"it has {width} x {height} pixels, a JPEG has at most {LONGEST_JPEG_EDGE} on an edge")
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()
