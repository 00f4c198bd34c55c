"""TrackClock: the seconds that pass for tracked hands, and after how many a hand that is not seen loses its id."""

from __future__ import annotations

import math
import statistics
import warnings
from collections import deque

INTERVALS = 2.5
"""Minimum number of usual intervals between frames for which a lost hand keeps its id."""
LONGEST_INTERVAL = 1.0
"""s: slower cameras show a hand too rarely to recognise it again."""
MOST_APART = 5
"""Number of frames in a row, each too late for any hand to keep its id, after which a warning is given."""
STILL_STEP = 1 / 30
"""s that count as passed between two frames with the same stamp, so that cameras without stamps are tracked as well."""


class TrackClock:
    """Goes on with the stamps of frames, but never stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        """s, of the last frame."""
        self.jumps = 0
        """How often the stamps jumped back."""
        self._stamp: float | None = None
        self._steps: deque[float] = deque(maxlen=5)  # s between the last frames
        self._apart = 0  # number of frames in a row that came too late for any hand to keep its id

    def restart(self) -> None:
        """Forgets the last stamp, so that the next one may be any."""
        self._stamp = None

    def advance(self, stamp: float, max_age: float) -> float:
        """Goes on to a frame with this stamp (s); returns for how many s a hand that it does not show keeps its id.

        max_age: TrackerOptions.max_age. After a jump back no hand keeps its id, which a negative number says.
        """
        jumped = self._stamp is not None and stamp < self._stamp
        if jumped:
            self.restart()
            self.jumps += 1
        step = 0.0 if self._stamp is None else stamp - self._stamp
        age = self._age(step, max_age)
        self._count_apart(step, age)
        if self._stamp is not None:
            self._steps.append(step)
        self.now += step or STILL_STEP
        self._stamp = stamp
        return -math.inf if jumped else age

    def continues(self, stamp: float, max_age: float) -> bool:
        """Whether a frame with this stamp follows the last one so soon that hands keep their ids."""
        return self._stamp is not None and 0 <= stamp - self._stamp <= self._age(stamp - self._stamp, max_age)

    def _count_apart(self, step: float, age: float) -> None:
        self._apart = self._apart + 1 if step > age > 0 else 0
        if self._apart == MOST_APART:
            warnings.warn(
                f"{MOST_APART} frames in a row came {step:g} s after the one before, so no hand keeps its id: stamps "
                "are in seconds, milliseconds are to be divided by 1000",
                stacklevel=5,
            )

    def _age(self, step: float, max_age: float) -> float:
        """s for which a lost hand keeps its id, in a frame `step` s after the last one."""
        usual = statistics.median(self._steps) if self._steps else step
        return max(max_age, INTERVALS * min(usual, LONGEST_INTERVAL)) if max_age else 0.0
