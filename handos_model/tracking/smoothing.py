"""Smooth motion of one hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from handos_model.hand import Hand, joints_box
from handos_model.tracking.one_euro import CLEAR, OneEuro
from handos_model.tracking.plain_joints import PlainJoints, long_edge

REMEMBERED = 0.1
"""Weight of a place whose depth follows from the hand's remembered size, against 1 for a measured one: it is off by one
or two per cent, and a hand at rest shall stay where it was measured."""
MOST_DOUBT = 0.025
"""Largest change of a hand's distance, as a fraction, that the noise of its nearness can put in doubt: a smaller change
does not count, and one of twice that counts in full."""
SPREADS = 3.0
"""Number of standard deviations of its measured sizes that a hand's distance may change without having moved: where the
network sees a hand in two poses, its size in the image changes with them."""
LONG_UNMEASURED = 3.0
"""s without a measurement after which this no longer counts: a hand may be far from where it was then."""
FARTHEST_OFF = 0.015
"""A single measurement that is farther off, as a fraction of the distance, counts as this far off: it may be of
something in front of the hand."""
UNMEASURED = 1.0
"""s without a measurement after which the next ones move even a hand at rest, as it may have crept in between."""


class HandSmoother:
    """One Euro filters of one hand: for the wrist, for the shape around it, and for the joints in the image."""

    WRIST, SHAPE, PIXELS = slice(0, 3), slice(3, -22), slice(-22, -1)
    DEPTH, NEARNESS = 2, -1
    """Indices of these points in the filter. The wrist's coordinates are separate points, since its depth is far less
    certain than the rest. If a hand seems to move along the ray, its nearness, the logarithm of its size in the image,
    or most of its joints in the image must show that as well: the network may see the pose of a resting hand, and
    therefore its depth, differently from frame to frame."""

    def __init__(self) -> None:
        self._filter = OneEuro()
        self._measured: tuple[float, float] | None = None  # depth of the wrist, m, and nearness when it was measured
        self._unmeasured = 0.0  # s since then

    def smooth(
        self, hand: Hand, joints: PlainJoints, step: float, min_cutoff: float, beta: float, spread: float
    ) -> Hand:
        """The hand with these joints, `step` s after the one before, smoothed. spread: HandSize.spread.

        Joints and vertices are smoothed relative to the wrist, point by point. Speeds in the image are converted to
        metres by the ratio of the hand's extents in space and in the image: the width of a pixel at its distance.
        """
        nearness = math.log(max(joints.spread, 1e-6))
        self._unmeasured += step
        if hand.scale_source == "depth":
            if self._measured is None:
                self.restart_place()
                self._measured = float(hand.translation[2]), nearness
            elif self._unmeasured > UNMEASURED:
                self._filter.loosen(self.DEPTH)
            self._unmeasured = 0.0
        points = np.zeros((3 + 21 + len(hand.vertices) + 21 + 1, 3), np.float32)
        points[self.WRIST].flat[::4] = self._place(hand, nearness, spread)
        points[3:24], points[24:-22] = hand.joints_3d, hand.vertices
        points[self.SHAPE] -= hand.translation
        points[self.PIXELS, :2] = hand.joints_2d
        points[self.NEARNESS, 0] = nearness
        unit = np.ones((len(points), 1), np.float32)
        unit[self.PIXELS] = long_edge(hand.joints_3d[:, :2].T.tolist()) / max(joints.extent, 1e-6)
        unit[self.NEARNESS] = abs(hand.translation[2])
        trust = np.ones_like(unit)
        trust[self.WRIST] = REMEMBERED if hand.scale_source == "remembered" else 1.0
        held = self.DEPTH, self.NEARNESS, self.PIXELS
        points = self._filter.update(points, step, min_cutoff, beta, unit, trust, held)
        place, joints_2d = points[self.WRIST].diagonal().copy(), points[self.PIXELS, :2].copy()
        shape = points[self.SHAPE] + place
        if hand.scale_source == "depth":  # a mean of both: a single measurement is noisy, a smoothed one lags
            smoothed, most = float(place[2]), FARTHEST_OFF * abs(float(place[2]))
            newer = min(max(float(hand.translation[2]) - smoothed, -most), most)
            self._measured = smoothed + newer / 2, nearness
        return replace(
            hand,
            translation=place,
            joints_3d=shape[:21].copy(),  # which may be kept without the mesh
            vertices=shape[21:],
            joints_2d=joints_2d,
            box=joints_box(joints_2d.astype(np.float64)).astype(np.float32),
        )

    def restart_shape(self) -> None:
        """Makes the next shape independent of those before."""
        self._filter.restart(self.SHAPE)

    def restart_place(self) -> None:
        """Makes the next distance independent of those before, as after the first measurement."""
        self._filter.restart(self.WRIST)
        self._measured = None

    def _place(self, hand: Hand, nearness: float, spread: float) -> np.ndarray:
        """The wrist (3,) m. If the hand's size is remembered, its depth is the one measured last plus the change since
        then on which the remembered size and the size in the image agree."""
        if hand.scale_source != "remembered" or self._measured is None or not hand.translation[2] > 0:
            return hand.translation
        depth, nearness_then = self._measured
        farther = math.log(float(hand.translation[2]) / max(depth, 1e-6))
        doubt = min(CLEAR * self._filter.noise(self.NEARNESS), MOST_DOUBT)
        if self._unmeasured < LONG_UNMEASURED:
            doubt = max(doubt, SPREADS * spread)
        change = _agreed(farther, nearness_then - nearness, doubt)
        return hand.translation * np.float32(math.exp(change - farther))


def _agreed(a: float, b: float, doubt: float) -> float:
    """The smaller of two changes if they have the same sign; reduced, down to 0, where it hardly exceeds the doubt."""
    if a * b <= 0:
        return 0.0
    change = min(abs(a), abs(b))
    return math.copysign(min(change, max(2 * (change - doubt), 0.0)), a)
