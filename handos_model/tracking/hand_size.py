"""A followed hand's own size: one image says it with an error of a few per cent, a hand keeps it."""

from __future__ import annotations

import math
import statistics
from collections import deque

import numpy as np

from handos_model.hand import Hand, palm_length

MAX_FRAMES = 900
"""Frames that the mean remembers: then each newer one counts as much as it would there."""
MAX_MEASUREMENTS = 91
"""By depth, of which the median is taken: the last three seconds at 30 Hz."""
RELIEF_MEMORY = 3.0
"""s in which what depth found of the shape fades where depth is missing: the hand changes its pose."""


class HandSize:
    """Scales one hand, frame after frame, to what all its frames say of its size.

    A depth image measures, all else is foretold: from the first measurement on only measurements count. Their median is
    taken, as a single one may be off by several per cent, and the first one often is. A measured hand stays where it
    was measured; others are scaled about the camera, so that they are seen as before, and keep the relief that was
    measured last.
    """

    def __init__(self) -> None:
        self._measured: deque[float] = deque(maxlen=MAX_MEASUREMENTS)  # m
        self._frames = 0
        self._size = 0.0  # m
        self._relief: np.ndarray | None = None

    def kept(self, hand: Hand, step: float) -> Hand:
        """The hand in its own size, `step` s after the one before."""
        now = palm_length(hand)
        if not now > 0:
            return hand
        if hand.scale_source == "depth":
            self._measured.append(now)
            self._size = statistics.median(self._measured)
            self._relief = hand.relief
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
        """The hand as it was measured, or scaled to what was measured before; as it is, where nothing ever was."""
        kept = self.kept(hand, step)
        return kept if kept.scale_source == "remembered" else hand
