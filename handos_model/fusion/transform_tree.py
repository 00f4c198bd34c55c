"""TransformTree: camera poses from /tf and /tf_static, live or recorded, without tf2_ros, which is not on PyPI."""

from __future__ import annotations

import bisect
import math
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from handos_model.fusion.extrinsics import Extrinsics, impossible
from handos_model.io.files import one_line
from handos_model.io.frame import LONGEST_NAME
from handos_model.io.recording.transforms import Transform
from handos_model.kinematics.frames import quaternion

MEMORY = 10.0
"""Time in s for which moving transforms are kept."""
LONGEST_WAY = 100
"""Maximum number of frames on a path between two frames: longer paths are cycles."""
MAX_TF_FRAMES = 10_000
"""Maximum number of frames that are stored: more than any robot has, so that random names cannot fill the memory."""
MAX_PARENTS = 10
"""Maximum number of parents that are remembered of one frame; two already are a configuration error."""
MAX_POSES = 1_000_000
"""Maximum number of moving transforms that are stored: about 30 frames at 1 kHz; with more, each is kept less long."""
AHEAD = 0.2
"""How far, in s, the nearest moving transform may be from the time for which it is needed, without one beyond it."""
LONGEST_GAP = 2.0
"""Longest time in s between two transforms between which poses are interpolated: beyond, they would be invented."""


_Sent = tuple[tuple[float, float, float], tuple[float, float, float, float]]
"""Position in m and rotation x, y, z, w of a pose that Extrinsics takes, which it becomes when it is asked for."""


class NoTransform(ValueError):
    """A frame has no pose in another one; the message says why."""


@dataclass
class _Link:
    """Poses over time of a frame in its parent."""

    parent: str
    static: bool
    stamps: deque[float]
    poses: deque[_Sent]
    doubted: bool = False
    """Whether the latest transform was passed over, as its stamp lay far ahead."""

    def reaches(self, stamp: float) -> bool:
        """Whether it goes up to a time in s; a single transform may have a wrong stamp, so another must confirm one
        that is too far ahead to be used."""
        last = self.stamps[-1]
        return self.static or stamp <= last and (len(self.stamps) > 1 or last <= stamp + AHEAD)


class TransformTree:
    """Stores the transforms of every frame, and looks up the pose of a camera at a time."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._poses = 0
        self._heard: defaultdict[str, dict[str, float]] = defaultdict(dict)  # child, parent, time.monotonic()
        self.refused = ""
        """Why the latest unusable transform could not be used; empty if all were usable."""
        self.refusals = 0
        """Number of unusable transforms."""

    def refuse(self, why: str) -> None:
        """Counts something on /tf or /tf_static that cannot be used."""
        self.refused = why
        self.refusals += 1

    def statics(self) -> TransformTree:
        """A new tree with the static transforms of this one."""
        tree = TransformTree()
        tree._links = {child: link for child, link in self._links.items() if link.static}
        tree._poses = len(tree._links)
        return tree

    def keep_static(self, transforms: Iterable[Transform]) -> None:
        """Stores those of a message of /tf_static."""
        for transform in transforms:
            self._keep(transform, static=True)

    def keep(self, transforms: Iterable[Transform]) -> None:
        """Stores those of a message of /tf."""
        for transform in transforms:
            self._keep(transform, static=False)

    def _keep(self, transform: Transform, static: bool) -> None:
        parent, child, stamp = transform.parent.lstrip("/"), transform.child.lstrip("/"), transform.stamp
        if not parent or not child or parent == child:
            return
        if (length := max(len(parent), len(child))) > LONGEST_NAME:
            self.refuse(f"a frame's name has {length} characters, must have at most {LONGEST_NAME}")
            return
        if child not in self._links and len(self._links) >= MAX_TF_FRAMES:
            self.refuse(f"more than {MAX_TF_FRAMES} frames are published")
            return
        pose = transform.position, transform.rotation
        if why := impossible(*pose):
            self.refuse(f"the transform from {one_line(parent)} to {one_line(child)} cannot be used: {why}")
            return
        heard = self._heard[child]
        heard[parent] = math.inf if static else time.monotonic()
        if len(heard) > MAX_PARENTS:
            del heard[min(heard, key=lambda one: heard[one])]
        link = self._links.get(child)
        if link is None or static or link.static or link.parent != parent:
            self._begin(child, _Link(parent, static, deque([stamp]), deque([pose])))
        elif stamp < link.stamps[-1] - AHEAD:  # its clock was set back, or its first stamp was wrong
            if len(link.stamps) == 1 and stamp < link.stamps[0] - MEMORY:
                self._refuse_ahead(child)
            self._begin(child, _Link(parent, static, deque([stamp]), deque([pose])))
        elif self._follows(child, link, stamp):
            self._insert(link, stamp, pose)

    def _begin(self, child: str, link: _Link) -> None:
        self._poses += 1 - (len(self._links[child].stamps) if child in self._links else 0)
        self._links[child] = link

    def _follows(self, child: str, link: _Link, stamp: float) -> bool:
        """Whether a moving transform goes on from those before: one far ahead does if the next is ahead as well, since
        a single wrong stamp would make all before it too old."""
        ahead = stamp > link.stamps[-1] + MEMORY
        if link.doubted and not ahead:
            self._refuse_ahead(child)
        link.doubted, passed = ahead and not link.doubted, link.doubted
        return passed or not ahead

    def _refuse_ahead(self, child: str) -> None:
        self.refuse(f"a stamp of the transform of {one_line(child)} was more than {MEMORY:g} s ahead of the next")

    def _insert(self, link: _Link, stamp: float, pose: _Sent) -> None:
        newer = stamp > link.stamps[-1]
        place = len(link.stamps) if newer else bisect.bisect_left(link.stamps, stamp)
        if not newer and link.stamps[place] == stamp:  # time stands still, as in a paused simulation
            link.poses[place] = pose
            return
        link.stamps.insert(place, stamp)
        link.poses.insert(place, pose)
        self._poses += 1
        oldest = link.stamps[-1] - MEMORY
        while len(link.stamps) > 1 and (link.stamps[1] < oldest or self._poses > MAX_POSES):
            link.stamps.popleft()
            link.poses.popleft()
            self._poses -= 1

    def parents(self, frame: str, since: float) -> set[str]:
        """Parents with which a frame was published after a time.monotonic(); more than one is a configuration error.

        Static ones always belong to them, as they are published only once.
        """
        return {parent for parent, last in self._heard.get(frame.lstrip("/"), {}).items() if last >= since}

    def pose(self, frame: str, common: str, stamp: float) -> Extrinsics:
        """Pose of a frame in the common frame at a time in s; raises NoTransform with one sentence if it is unknown."""
        ours, theirs = self._ways(frame, common)
        down = self._along(ours, stamp)  # frame in the one that both are in
        up = self._along(theirs, stamp)  # common in it
        turn = up.rotation.T
        return Extrinsics(turn @ down.rotation, turn @ (down.position - up.position))

    def reaches(self, frame: str, common: str, stamp: float) -> bool:
        """Whether the transforms up to a time in s have come for every frame between the two."""
        try:
            return all(self._links[child].reaches(stamp) for way in self._ways(frame, common) for child in way)
        except NoTransform:
            return False

    def _ways(self, frame: str, common: str) -> tuple[list[str], list[str]]:
        """The frames from each of the two upwards, to below the first that both are in; NoTransform without one."""
        ours, theirs = self._way(frame.lstrip("/")), self._way(common.lstrip("/"))
        shared = next((name for name in ours if name in theirs), None)
        if shared is None:
            known = f"{frame} is not published" if len(ours) == 1 else f"{common} is not connected to it"
            raise NoTransform(f"there is no transform from {common} to {frame}: {known}")
        return ours[: ours.index(shared)], theirs[: theirs.index(shared)]

    def _way(self, frame: str) -> list[str]:
        """The frame, its parent, and so on to the root."""
        way = [frame]
        while (link := self._links.get(way[-1])) is not None:
            if len(way) > LONGEST_WAY or link.parent in way:
                raise NoTransform(f"the frames above {frame} form a circle, or are more than {LONGEST_WAY}")
            way.append(link.parent)
        return way

    def _along(self, children: list[str], stamp: float) -> Extrinsics:
        rotation, position = np.eye(3), np.zeros(3)
        for child in children:
            step = self._at(child, stamp)
            rotation, position = step.rotation @ rotation, step.rotation @ position + step.position
        return Extrinsics(rotation, position)

    def _at(self, child: str, stamp: float) -> Extrinsics:
        link = self._links[child]
        if link.static:
            return _pose(link.poses[0])
        after = bisect.bisect_left(link.stamps, stamp)
        since = stamp - link.stamps[after - 1] if after else math.inf
        until = link.stamps[after] - stamp if after < len(link.stamps) else math.inf
        if since + until <= LONGEST_GAP:
            return _between(_pose(link.poses[after - 1]), _pose(link.poses[after]), since / (since + until))
        if min(since, until) <= AHEAD:
            return _pose(link.poses[after - 1 if since < until else after])
        if until == math.inf:
            raise NoTransform(f"the transform of {child} ended {since:.1f} s before the hands")
        if since == math.inf:
            raise NoTransform(f"the transform of {child} began {until:.1f} s after the hands")
        raise NoTransform(f"the transform of {child} is missing for {since + until:.1f} s around the hands")


@lru_cache(maxsize=1024)  # static ones are asked for in every frame
def _pose(sent: _Sent) -> Extrinsics:
    return Extrinsics.from_quaternion(*sent)


def _between(one: Extrinsics, other: Extrinsics, share: float) -> Extrinsics:
    """Interpolates poses, linearly in position and spherically in rotation."""
    p, q = quaternion(one.rotation), quaternion(other.rotation)
    cosine = float(p @ q)
    if cosine < 0:
        q, cosine = -q, -cosine
    angle = math.acos(min(cosine, 1.0))
    first, second = (
        (1 - share, share)
        if angle < 1e-6
        else (math.sin((1 - share) * angle) / math.sin(angle), math.sin(share * angle) / math.sin(angle))
    )
    turn = first * p + second * q
    return Extrinsics.from_quaternion(
        (1 - share) * one.position + share * other.position, turn / float(np.linalg.norm(turn))
    )
