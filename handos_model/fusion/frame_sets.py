"""FrameSets: what several cameras saw at the same times, from messages that come one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

NS = 10**9
SLOP = 0.02
"""Maximum difference of stamps that belong together, in s: more than half a frame of unsynchronised 30 Hz cameras."""
MAX_WAITING = 100
"""Frames of one camera that are kept: more are waiting for nothing that will come."""

FrameT = TypeVar("FrameT")


@dataclass(frozen=True)
class FrameSet(Generic[FrameT]):
    """Frames of one time, at most one of each camera."""

    stamp_ns: int
    """The mean of its frames'."""
    frames: dict[str, FrameT]
    """By the camera's name."""


@dataclass
class _Waiting(Generic[FrameT]):
    stamp_ns: int
    arrived: float
    frame: FrameT


class FrameSets(Generic[FrameT]):
    """Puts frames together whose stamps lie within `slop` of each other.

    A set is given out as soon as every camera that sends has its frame in it or is known to have none, or when it has
    waited: a camera that stops, or is slower, keeps the others up by no more than `wait`. Sets come in the order of
    their stamps; frames that come after their time are dropped and counted.
    """

    def __init__(self, cameras: Iterable[str], slop: float, wait: float, silence: float) -> None:
        """slop, wait: s; silence: s without a frame after which a camera is no longer waited for."""
        self._slop, self._wait, self._silence = round(slop * NS), wait, silence
        self._waiting: dict[str, deque[_Waiting[FrameT]]] = {name: deque() for name in cameras}
        self._newest: dict[str, _Waiting[FrameT]] = {}
        self._given: int | None = None  # ns, the stamp of the last set
        self.late: dict[str, int] = dict.fromkeys(self._waiting, 0)
        """Frames of each camera that came after their time."""
        self.restarts = 0
        """How often the stamps of a camera jumped back, which restarts everything."""

    def add(self, camera: str, stamp_ns: int, frame: FrameT, now: float) -> None:
        """A frame that came at `now`, s of a clock that is steady."""
        last = self._newest.get(camera)
        if last is not None and stamp_ns < last.stamp_ns - self._slop:
            self.restart()
        newest = _Waiting(stamp_ns, now, frame)
        self._newest[camera] = newest
        if self._given is not None and stamp_ns <= self._given:
            self.late[camera] += 1
            return
        queue = self._waiting[camera]
        queue.append(newest)
        if len(queue) > MAX_WAITING:
            queue.popleft()
            self.late[camera] += 1

    def restart(self) -> None:
        """As at the start, but for what was counted."""
        for queue in self._waiting.values():
            queue.clear()
        self._newest.clear()
        self._given = None
        self.restarts += 1

    def sends(self, camera: str, now: float) -> bool:
        """Whether a camera sent a frame in the last `silence` s."""
        return camera in self._newest and now - self._newest[camera].arrived <= self._silence

    def offset(self, camera: str) -> float:
        """s by which the newest stamp of a camera lies before the moment at which it came; NaN without a frame."""
        newest = self._newest.get(camera)
        return newest.arrived - newest.stamp_ns / NS if newest else float("nan")

    def ready(self, now: float) -> list[FrameSet[FrameT]]:
        """Sets that are complete, or have waited long enough."""
        sets = []
        while (found := self._next(now)) is not None:
            sets.append(found)
        return sets

    def rest(self) -> list[FrameSet[FrameT]]:
        """All that is left: no frame comes any more."""
        return self.ready(float("inf"))

    def _next(self, now: float) -> FrameSet[FrameT] | None:
        fronts = [queue[0] for queue in self._waiting.values() if queue]
        if not fronts:
            return None
        first = min(fronts, key=lambda front: front.stamp_ns)
        last = first.stamp_ns + self._slop
        chosen = {name: queue[0] for name, queue in self._waiting.items() if queue and queue[0].stamp_ns <= last}
        if now - first.arrived < self._wait and any(self._may_come(name, last, now) for name in self._waiting):
            return None
        for name in chosen:
            self._waiting[name].popleft()
        stamp = sum(frame.stamp_ns for frame in chosen.values()) // len(chosen)
        stamp = max(stamp, first.stamp_ns if self._given is None else self._given + 1)
        self._given = stamp
        return FrameSet(stamp, {name: frame.frame for name, frame in chosen.items()})

    def _may_come(self, camera: str, last_ns: int, now: float) -> bool:
        """Whether a frame of this stamp or an earlier one is still to be expected of a camera that has none waiting."""
        return not self._waiting[camera] and self.sends(camera, now) and self._newest[camera].stamp_ns < last_ns
