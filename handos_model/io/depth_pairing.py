"""Which depth image belongs to a colour image: the rule of the node and of recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Depth = TypeVar("Depth")

MAX_DIFFERENCE = 0.02
"""Maximum difference in seconds between the stamps of a colour and a depth image that belong together, by default."""
KEPT_DEPTHS = 8
"""Number of depth images to choose from: a quarter of a second at 30 Hz."""


def closest(depths: Iterable[tuple[int, Depth]], stamp_ns: int, max_difference: float) -> Depth:
    """The depth image whose stamp is closest to the given one; ValueError if it is too far away.

    depths: stamps in ns with their images; max_difference: seconds.
    """
    depth_stamp, depth = min(depths, key=lambda pair: abs(pair[0] - stamp_ns), default=(None, None))
    if depth_stamp is None or depth is None:
        raise ValueError("there is no depth image yet")
    difference = abs(depth_stamp - stamp_ns) / 1e9
    if difference > max_difference:
        raise ValueError(f"the closest depth image is {difference:.3f} s away from the colour image")
    return depth
