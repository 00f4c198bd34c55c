"""The size of a followed hand: one image shows it with an error of a few per cent, but the hand does not change it."""

from __future__ import annotations

import math
import statistics
from collections import deque

import numpy as np

from handos_model.hand import Hand, palm_length

MAX_FRAMES = 900
"""Number of frames after which the weight of each newer one in the mean no longer falls."""
MAX_MEASUREMENTS = 91
"""Number of measurements by depth of which the median is taken: the last three seconds at 30 Hz."""
RELIEF_MEMORY = 3.0
"""s in which the shape that depth found fades while depth is missing, since the hand changes its pose."""


class HandSize:
    """Scales one hand, frame after frame, to the size on which all its frames agree.

    Only a depth image measures the size; without one it is predicted. From the first measurement on, only measurements
    count. Their median is taken, since a single one may be off by several per cent, and the first one often is. In a
    frame with depth the hand stays where it was measured; in others it is scaled about the camera, so that it looks the
    same in the image, and keeps the relief that was measured last. Sizes are those without relief, as the network sees
    them: a relief that fades does not move the hand.
    """

    def __init__(self) -> None:
        self._measured: deque[float] = deque(maxlen=MAX_MEASUREMENTS)  # m
        self._frames = 0
        self._size = 0.0  # m
        self.spread = 0.0
        """Standard deviation of the measurements, as a fraction: how far a place that follows from the size is off."""
        self._relief: np.ndarray | None = None

    def kept(self, hand: Hand, step: float) -> Hand:
        """The hand scaled to its own size, `step` s after the frame before."""
        now = palm_length(_without_relief(hand))
        if not now > 0:
            return hand
        if hand.scale_source == "depth":
            self._measured.append(now)
            self._size = statistics.median(self._measured)
            self.spread = float(np.std(self._measured)) / self._size
            self._relief = None if hand.relief is None else hand.relief.copy()
            return hand.resized(self._size / now)
        if not self._measured:
            self._frames = min(self._frames + 1, MAX_FRAMES)
            self._size += (now - self._size) / self._frames
            return hand.scaled(self._size / now, hand.scale_source)
        hand = hand.scaled(self._size / now, "remembered")
        if self._relief is None:
            return hand
        self._relief = self._relief * np.float32(math.exp(-step / RELIEF_MEMORY))
        return hand.moved_along_rays(self._relief)

    def remembered(self, hand: Hand, step: float) -> Hand:
        """The hand scaled to the size that was measured before; unchanged if it is measured now, or never was."""
        kept = self.kept(hand, step)
        return kept if kept.scale_source == "remembered" else hand


def _without_relief(hand: Hand) -> Hand:
    return hand if hand.relief is None else hand.moved_along_rays(1 / (1 + hand.relief) - 1)
