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
UNDECIDED = 3 * NEEDED
"""Number of gaps without a usual one after which they count as losses, even if the last ones do not agree."""
LONGEST_GAP = 5.0
"""Gaps longer than this, in s, are pauses."""


class Arrivals:
    """Counts the images of one camera by their stamps.

    A longer gap is a loss only once a usual gap follows: until then, the camera may have lowered its rate, for example
    for a longer exposure, at once or step by step. It has if the last gaps agree with each other.
    """

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
        self._missing: list[int] = []  # images missing in each gap since the last usual one

    def add(self, stamp: float) -> None:
        """Records the arrival of an image with this stamp in seconds."""
        self.received += 1
        gap = 0.0 if self._last is None else stamp - self._last
        self._last = stamp
        if not 0 < gap < LONGEST_GAP:
            return
        self._gaps.append(gap)
        if len(self._gaps) < NEEDED:
            return
        steady = self._steady()
        usual = steady or self._usual()
        self.rate = 1 / usual
        self._missing.append(max(round(gap / usual) - 1, 0))
        if not steady and abs(gap - usual) > STEADY * usual and len(self._missing) < UNDECIDED:
            return
        self.lost += 0 if steady else sum(self._missing)
        self._missing.clear()

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

    def _steady(self) -> float | None:
        """The gap of the camera's present rate if the last gaps agree; those of its previous rate are forgotten."""
        newest = list(self._gaps)[-NEEDED:]
        middle = statistics.median(newest)
        if max(newest) - min(newest) >= STEADY * middle:
            return None
        while len(self._gaps) > NEEDED and abs(self._gaps[0] - middle) > STEADY * middle:
            self._gaps.popleft()
        return middle

    def _usual(self) -> float:
        """The gap between two images without loss, taken from the short gaps."""
        ordered = sorted(self._gaps)
        short = ordered[len(ordered) // 10]
        return statistics.median(gap for gap in ordered if gap < 1.5 * short)
