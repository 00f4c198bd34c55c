"""The joints of one hand in the image as plain numbers: for so few, NumPy takes several times as long."""

from __future__ import annotations

import math

import numpy as np


class PlainJoints:
    """Where 21 joints are in the image."""

    def __init__(self, joints_2d: np.ndarray) -> None:
        self.places = joints_2d.tolist()
        """x, y px of each."""
        axes = joints_2d.T.tolist()
        self.mean = [sum(axis) / len(axis) for axis in axes]
        self.extent = long_edge(axes)
        self.spread = math.hypot(*(math.dist(place, self.mean) for place in self.places))
        """Size of the hand in the image, in px."""


def long_edge(axes: list[list[float]]) -> float:
    """Long edge of the box around points, whose coordinates are given axis by axis."""
    return max(max(axis) - min(axis) for axis in axes)
