"""HandFusion: one set of hands from several cameras, frame after frame, with ids of their own."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from handos_model.fusion.association import Group, Together, groups
from handos_model.fusion.mesh_fit import placed_mesh
from handos_model.fusion.sighting import Sighting, View, sighting
from handos_model.fusion.track import FusedTrack, points_of, rays_of
from handos_model.fusion.triangulation import triangulate
from handos_model.hand import OTHER_SIDE, Hand
from handos_model.io.frame import checked_stamp
from handos_model.kinematics.inverse import anatomical
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.options import Adjustable
from handos_model.template.load import load_template
from handos_model.tracking.assignment import assign
from handos_model.tracking.mirroring import mesh_side
from handos_model.wrist_pose import wrist_covariance

MEASURED = 0.04
"""Relative standard deviation of the hand's distance below which the crossing rays of cameras measure its size."""
MAX_AGE = 0.5
"""s for which a hand that no camera sees keeps its id."""


@dataclass(frozen=True, eq=False)
class FusedHand:
    """A hand in the common frame, and where it comes from."""

    hand: Hand
    """In metres of the common frame, with the fusion's own id; box and joints_2d are NaN, as it belongs to no image."""
    wrist_covariance: np.ndarray
    """(6, 6) as from handos_model.wrist_pose.wrist_covariance, in the axes of the common frame."""
    cameras: tuple[str, ...]
    """Names of the cameras that see it."""
    gap: float
    """m by which the cameras disagree across their rays, root mean square over the joints; 0 for one camera."""


class HandFusion(Adjustable):
    """Makes one set of hands from what several cameras see at the same times.

    If only one camera is left, hands keep their ids and the size that the cameras measured (scale_source "remembered").
    """

    def __init__(self, faces: np.ndarray | None = None, max_age: float = MAX_AGE) -> None:
        """faces (F, 3): of the hands' template, the embedded one's when None; max_age: as MAX_AGE."""
        self._faces = load_template().faces if faces is None else faces
        self.max_age = max_age
        self.unusable = 0
        """Number of hands that were left out because their numbers are not those of a hand in front of a camera."""
        self._tracks: list[FusedTrack] = []
        self._next_id = 0
        self._stamp = -math.inf
        self._made = True

    @property
    def ids(self) -> set[int]:
        """Ids of all tracked hands, whether they are seen now or not."""
        return {track.id for track in self._tracks}

    def update(self, views: Sequence[View], stamp: float) -> list[FusedHand]:
        """The hands of one time, best score first; views: at most one from each camera; stamp in s.

        A stamp before the last one restarts everything; ids are never used twice. Raises ValueError for two views of
        one name, and for stamps as HandTracker.update does.
        """
        stamp = checked_stamp(stamp)
        names = [view.name for view in views]
        if len(set(names)) < len(names):  # their hands would never become one
            raise ValueError(f"views are called {', '.join(map(str, names))}, must each have a name of their own")
        if stamp < self._stamp:
            self._tracks = []
        self._stamp = stamp
        self._tracks = [track for track in self._tracks if stamp - track.seen <= self.max_age]
        found = groups([self._sightings(view) for view in views], self._together())
        fused = [self._follow(track, group, stamp) for track, group in self._tracked(found, stamp)]
        return sorted(fused, key=lambda one: -one.hand.score)

    def _sightings(self, view: View) -> list[Sighting]:
        seen = [sighting(view, hand) for hand in view.hands]
        usable = [one for one in seen if one is not None]
        self.unusable += len(seen) - len(usable)
        return usable

    def _together(self) -> Together:
        """Which (camera, id) are already one hand; untracked hands (-1) are left out, as ids do not tell them apart."""
        together: defaultdict[tuple[str, int], set[tuple[str, int]]] = defaultdict(set)
        for track in self._tracks:
            for source in track.sources:
                together[source].update(track.sources)
        return together

    def _tracked(self, found: list[Group], stamp: float) -> list[tuple[FusedTrack, Group]]:
        """Each group with the track that it continues, or with a new track."""
        if not found:
            return []
        before = list(self._tracks)
        points, rays = (np.array([of(group) for group in found]) for of in (points_of, rays_of))
        costs = [track.costs(found, points, rays, stamp) for track in before]
        pairs = {row: column for column, row in assign([cost.tolist() for cost in costs])}
        return [(before[pairs[row]] if row in pairs else self._start(), group) for row, group in enumerate(found)]

    def _start(self) -> FusedTrack:
        track = FusedTrack(self._next_id)
        self._next_id += 1
        self._tracks.append(track)
        return track

    def _follow(self, track: FusedTrack, group: Group, stamp: float) -> FusedHand:
        track.vote([seen.hand for seen in group], stamp)
        side = track.side.decided
        group = [track.size.known(self._of_side(seen, side)) for seen in group]
        hand, covariance, gap = _placed_by_one(group[0]) if len(group) == 1 else _placed_by_all(group)
        track.size.learn(hand)
        hand = replace(hand, id=track.id, side=side, side_confidence=track.side.confidence)
        track.move(hand.joints_3d.astype(np.float64), [seen.source for seen in group], stamp)
        return FusedHand(hand, covariance, tuple(seen.view.name for seen in group), gap)

    def _of_side(self, seen: Sighting, side: str) -> Sighting:
        """The sighting; if its camera saw the other side, the most similar-looking hand of this side instead."""
        turned = seen.turned if OTHER_SIDE.get(mesh_side(seen.hand, self._faces)) == side else None
        return seen if turned is None else replace(turned, hand=replace(turned.hand, side=side))


def possible(fused: list[FusedHand], skeleton: HandSkeleton | None = None) -> list[FusedHand]:
    """The same with the nearest anatomically possible hands: see handos_model.kinematics.anatomical."""
    hands = anatomical([one.hand for one in fused], skeleton)
    return [replace(one, hand=hand) for one, hand in zip(fused, hands, strict=True)]


def _placed_by_one(seen: Sighting) -> tuple[Hand, np.ndarray, float]:
    """Hand, covariance of its wrist and gap, as its only camera places it."""
    view, hand, move = seen.view, seen.hand, seen.view.extrinsics.to_common
    joints = move(hand.joints_3d)
    fused = _in_common(hand, joints, move(hand.vertices))
    turn = view.extrinsics.rotation
    covariance = np.zeros((6, 6))
    given = wrist_covariance(hand, view.camera, hand.side != "unknown").reshape(6, 6)
    for part in (slice(0, 3), slice(3, 6)):
        covariance[part, part] = turn @ given[part, part] @ turn.T
    return fused, covariance, 0.0


def _placed_by_all(group: Group) -> tuple[Hand, np.ndarray, float]:
    """Hand, covariance of its wrist and gap, by triangulation."""
    found = triangulate(group)
    hands = [seen.hand for seen in group]
    best = max(hands, key=lambda hand: hand.score)
    moved = [seen.view.extrinsics.to_common for seen in group]
    vertices = placed_mesh(
        [move(hand.vertices) for move, hand in zip(moved, hands, strict=True)],
        [move(hand.joints_3d) for move, hand in zip(moved, hands, strict=True)],
        [hand.joint_confidence for hand in hands],
        found.joints,
    )
    hand = _in_common(best, found.joints, vertices)
    confidence = np.max([hand.joint_confidence for hand in hands], axis=0)
    measured = found.scale_deviations.min() < MEASURED
    sources = {hand.scale_source for hand in hands}
    source = "triangulated" if measured else next(s for s in ("depth", "remembered", "user", "prior") if s in sources)
    turns = [wrist_covariance(seen.hand, seen.view.camera, seen.hand.side != "unknown")[-1] for seen in group]
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = (found.covariance[0] + found.covariance[0].T) / 2  # symmetric to the last bit
    covariance[3:, 3:] = np.eye(3) / sum(1 / turn for turn in turns)
    return replace(hand, joint_confidence=confidence, scale_source=source), covariance, _gap(group, found.joints)


def _gap(group: Group, joints: np.ndarray) -> float:
    """The value of FusedHand.gap."""
    squares = []
    for seen in group:
        rays = seen.reach / np.linalg.norm(seen.reach, axis=1, keepdims=True)
        off = joints - seen.view.extrinsics.position
        squares.append(((off - (off * rays).sum(axis=1, keepdims=True) * rays) ** 2).sum(axis=1))
    return float(np.sqrt(np.mean(squares)))


def _in_common(hand: Hand, joints: np.ndarray, vertices: np.ndarray) -> Hand:
    nowhere = np.float32(np.nan)
    return replace(
        hand,
        box=np.full(4, nowhere),
        joints_2d=np.full((21, 2), nowhere),
        joints_3d=joints.astype(np.float32),
        vertices=vertices.astype(np.float32),
        translation=joints[0].astype(np.float32),
        network_translation=None,
    )
