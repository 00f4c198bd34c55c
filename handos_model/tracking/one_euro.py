"""The One Euro filter: steady where points rest, quick where they move (Casiez, Roussel and Vogel, CHI 2012)."""

from __future__ import annotations

import math

import numpy as np

DERIVATIVE_CUTOFF = 1.0
"""Hz, of the speeds that the cut-off follows: the paper's value."""


class OneEuro:
    """Smooths N points of D coordinates, each by its own speed.

    A point's cut-off is min_cutoff (Hz) + beta (Hz per m/s) * speed, its speed the norm of its smoothed derivative. At
    rest noise is averaged over 1 / (2 pi min_cutoff) s; in steady motion a point stays less than 1 / (2 pi e beta) =
    0.06 / beta m behind, at any speed and rate. Instead of the paper's approximation, smoothing factors are exact for
    steps of any length: two steps weigh like one of their sum.
    """

    def __init__(self) -> None:
        self._value: np.ndarray | None = None  # (N, D)
        self._derivative = np.zeros(0)  # (N, D) per second
        self._forgotten: slice | None = None

    def update(
        self, points: np.ndarray, step: float, min_cutoff: float, beta: float, unit: float | np.ndarray = 1.0
    ) -> np.ndarray:  # fmt: skip
        """Smoothed points (N, D), `step` > 0 s after those before; the first ones come back as they are.

        unit: metres that one unit of the points is worth; a number, or (N, 1). Precision is that of points and unit.
        """
        if self._value is None:
            self._value, self._derivative = points, np.zeros_like(points)
            return points
        if self._forgotten is not None:
            self._value, self._derivative = self._value.copy(), self._derivative.copy()
            self._value[self._forgotten], self._derivative[self._forgotten] = points[self._forgotten], 0.0
            self._forgotten = None
        # The paper takes the derivative against the last smoothed value, which answers a lag with a higher cut-off.
        lag = points - self._value
        fade = -math.expm1(-2 * math.pi * DERIVATIVE_CUTOFF * step)
        self._derivative = self._derivative + fade * (lag / step - self._derivative)
        squares = self._derivative**2
        speed = unit * np.sqrt(squares @ np.ones((points.shape[1], 1), squares.dtype))  # (N, 1) m/s
        # Shares of the newest value after `step` s, for low-passes of min_cutoff + beta * speed.
        weight = -np.expm1(-2 * math.pi * step * (min_cutoff + beta * speed))
        self._value = self._value + weight * lag
        return self._value

    def restart(self, points: slice) -> None:
        """Forgets some of the points: the next ones come back as they are."""
        self._forgotten = points
