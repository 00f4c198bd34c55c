"""Counts received and lost images by the gaps between their stamps."""

from __future__ import annotations

import statistics
from collections import deque

REMEMBERED = 60
"""Number of gaps from which the usual gap is determined."""
NEEDED = 8
"""Number of gaps needed before images count as lost."""
STEADY = 0.25
"""Maximum relative difference between the last gaps for the camera to count as having changed its rate."""
NOTICEABLE = 0.1
"""Fraction of lost images above which a warning is given."""
LONGEST_GAP = 5.0
"""Gaps longer than this, in s, are pauses."""


class Arrivals:
    """Counts the images of one camera by their stamps."""

    def __init__(self) -> None:
        self.received = 0
        """Number of received images."""
        self.lost = 0
        """Number of images lost between them, according to the stamps."""
        self.rate = 0.0
        """Rate in Hz at which the camera stamps images, including lost ones; 0 while it is unknown."""
        self._reported = (0, 0)
        self._last: float | None = None
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)

    def add(self, stamp: float) -> None:
        """Records the arrival of an image with this stamp in seconds."""
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
        """A sentence if a noticeable fraction of the images since the last call was lost; else empty."""
        received, lost = self.received - self._reported[0], self.lost - self._reported[1]
        self._reported = self.received, self.lost
        if lost < NOTICEABLE * (received + lost) or lost < 2:
            return ""
        return (
            f"{lost} of {received + lost} images were lost on their way here: start the camera's driver with "
            "config/fastdds.xml (docs/troubleshooting.md)"
        )

    def _usual(self) -> float:
        """The gap between two images without loss: taken from the short gaps, or from the last ones if they agree."""
        newest = list(self._gaps)[-NEEDED:]
        middle = statistics.median(newest)
        if max(newest) - min(newest) < STEADY * middle:
            while len(self._gaps) > NEEDED and abs(self._gaps[0] - middle) > STEADY * middle:
                self._gaps.popleft()  # gaps of the previous rate
            return middle
        ordered = sorted(self._gaps)
        short = ordered[len(ordered) // 10]
        return statistics.median(gap for gap in ordered if gap < 1.5 * short)
