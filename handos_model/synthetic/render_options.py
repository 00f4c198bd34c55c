"""Options for the look of synthetic pictures of hands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RenderOptions:
    """Options for how frames look.

    width, height in px; hand_size: least and greatest long edge of a hand's joints as a share of the frame's long
    edge, drawn log-uniformly; hands: probabilities of no, one and two hands; backgrounds: folder of photos or None for
    procedural ones; excluded: names of background photos that must not appear (a path's end, forward slashes).
    Raises ValueError for anything else.
    """

    width: int = 256
    height: int = 256
    hand_size: tuple[float, float] = (0.05, 0.9)
    hands: tuple[float, float, float] = (0.04, 0.76, 0.20)
    backgrounds: Path | None = None
    excluded: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 32 or max(self.width, self.height) > 4096:
            raise ValueError(f"frame of {self.width}x{self.height} px: width and height must be 32 to 4096")
        if len(self.hand_size) != 2 or not 0.02 <= self.hand_size[0] <= self.hand_size[1] <= 1.2:
            raise ValueError(f"hand_size is {self.hand_size}: give a minimum and a maximum share between 0.02 and 1.2")
        if len(self.hands) != 3 or min(self.hands) < 0 or abs(sum(self.hands) - 1) > 1e-6:
            raise ValueError(f"hands is {self.hands}: give three probabilities, for 0, 1 and 2 hands, that sum to 1")
