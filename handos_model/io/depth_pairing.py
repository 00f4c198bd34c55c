"""Which depth image belongs to a colour image: the rule of the node and of recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Depth = TypeVar("Depth")

MAX_DIFFERENCE = 0.02
"""Seconds between the stamps of a colour and a depth image that belong together, if nothing else is asked for."""
KEPT = 8
"""Number of depth images to choose from: a quarter of a second at 30 Hz."""


def closest(depths: Iterable[tuple[int, Depth]], stamp_ns: int, max_difference: float) -> Depth:
    """Of depth images with their stamps in ns, the one closest to a stamp; ValueError if it is too far away.

    max_difference: seconds.
    """
    depth_stamp, depth = min(depths, key=lambda pair: abs(pair[0] - stamp_ns), default=(None, None))
    if depth_stamp is None or depth is None:
        raise ValueError("there is no depth image yet")
    difference = abs(depth_stamp - stamp_ns) / 1e9
    if difference > max_difference:
        raise ValueError(f"the closest depth image is {difference:.3f} s away from the colour image")
    return depth
