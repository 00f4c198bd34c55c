"""TransformTree: camera poses from /tf and /tf_static, live or recorded, without tf2_ros, which is not on PyPI."""

from __future__ import annotations

import bisect
import math
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handos_model.fusion.extrinsics import Extrinsics
from handos_model.io.files import one_line
from handos_model.io.frame import LONGEST_NAME
from handos_model.kinematics.frames import quaternion

MEMORY = 10.0
"""Time in s for which moving transforms are kept."""
LONGEST_WAY = 100
"""Maximum number of frames on a path between two frames: longer paths are cycles."""
MAX_FRAMES = 10_000
"""Maximum number of frames that are stored: more than any robot has, so that random names cannot fill the memory."""
MAX_PARENTS = 10
"""Maximum number of parents that are remembered of one frame; two already are a configuration error."""
AHEAD = 0.2
"""How far, in s, the first or last moving transform may be from the time for which it is needed."""


class NoTransform(ValueError):
    """A frame has no pose in another one; the message says why."""


@dataclass
class _Link:
    """Poses over time of a frame in its parent."""

    parent: str
    static: bool
    stamps: list[float] = field(default_factory=list)
    poses: list[Extrinsics] = field(default_factory=list)


class TransformTree:
    """Stores the transforms of every frame, and looks up the pose of a camera at a time.

    Its messages are those of ROS, or what rosbags reads from a recording, which has the same fields.
    """

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._heard: defaultdict[str, dict[str, float]] = defaultdict(dict)  # child, parent, time.monotonic()
        self.refused = ""
        """Why the latest unusable transform could not be used; empty if all were usable."""

    def keep_static(self, message: Any) -> None:
        """Stores a message of /tf_static."""
        for transform in message.transforms:
            self._keep(transform, static=True)

    def keep(self, message: Any) -> None:
        """Stores a message of /tf."""
        for transform in message.transforms:
            self._keep(transform, static=False)

    def _keep(self, transform: Any, static: bool) -> None:
        parent, child = (name.lstrip("/") for name in (transform.header.frame_id, transform.child_frame_id))
        t, q = transform.transform.translation, transform.transform.rotation
        if not parent or not child or parent == child:
            return
        if (length := max(len(parent), len(child))) > LONGEST_NAME:
            self.refused = f"a frame's name has {length} characters, must have at most {LONGEST_NAME}"
            return
        if child not in self._links and len(self._links) >= MAX_FRAMES:
            self.refused = f"more than {MAX_FRAMES} frames are published"
            return
        try:
            pose = Extrinsics.from_quaternion((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))
        except ValueError as error:
            self.refused = f"the transform from {one_line(parent)} to {one_line(child)} cannot be used: {error}"
            return
        heard = self._heard[child]
        heard[parent] = math.inf if static else time.monotonic()
        if len(heard) > MAX_PARENTS:
            del heard[min(heard, key=lambda one: heard[one])]
        stamp = transform.header.stamp.sec + transform.header.stamp.nanosec * 1e-9
        link = self._links.get(child)
        back = link is not None and link.stamps and stamp < link.stamps[-1] - AHEAD  # its clock was set back
        if link is None or static or link.static or link.parent != parent or back:
            self._links[child] = _Link(parent, static, [stamp], [pose])
            return
        place = bisect.bisect_left(link.stamps, stamp)
        if link.stamps[place : place + 1] == [stamp]:  # time stands still, as in a paused simulation
            link.poses[place] = pose
            return
        link.stamps.insert(place, stamp)
        link.poses.insert(place, pose)
        while link.stamps[0] < link.stamps[-1] - MEMORY:
            del link.stamps[0], link.poses[0]

    def parents(self, frame: str, since: float) -> set[str]:
        """Parents with which a frame was published after a time.monotonic(); more than one is a configuration error.

        Static ones always belong to them, as they are published only once.
        """
        return {parent for parent, last in self._heard.get(frame.lstrip("/"), {}).items() if last >= since}

    def pose(self, frame: str, common: str, stamp: float) -> Extrinsics:
        """Pose of a frame in the common frame at a time in s; raises NoTransform with one sentence if it is unknown."""
        ours, theirs = self._way(frame.lstrip("/")), self._way(common.lstrip("/"))
        shared = next((name for name in ours if name in theirs), None)
        if shared is None:
            known = f"{frame} is not published" if len(ours) == 1 else f"{common} is not connected to it"
            raise NoTransform(f"there is no transform from {common} to {frame}: {known}")
        down = self._along(ours[: ours.index(shared)], stamp)  # frame in shared
        up = self._along(theirs[: theirs.index(shared)], stamp)  # common in shared
        turn = up.rotation.T
        return Extrinsics(turn @ down.rotation, turn @ (down.position - up.position))

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
            return link.poses[0]
        after = bisect.bisect_left(link.stamps, stamp)
        if after == len(link.stamps):
            if stamp - link.stamps[-1] > AHEAD:
                raise NoTransform(f"the transform of {child} ended {stamp - link.stamps[-1]:.1f} s before the hands")
            return link.poses[-1]
        if after == 0:
            if link.stamps[0] - stamp > AHEAD:
                raise NoTransform(f"the transform of {child} began {link.stamps[0] - stamp:.1f} s after the hands")
            return link.poses[0]
        share = (stamp - link.stamps[after - 1]) / (link.stamps[after] - link.stamps[after - 1])
        return _between(link.poses[after - 1], link.poses[after], share)


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
