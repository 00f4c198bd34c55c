"""Hands followed over frames with the package's own parts."""

from __future__ import annotations

import numpy as np

from handos_model import Camera, Hand, HandPredictor
from handos_model.tracking.tracker import HandTracker, TrackerOptions


class HandFollower:
    """Every frame predicted on its own, then tracked."""

    def __init__(self, predictor: HandPredictor, smoothing: bool = True) -> None:
        self._predictor = predictor
        self._tracker = HandTracker(TrackerOptions(smoothing=smoothing))

    def follow(self, image: np.ndarray, stamp: float, camera: Camera | None = None) -> list[Hand]:
        """Hands with ids."""
        return self._tracker.update(self._predictor.predict(image, camera), stamp)
