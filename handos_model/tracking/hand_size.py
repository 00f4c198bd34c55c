"""A followed hand's own size: one image says it with an error of a few per cent, a hand keeps it."""

from __future__ import annotations

import math
import statistics
from collections import deque

from handos_model.hand import Hand

KNUCKLES = (5, 9, 13, 17)
"""MCP joints: how far they lie from the wrist does not change with the pose."""
MAX_FRAMES = 900
"""Frames that the mean remembers: then each newer one counts as much as it would there."""
MAX_MEASUREMENTS = 91
"""By depth, of which the median is taken: the last three seconds at 30 Hz."""


class HandSize:
    """Scales one hand, frame after frame, to what all its frames say of its size.

    A depth image measures, all else is foretold: from the first measurement on only measurements count. Their median is
    taken, as a single one may be off by several per cent, and the first one often is.
    """

    def __init__(self) -> None:
        self._measured: deque[float] = deque(maxlen=MAX_MEASUREMENTS)  # m
        self._frames = 0
        self._size = 0.0  # m

    def kept(self, hand: Hand) -> Hand:
        """The hand, scaled about the camera to its own size: it is seen as before."""
        now = palm_length(hand)
        if not now > 0:
            return hand
        if hand.scale_source == "depth":
            self._measured.append(now)
            self._size = statistics.median(self._measured)
        elif not self._measured:
            self._frames = min(self._frames + 1, MAX_FRAMES)
            self._size += (now - self._size) / self._frames
        return hand.scaled(self._size / now, self._source(hand))

    def remembered(self, hand: Hand) -> Hand:
        """The hand as it was measured, or scaled to what was measured before; as it is, where nothing ever was."""
        kept = self.kept(hand)
        return kept if kept.scale_source == "remembered" else hand

    def _source(self, hand: Hand) -> str:
        return "remembered" if self._measured and hand.scale_source != "depth" else hand.scale_source


def palm_length(hand: Hand) -> float:
    """Distance of the knuckles from the wrist, m: the middle finger's, and the mean of four, halfway between the two.

    The first is what is called the length of a palm, the second is less noisy.
    """
    joints = hand.joints_3d.tolist()
    lengths = [math.dist(joints[0], joints[i]) for i in KNUCKLES]
    return lengths[1] / 2 + sum(lengths) / (2 * len(lengths))
