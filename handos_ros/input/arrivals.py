"""Which images have come, and by the gaps of their stamps, which have not."""

from __future__ import annotations

import statistics
from collections import deque

REMEMBERED = 60
"""Gaps between images from which the usual one is known."""
NEEDED = 8
"""Of them, before images count as lost."""
STEADY = 0.25
"""Of the last gaps, that they may differ from each other by where a camera has taken another rate."""
NOTICEABLE = 0.1
"""Share of lost images that is said."""
LONGEST_GAP = 5.0
"""s; longer ones are pauses."""


class Arrivals:
    """Counts the images of one camera by their stamps."""

    def __init__(self) -> None:
        self.received = 0
        """Images that came."""
        self.lost = 0
        """Images between them that did not come, as far as the stamps tell."""
        self.rate = 0.0
        """Hz at which the camera stamps images, lost ones included; 0 while it is not known."""
        self._reported = (0, 0)
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)

    def add(self, stamp: float) -> None:
        """An image with this stamp in seconds has come."""
        self.received += 1
        gap = 0.0 if self._last is None else stamp - self._last
        self._last = stamp
        if not 0 < gap < LONGEST_GAP:
            return
        self._gaps.append(gap)
        if len(self._gaps) >= NEEDED:
            usual = self._usual()
            self.rate = 1 / usual
            self.lost += max(round(gap / usual) - 1, 0)

    def doubt(self) -> str:
        """Says so where a noticeable share of the images since the last call was lost; else empty."""
        received, lost = self.received - self._reported[0], self.lost - self._reported[1]
        self._reported = self.received, self.lost
        if lost < NOTICEABLE * (received + lost) or lost < 2:
            return ""
        return (
            f"{lost} of {received + lost} images were lost on their way here: start the camera's driver with "
            "config/fastdds.xml (docs/troubleshooting.md)"
        )

    def _usual(self) -> float:
        """The gap between two images of which none is lost: that of the short ones, or of the last if they agree."""
        newest = list(self._gaps)[-NEEDED:]
        middle = statistics.median(newest)
        if max(newest) - min(newest) < STEADY * middle:
            while len(self._gaps) > NEEDED and abs(self._gaps[0] - middle) > STEADY * middle:
                self._gaps.popleft()  # of the rate before
            return middle
        ordered = sorted(self._gaps)
        short = ordered[len(ordered) // 10]
        return statistics.median(gap for gap in ordered if gap < 1.5 * short)
