"""FusionReport: what fusion_node counts between two reports, and what it doubts."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Sequence

from handos_model.fusion.hand_fusion import FusedHand
from handos_model.fusion.sighting import View

WIDE_GAP = 0.03
"""m by which cameras that stand where they say may disagree on one hand, in the median."""
ENOUGH, REMEMBERED = 10, 30
"""Moments from which on a share means something, and how many are remembered."""


class FusionReport:
    """Counts of one period; `begin` starts the next."""

    def __init__(self) -> None:
        self.published = 0
        """HandArrays, of all periods."""
        self._met: deque[bool] = deque(maxlen=REMEMBERED)  # whether cameras that saw hands saw a common one
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)  # m
        self.begin()

    def begin(self) -> None:
        """Forgets the period."""
        self.sets: Counter[int] = Counter()
        """By how many cameras had a frame in them."""
        self.hands: Counter[int] = Counter()
        """By how many cameras saw them."""

    def add(self, views: Sequence[View], fused: Sequence[FusedHand]) -> None:
        """One set."""
        self.published += 1
        self.sets[len(views)] += 1
        self.hands.update(len(one.cameras) for one in fused)
        self._gaps.extend(one.gap for one in fused if len(one.cameras) > 1)
        if sum(bool(view.hands) for view in views) > 1:
            self._met.append(any(len(one.cameras) > 1 for one in fused))

    @property
    def gap(self) -> float:
        """Median m by which cameras disagreed on one hand lately; NaN where none was seen by two."""
        return statistics.median(self._gaps) if self._gaps else float("nan")

    def doubt(self) -> str:
        """Why the cameras' poses may be wrong; else empty."""
        both, met = len(self._met), sum(self._met)
        if both >= ENOUGH and met < both / 2:
            return (
                f"in {both - met} of {both} moments the cameras saw hands in different places: "
                "are the transforms right, from the optical frames to the common one?"
            )
        if len(self._gaps) >= ENOUGH and self.gap > WIDE_GAP:
            return f"the cameras disagree by {self.gap * 1e3:.0f} mm on one hand: has a camera been moved?"
        return ""
