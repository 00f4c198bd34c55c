"""Tracking: ids that last across frames, sides decided over time, and smooth motion in metres."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from handos_model.hand import OTHER_SIDE, Hand
from handos_model.io.frame import checked_stamp
from handos_model.options import Adjustable, between
from handos_model.template.load import load_template
from handos_model.tracking.assignment import assign
from handos_model.tracking.hand_size import HandSize
from handos_model.tracking.mirroring import mesh_side, mirrored_in_depth
from handos_model.tracking.plain_joints import PlainJoints
from handos_model.tracking.smoothing import HandSmoother
from handos_model.tracking.track_clock import TrackClock

GATE = 1.0
"""Largest distance of a hand from where its track is expected: mean distance of the 2D joints in hand sizes."""
SIDE_COST = 0.3
"""By how many hand sizes a hand of the other side counts as farther away, when frame and track are both certain."""
VELOCITY_MEMORY = 0.1
"""s over which the velocity that predicts a track's place is averaged."""
LONGEST_FORESIGHT = 0.15
"""s for which a lost hand is expected to go on moving."""
DOUBT = 0.5
"""Votes against either side with which every track starts: they limit how much its first frame alone counts."""


@dataclass(frozen=True)
class TrackerOptions:
    """How hands are tracked. A value that is not finite or out of range raises ValueError."""

    smoothing: bool = True
    """Smooth 2D and 3D joints, vertices and translation, and give every hand its own size. If False, everything passes
    through unchanged, except that a size measured by depth is kept in frames without depth."""
    max_age: float = 0.3
    """s for which a hand that is not seen keeps its id, or 2.5 times the usual interval between frames if that is
    longer. Frames farther apart than this have no ids in common."""
    min_cutoff: float = 0.1
    """Hz, cut-off of the One Euro filters for a hand at rest: less is steadier, more is quicker."""
    beta: float = 50.0
    """Hz per m/s, by how much the cut-off rises with speed: a hand in steady motion lags by less than 0.06 / beta m
    and about the standard deviation of its noise."""
    side_memory: float = 1.0
    """s after which a frame's vote for a side counts 1 / e of a new one's."""
    side_switch: float = 0.2
    """Lead, as a fraction of all votes, that the other side needs before a track changes its side; 0 .. 1."""

    def __post_init__(self) -> None:
        for field in fields(self)[1:]:
            most = 1 if field.name == "side_switch" else math.inf
            value = between(0, most)(field.name, getattr(self, field.name))
            if field.name in ("min_cutoff", "side_memory") and value == 0:
                raise ValueError(f"{field.name} is 0, must be greater than 0")
            object.__setattr__(self, field.name, value)


class HandTracker(Adjustable):
    """Follows the hands of one camera; `update` is called on every frame, also when it shows none."""

    def __init__(self, options: TrackerOptions | None = None, faces: np.ndarray | None = None) -> None:
        """faces (F, 3): of the hands' template, the embedded one's when None."""
        self._faces = load_template().faces if faces is None else faces
        self.options = TrackerOptions() if options is None else options
        """They may be replaced between two frames; hands keep their ids."""
        self._tracks: list[Track] = []
        self._next_id = 0
        self._clock = TrackClock()
        self._made = True

    @property
    def resets(self) -> int:
        """How often the stamps jumped back."""
        return self._clock.jumps

    @property
    def ids(self) -> set[int]:
        """Ids of all tracked hands, including those that the last frame did not show."""
        return {track.id for track in self._tracks}

    def update(self, hands: list[Hand], stamp: float) -> list[Hand]:
        """The same hands in the same order, smoothed, with id >= 0 and the side of their track; `stamp` in s.

        side and side_confidence are the track's. If a single frame saw the other side, its joints_3d and vertices are
        mirrored_in_depth, so that the mesh always has the chirality of its side, even without smoothing. box follows
        joints_2d; score and joint_confidence stay those of the frame. A hand that contains NaN or infinity is returned
        as it is, with id -1. A stamp before the last one, or more than max_age after it, starts everything anew; ids
        are never used twice. Raises ValueError for a stamp that is not finite or too large to be seconds.
        """
        self._advance(checked_stamp(stamp))
        finite = [index for index, hand in enumerate(hands) if _is_finite(hand)]
        seen = [(hands[index], PlainJoints(hands[index].joints_2d)) for index in finite]
        pairs = dict(assign(self._costs(seen)))
        tracked = [hand if index in finite else replace(hand, id=-1) for index, hand in enumerate(hands)]
        for row, index in enumerate(finite):
            track = self._tracks[pairs[row]] if row in pairs else self._start()
            tracked[index] = track.follow(*seen[row], self._clock.now, self.options)
        return tracked

    def reset(self) -> None:
        """Forgets all hands; ids go on counting."""
        self._tracks = []
        self._clock.restart()

    def forget_sizes(self) -> None:
        """Estimates sizes anew, as after a change of the hand scale; hands keep their ids."""
        for track in self._tracks:
            track.forget_size()

    def continues(self, stamp: float) -> bool:
        """Whether a frame with this stamp follows the last one so soon that hands keep their ids."""
        return self._clock.continues(stamp, self.options.max_age)

    def _advance(self, stamp: float) -> None:
        age = self._clock.advance(stamp, self.options.max_age)
        self._tracks = [track for track in self._tracks if self._clock.now - track.seen <= age]
        if not self._tracks:
            self._clock.now = 0.0  # keeps numbers small: after a leap of the stamps, steps would be lost in rounding

    def _costs(self, seen: list[tuple[Hand, PlainJoints]]) -> list[list[float]]:
        """H rows of T: distance of a hand from a track in hand sizes, minus GATE; pairs of 0 or more do not match."""
        now = self._clock.now
        return [[track.distance(hand, joints, now) - GATE for track in self._tracks] for hand, joints in seen]

    def _start(self) -> Track:
        track = Track(self._next_id, self._faces)
        self._next_id += 1
        self._tracks.append(track)
        return track


class Track:
    """One hand across frames."""

    def __init__(self, number: int, faces: np.ndarray) -> None:
        self.id = number
        self._faces = faces
        self.seen = 0.0
        """s of the tracker's clock when the hand was last seen."""
        self.side = SideVotes()
        self._smoother = HandSmoother()
        self.size = HandSize()
        self._joints: PlainJoints | None = None  # as last seen
        self._velocity = [0.0, 0.0]  # px / s

    def distance(self, hand: Hand, joints: PlainJoints, clock: float) -> float:
        """Distance of a hand with these joints from where this one is expected, in hand sizes; a wrong side adds."""
        assert self._joints is not None  # every track begins with a hand
        ahead = min(clock - self.seen, LONGEST_FORESIGHT)
        dx, dy = (ahead * speed for speed in self._velocity)
        expected = [(x + dx, y + dy) for x, y in self._joints.places]
        pixels = sum(map(math.dist, joints.places, expected)) / len(expected)
        return pixels / max(joints.extent, self._joints.extent, 1e-6) + self.side.cost(hand)

    def follow(self, hand: Hand, joints: PlainJoints, clock: float, options: TrackerOptions) -> Hand:
        """The hand with these joints, as this track publishes it, `clock` s after the tracker's start."""
        step = clock - self.seen
        self.seen = clock
        self._move(joints, step)
        before = self.side.decided
        self.side.add(hand.side, hand.side_confidence, step, options)
        if OTHER_SIDE.get(mesh_side(hand, self._faces)) == self.side.decided:
            hand = mirrored_in_depth(hand)
        if not options.smoothing:
            self._smoother = HandSmoother()
            hand = self.size.remembered(hand, step)
        else:
            hand = self.size.kept(hand, step)
            if self.side.decided != before:
                self._smoother.restart_shape()  # a mean of a hand and its mirror image is flat
            hand = self._smoother.smooth(hand, joints, step, options.min_cutoff, options.beta, self.size.spread)
        return replace(hand, id=self.id, side=self.side.decided, side_confidence=self.side.confidence)

    def forget_size(self) -> None:
        """Makes the next size, and with it the distance, independent of those before."""
        self.size = HandSize()
        self._smoother.restart_place()

    def _move(self, joints: PlainJoints, step: float) -> None:
        if self._joints is not None:
            kept = math.exp(-step / VELOCITY_MEMORY)
            moved = zip(self._velocity, joints.mean, self._joints.mean, strict=True)
            self._velocity = [kept * old + (1 - kept) * (now - before) / step for old, now, before in moved]
        self._joints = joints


class SideVotes:
    """The side of one hand, by votes of single frames: they count by confidence and fade; a clear lead changes it."""

    def __init__(self) -> None:
        self.decided = "unknown"
        self._votes = {"left": 0.0, "right": 0.0}

    def add(self, side: str, confidence: float, step: float, options: TrackerOptions) -> None:
        """Adds the vote of one frame, `step` s after the previous one; "unknown" does not count."""
        kept = math.exp(-step / options.side_memory)
        self._votes = {name: kept * votes for name, votes in self._votes.items()}
        if side in self._votes:
            self._votes[side] += max(float(confidence), 0.0)
        leader = max(self._votes, key=self._votes.__getitem__)
        needed = 0.0 if self.decided == "unknown" else options.side_switch
        if self._lead(leader) > needed:
            self.decided = leader

    @property
    def confidence(self) -> float:
        """0..1: the lead of the decided side over the other as a fraction of all votes and DOUBT."""
        return 0.0 if self.decided == "unknown" else max(0.0, self._lead(self.decided))

    def cost(self, hand: Hand) -> float:
        """By how many hand sizes a hand counts as farther away because its frame shows the other side."""
        other = OTHER_SIDE.get(hand.side) == self.decided
        return SIDE_COST * self.confidence * hand.side_confidence if other else 0.0

    def _lead(self, side: str) -> float:
        total = sum(self._votes.values())
        return (2 * self._votes[side] - total) / (total + DOUBT)


def _is_finite(hand: Hand) -> bool:
    # A sum that includes NaN or infinity is not finite either.
    values = (hand.joints_2d, hand.joints_3d, hand.vertices, hand.translation)
    return math.isfinite(sum(float(value.sum()) for value in values) + hand.side_confidence)
