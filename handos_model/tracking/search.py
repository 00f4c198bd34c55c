"""Search: which window of a frame is searched for hands that are not followed yet; one at most."""

from __future__ import annotations

import math

import numpy as np

from handos_model.prediction.windows import Window, around, half, parts, whole

MISSED_FOR = 0.5
"""s for which a lost hand is looked for where it was."""


class Search:
    """Takes the whole image and its parts in turn, all of them within ten frames.

    It searches every frame while no hand is followed, one was lost a moment ago, or a new scene has not been searched
    completely; otherwise at a given rate, with 0 meaning never.
    """

    def __init__(self) -> None:
        self._missed: list[tuple[float, np.ndarray]] = []  # when it was lost, and the view where it was
        self.restart()

    def restart(self) -> None:
        """Starts over: the next window is the whole image, and no hand is missed."""
        self._turn, self._last, self._missed = 0, -math.inf, []

    def miss(self, view: np.ndarray, stamp: float) -> None:
        """Notes that a hand which was expected in this view is not there."""
        self._missed.append((stamp, view))

    def found(self, view: np.ndarray) -> None:
        """Notes that a new hand is seen in this view: if one is missed, it is the one that was lost nearest to it."""
        away = [math.dist(missed[:2].tolist(), view[:2].tolist()) for _, missed in self._missed]
        if away:
            self._missed.pop(away.index(min(away)))

    def window(self, width: int, height: int, size: int, stamp: float, followed: int, rate: float) -> Window | None:
        """Where to look now, if anywhere.

        size: px of the whole image's long edge; followed: number of hands that are followed; rate: Hz.
        """
        self._missed = [(since, view) for since, view in self._missed if stamp - since <= MISSED_FOR]
        turns = _turns(width, height, size)
        due = rate > 0 and (self._turn < len(turns) or stamp - self._last >= 1 / rate - 1e-6)
        if followed and not due:
            if not self._missed:
                return None
            self._missed.append(self._missed.pop(0))  # in turn
            return around(self._missed[-1][1], width, height, size)
        self._last = stamp
        window = turns[self._turn % len(turns)]
        self._turn += 1
        return window


def _turns(width: int, height: int, size: int) -> list[Window]:
    """The whole image first and again after every two parts, once also at half the size."""
    everything, large = whole(width, height, size), half(width, height, size)
    small = parts(width, height, size)
    if not small:
        return [everything, everything, large]
    return [everything, *small[:2], everything, *small[2:4], large, *small[4:]]
