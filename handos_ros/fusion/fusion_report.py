"""FusionReport: counts of fusion_node between two reports, and doubts about its inputs."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Sequence

from handos_model.fusion.hand_fusion import FusedHand
from handos_model.fusion.sighting import View

WIDE_GAP = 0.03
"""Maximum median disagreement in m about one hand between cameras whose poses are right."""
ENOUGH, REMEMBERED = 10, 30
"""Number of frames needed to judge a fraction, and number of frames that are kept."""


class FusionReport:
    """Counts of one period; `begin` starts the next."""

    def __init__(self) -> None:
        self.published = 0
        """Number of HandArrays in all periods."""
        self._met: deque[bool] = deque(maxlen=REMEMBERED)  # whether cameras that saw hands had one in common
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)  # m
        self.begin()

    def begin(self) -> None:
        """Starts a new period."""
        self.sets: Counter[int] = Counter()
        """Number of HandArrays, by the number of cameras that had a frame in them."""
        self.hands: Counter[int] = Counter()
        """Number of hands, by the number of cameras that saw them."""

    def add(self, views: Sequence[View], fused: Sequence[FusedHand]) -> None:
        """Counts one set of frames."""
        self.published += 1
        self.sets[len(views)] += 1
        self.hands.update(len(one.cameras) for one in fused)
        self._gaps.extend(one.gap for one in fused if len(one.cameras) > 1)
        if sum(bool(view.hands) for view in views) > 1:
            self._met.append(any(len(one.cameras) > 1 for one in fused))

    @property
    def gap(self) -> float:
        """Median recent disagreement in m of cameras about one hand; NaN if no hand was seen by two cameras."""
        return statistics.median(self._gaps) if self._gaps else float("nan")

    def doubt(self) -> str:
        """A sentence if the camera poses may be wrong; else empty."""
        both, met = len(self._met), sum(self._met)
        if both >= ENOUGH and met < both / 2:
            return (
                f"in {both - met} of {both} frames the cameras saw hands in different places: "
                "are the transforms between their optical frames and the common frame right?"
            )
        if len(self._gaps) >= ENOUGH and self.gap > WIDE_GAP:
            return f"the cameras disagree by {self.gap * 1e3:.0f} mm on one hand: has a camera been moved?"
        return ""
