"""The One Euro filter, which here tells noise from motion: steady where points rest, quick where they move."""

from __future__ import annotations

import math
import statistics

import numpy as np

DERIVATIVE_CUTOFF = 1.0
"""Cut-off in Hz of the derivative that gives the speed: the paper's value."""
NOISE_MEMORY = 2.0
"""s over which a point's noise is averaged."""
CLEAR = 3.5
"""Number of standard deviations of a derivative that noise alone explains: whatever exceeds them is motion."""
TWICE = 2.0
"""Number of standard deviations of noise that two successive steps in one direction must exceed to be motion."""
RESTED = 8.0
"""A point that is averaged over as many values is at rest: single steps of it are noise, however large."""
MOST_NOISE = 0.006
"""Largest noise of a point in m: what exceeds it is motion. At a few Hz, a hand that moves to and fro looks noisy."""
FEW = 1 / 15
"""s between frames: at shorter steps motion looks less noisy, and MOST_NOISE is raised in proportion."""

SETTLING = 1.0
"""s at rest after which a point that is to be held hardly moves any more."""
HELD_CUTOFF = 0.015
"""Hz, cut-off of such a point: it follows what is left of an error over 10 s."""


class OneEuro:
    """Smooths N points of D coordinates, each according to its own speed and its own noise.

    After Casiez, Roussel and Vogel (CHI 2012): a point's cut-off is min_cutoff (Hz) + beta (Hz per m/s) * speed. Four
    things differ from the paper. Speed is the norm of the smoothed derivative minus the part that noise causes, which
    is measured by how far three successive points are from a straight line: otherwise a point that trembles much, such
    as a hand's depth, would never count as at rest. Until a point rests, two successive steps in one direction that
    noise does not explain give a speed as well: the smoothed derivative of a point that moves quickly to and fro passes
    through zero on the way, where the point would stop for a frame. A point that comes to rest is averaged from there
    on, as are the first values, so it does not creep to its place: the newest value weighs at least 1 / (n + 1) if the
    one before weighed 1 / n, and less if it is trusted less. Smoothing factors are exact for steps of any length. At
    rest noise is averaged over 1 / (2 pi min_cutoff) s; in steady motion a point lags by less than 1 / (2 pi e beta) =
    0.06 / beta m and about the standard deviation of its noise, at any speed and rate.
    """

    def __init__(self) -> None:
        self._value: np.ndarray | None = None  # (N, D)
        self._derivative: np.ndarray = np.zeros(0)  # (N, D) per second
        self._before: np.ndarray = np.zeros(0)  # (N, D)
        self._change: np.ndarray = np.zeros(0)  # (N, D)
        self._frames: np.ndarray = np.zeros(0)  # (N, 1): how many values of each point are known
        self._known: np.ndarray = np.zeros(0)  # (N, 1): number of values whose mean would be as smooth
        self._variance: np.ndarray = np.zeros(0)  # (N, 1): of the noise, summed over coordinates
        self._step = math.inf
        self._rested = 0.0  # s for which the point to be held has been at rest

    def update(
        self,
        points: np.ndarray,
        step: float,
        min_cutoff: float,
        beta: float,
        unit: float | np.ndarray = 1.0,
        trust: float | np.ndarray = 1.0,
        held: tuple[int, int, slice] | None = None,
    ) -> np.ndarray:
        """Smoothed points (N, D), `step` > 0 s after the last ones; the first ones are returned as they are, and so are
        the first ones of another N.

        unit: metres per unit of the points; a number, or (N, 1). trust > 0: how many ordinary values these count as
        at rest; a number, or (N, 1). held: a point, a witness and others; the point counts as no faster than the
        witness or than half of the others, and once it has been at rest for SETTLING, it is held: it follows with
        HELD_CUTOFF. The precision is that of points, unit and trust.
        """
        if self._value is None or self._value.shape != points.shape:  # a mesh may come or go
            self._value = self._before = points
            self._derivative = self._change = np.zeros_like(points)
            self._frames = np.ones((len(points), 1), points.dtype)
            self._known = self._frames * trust
            self._variance = np.zeros_like(self._frames)
            return points
        self._frames = self._frames + 1
        earlier = self._change, self._step
        self._measure_noise(points, step)
        # As in the paper, the derivative is taken from the last smoothed value, so that a lag raises the cut-off.
        lag = points - self._value
        fade = -math.expm1(-2 * math.pi * DERIVATIVE_CUTOFF * step)
        derivative = self._derivative + fade * (lag / step - self._derivative)
        self._derivative = np.where(self._frames > 1, derivative, 0)
        noise = np.minimum(unit * np.sqrt(self._variance), MOST_NOISE * max(1.0, FEW / step))  # (N, 1) m
        twice = _speed_of_both(earlier, (self._change, step), unit, TWICE * noise)
        twice = np.where((self._frames > 2) & (self._known < RESTED * trust), twice, 0)
        noise = CLEAR * math.sqrt(fade / (2 - fade)) / step * noise  # of the derivative, m/s
        speed = np.maximum(unit * np.sqrt(_squared(self._derivative)) - noise, twice)  # (N, 1) m/s
        cutoff, mean = np.full_like(speed, min_cutoff), trust / (self._known + trust)
        if held is not None:
            slow, witness, others = held
            speed[slow] = min(speed[slow, 0], max(speed[witness, 0], statistics.median(speed[others, 0].tolist())))
            self._rested = 0.0 if speed[slow] else self._rested + step
            if self._rested > SETTLING:
                cutoff[slow], mean[slow] = min(min_cutoff, HELD_CUTOFF), 0
        # Weights of the newest value after `step` s, for low-passes of this cut-off + beta * speed, and of a mean.
        weight = -np.expm1(-2 * math.pi * step * (cutoff * trust + beta * speed))
        weight = np.where(self._frames > 1, np.maximum(weight, mean), 1)
        self._known = trust / weight
        self._value = np.where(self._frames > 1, self._value + weight * lag, points)
        return self._value

    def noise(self, point: int) -> float:
        """Standard deviation of the noise of a point, in its unit; 0 before the first points."""
        return math.sqrt(float(self._variance[point, 0])) if len(self._variance) else 0.0

    def restart(self, points: slice) -> None:
        """Forgets some of the points: the next ones are returned as they are."""
        if self._value is not None:
            self._frames = self._frames.copy()
            self._frames[points] = 0
            self._rested = 0.0

    def loosen(self, point: int) -> None:
        """Lets a point that rests or is held follow the next values, until it has come to rest again."""
        if self._value is not None:
            self._known = self._known.copy()
            self._known[point] = min(self._known[point, 0], RESTED)
            self._rested = 0.0

    def _measure_noise(self, points: np.ndarray, step: float) -> None:
        """Measures noise by how much each point's last two steps differ, whatever the times between them."""
        change = points - self._before
        ratio = step / self._step  # 0 at the second value, as there is no earlier step
        whole = math.sqrt(1 + ratio**2 + (1 + ratio) ** 2)
        seen = _squared(change / whole - self._change * (ratio / whole))
        share = np.maximum(-math.expm1(-step / NOISE_MEMORY), 1 / np.maximum(self._frames - 2, 1))
        self._variance = np.where(self._frames > 2, self._variance + share * (seen - self._variance), 0)
        self._before, self._change, self._step = points, change, step


def _speed_of_both(
    one: tuple[np.ndarray, float], other: tuple[np.ndarray, float], unit: float | np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Speed (N, 1) m/s of two successive changes (N, D), each with its duration in s: the slower one's after `noise` m
    is taken off, and 0 where they go different ways."""
    speeds = [(unit * np.sqrt(_squared(change)) - noise) / step for change, step in (one, other)]
    along = (one[0] * other[0]) @ np.ones((one[0].shape[1], 1), one[0].dtype)
    return np.where(along > 0, np.maximum(np.minimum(*speeds), 0), 0)


def _squared(vectors: np.ndarray) -> np.ndarray:
    """Squared lengths (N, 1) of vectors (N, D)."""
    squares = vectors**2
    return squares @ np.ones((vectors.shape[1], 1), squares.dtype)
