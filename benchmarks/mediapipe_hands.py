"""MediaPipe Hands behind the interface of HandPredictor, to be scored and timed by the same code."""

from __future__ import annotations

import mediapipe
import numpy as np

from handos_model import Camera, Hand
from handos_model.hand import joints_box

VERSION = "0.10.21"
MIRRORED_SIDES = {"Left": "right", "Right": "left"}
"""Its handedness assumes a mirrored image; these photos are not."""


class MediaPipeHands:
    """MediaPipe Hands: the full model (complexity 1), its own default confidences (.5), up to 4 hands.

    A limit above 4 hands finds nothing more on these photos. `static`: every image on its own, as HandPredictor works;
    else it tracks, and looks for palms only when it has lost a hand. A mesh and a position in metres it does not have:
    vertices are zeros, joints_3d its hand-centred world landmarks.
    """

    def __init__(self, max_hands: int = 4, static: bool = True) -> None:
        if mediapipe.__version__ != VERSION:
            raise ValueError(f"mediapipe is {mediapipe.__version__}, the published figures are those of {VERSION}")
        self._hands = mediapipe.solutions.hands.Hands(
            static_image_mode=static, max_num_hands=max_hands, model_complexity=1
        )

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """Hands in an image (H, W, 3) uint8 RGB; `camera` is not used."""
        height, width = image.shape[:2]
        found = self._hands.process(image)
        if not found.multi_hand_landmarks:
            return []
        per_hand = zip(
            found.multi_hand_landmarks, found.multi_hand_world_landmarks, found.multi_handedness, strict=True
        )
        return [_hand(marks, world, side.classification[0], width, height) for marks, world, side in per_hand]


def _hand(marks: object, world: object, side: object, width: int, height: int) -> Hand:
    joints_2d = np.array([[m.x * width, m.y * height] for m in marks.landmark], np.float32)
    joints_3d = np.array([[m.x, m.y, m.z] for m in world.landmark], np.float32)
    return Hand(
        score=side.score,
        side=MIRRORED_SIDES[side.label],
        side_confidence=side.score,
        box=joints_box(joints_2d),
        joints_2d=joints_2d,
        joint_confidence=np.ones(21, np.float32),
        joints_3d=joints_3d,
        vertices=np.zeros((778, 3), np.float32),
        translation=joints_3d[0],
    )
