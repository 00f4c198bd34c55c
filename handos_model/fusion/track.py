"""FusedTrack: one hand from frame to frame, whichever cameras see it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from handos_model.fusion.association import Group
from handos_model.fusion.sighting import Sighting
from handos_model.fusion.triangulation import triangulate
from handos_model.hand import Hand, palm_length
from handos_model.tracking.hand_size import MAX_FRAMES
from handos_model.tracking.tracker import (
    GATE,
    LONGEST_FORESIGHT,
    VELOCITY_MEMORY,
    SideVotes,
    TrackerOptions,
)
from handos_model.wrist_pose import SHAPE_DEVIATION

ALONG = 0.25
"""Weight of a metre along the ray relative to one across it, if only one camera shows how far away the hand is."""
SAME_SOURCE = 0.5
"""By how many hand sizes a hand counts as closer to its track if a camera gave it an id that the track knows."""
OPTIONS = TrackerOptions()


def points_of(group: Group) -> np.ndarray:
    """Joints (21, 3) m of one hand before its track is known."""
    return group[0].points if len(group) == 1 else triangulate(group).joints


def rays_of(group: Group) -> np.ndarray:
    """Directions (21, 3) along which the joints of one hand are uncertain: their rays if one camera sees it, else 0."""
    reach = group[0].reach
    return reach / np.linalg.norm(reach, axis=1, keepdims=True) if len(group) == 1 else np.zeros_like(reach)


class MeasuredSize:
    """The size of one hand as measured by several cameras or a depth image; a single camera can only guess it."""

    def __init__(self) -> None:
        self._frames = 0
        self._size = 0.0  # m

    def learn(self, hand: Hand) -> None:
        """Updates the size from a hand whose metres are measured; ignores others."""
        if hand.scale_source in ("triangulated", "depth") and (now := palm_length(hand)) > 0:
            self._frames = min(self._frames + 1, MAX_FRAMES)
            self._size += (now - self._size) / self._frames

    def known(self, seen: Sighting) -> Sighting:
        """The hand scaled to this size, if it is known and the hand's own camera has not measured it."""
        now = palm_length(seen.hand)
        if not self._frames or seen.hand.scale_source == "depth" or not now > 0:
            return seen
        return seen.scaled(self._size / now, "remembered", SHAPE_DEVIATION)


class FusedTrack:
    """One hand: id, side, size, and where it is expected."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.side = SideVotes()
        self.size = MeasuredSize()
        self.seen = -math.inf
        """s, when it was last seen."""
        self.sources: list[tuple[str, int]] = []
        """(camera, id) of the cameras that saw it then, if they track it."""
        self._joints = np.zeros((21, 3))
        self._velocity = np.zeros(3)  # m / s
        self._voted = -math.inf

    def costs(self, groups: Sequence[Group], points: np.ndarray, rays: np.ndarray, stamp: float) -> np.ndarray:
        """Distances (N,) of hands from where this one is expected, in sizes of this hand, minus GATE: those of 0 or
        more are other hands.

        points, rays: points_of and rays_of the groups, (N, 21, 3).
        """
        ahead = min(stamp - self.seen, LONGEST_FORESIGHT)
        off = points - (self._joints + ahead * self._velocity)
        along = np.einsum("njx,njx->nj", off, rays)
        squares = np.einsum("njx,njx->nj", off, off) - (1 - ALONG**2) * along**2
        size = max(float(np.ptp(self._joints, axis=0).max()), 1e-3)
        costs = np.sqrt(squares).mean(axis=1) / size - GATE
        for near in np.flatnonzero(costs < SAME_SOURCE).tolist():
            known = any(seen.source in self.sources for seen in groups[near])
            sides = [self.side.cost(seen.hand) for seen in groups[near]]
            costs[near] += sum(sides) / len(sides) - SAME_SOURCE * known
        return costs

    def vote(self, hands: list[Hand], stamp: float) -> None:
        """Adds the vote of each camera for the side."""
        step = stamp - self._voted if math.isfinite(self._voted) else 0.0
        self._voted = stamp
        for hand in hands:
            self.side.add(hand.side, hand.side_confidence, step, OPTIONS)
            step = 0.0

    def move(self, joints: np.ndarray, sources: list[tuple[str, int]], stamp: float) -> None:
        """Moves the track to joints (21, 3) m at this time."""
        step = stamp - self.seen
        if math.isfinite(step) and step > 0:
            kept = math.exp(-step / VELOCITY_MEMORY)
            moved = (joints.mean(axis=0) - self._joints.mean(axis=0)) / step
            self._velocity = kept * self._velocity + (1 - kept) * moved
        self._joints, self.seen = joints, stamp
        self.sources = [source for source in sources if source[1] >= 0]
