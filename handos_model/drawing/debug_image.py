"""Draws what the node saw: mesh, skeleton, box and label of each hand, and a caption with figures."""

from __future__ import annotations

import cv2
import numpy as np

from handos_model.camera import Camera
from handos_model.drawing.hand_drawing import FONT, LABEL_COLOURS, draw_hands
from handos_model.hand import Hand


def debug_image(
    image: np.ndarray, hands: list[Hand], camera: Camera, caption: str, faces: np.ndarray, mirrored: bool = False
) -> np.ndarray:
    """A copy of `image` (H, W, 3) uint8 RGB with the hands on it and `caption` in its lower left corner.

    faces (F, 3): of the hands' template; mirrored: as for HandFollower.
    """
    drawn = draw_hands(image, hands, camera, faces=faces, mirrored=mirrored)
    width = max(1, round(min(image.shape[:2]) / 400))
    limit = 1 << 20  # px, far outside any image, within what OpenCV draws
    for hand in hands:
        x0, y0, x1, y1 = (int(edge) for edge in np.clip(np.rint(hand.box), -limit, limit))
        cv2.rectangle(drawn, (x0, y0), (x1, y1), LABEL_COLOURS[hand.side], width, cv2.LINE_AA)
    height = max(9, round(image.shape[0] * 0.03))
    scale = cv2.getFontScaleFromHeight(FONT, height, 1)
    corner = (height // 2, image.shape[0] - height // 2)
    for colour, thickness in (((24, 24, 30), 3 * width + 1), ((255, 255, 255), width)):
        cv2.putText(drawn, caption, corner, FONT, scale, colour, thickness, cv2.LINE_AA)
    return drawn
