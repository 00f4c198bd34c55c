"""FrameSets: what several cameras saw at the same times, from messages that arrive one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from handos_model.io.frame import SECOND

SLOP = 0.02
"""Maximum difference in s of stamps that belong together: over half an interval of unsynchronised 30 Hz cameras."""
JITTER_NS = 1_000_000
"""By how much stamps may differ by more than half an interval and still belong together."""
STAMPS = 7
"""Number of the latest stamps that tell a camera's usual interval."""
MAX_WAITING = 100
"""Maximum number of frames of one camera that are kept: what more of them wait for will not come."""

FrameT = TypeVar("FrameT")


@dataclass(frozen=True)
class FrameSet(Generic[FrameT]):
    """Frames of one time, at most one from each camera."""

    stamp_ns: int
    """Mean of the stamps of its frames."""
    frames: dict[str, FrameT]
    """Frames by the name of the camera."""


@dataclass
class _Waiting(Generic[FrameT]):
    stamp_ns: int
    arrived: float
    frame: FrameT


class FrameSets(Generic[FrameT]):
    """Groups frames whose stamps lie within `slop` of each other, and within half an interval of the fastest camera.

    A set is ready as soon as every active camera has its frame in it or is known to have none, and at the latest after
    `wait`: so a camera that stops, or is slower, delays the others by no more than that. Sets are returned in the order
    of their stamps; frames that arrive too late for their set are dropped and counted.
    """

    def __init__(self, cameras: Iterable[str], slop: float, wait: float, silence: float) -> None:
        """slop, wait: s; silence: s without a frame after which a camera is no longer waited for."""
        self._slop, self._wait, self._silence = round(slop * SECOND), wait, silence
        self._waiting: dict[str, deque[_Waiting[FrameT]]] = {name: deque() for name in cameras}
        self._newest: dict[str, _Waiting[FrameT]] = {}
        self._stamps: dict[str, deque[int]] = {name: deque(maxlen=STAMPS) for name in self._waiting}  # ns
        self._given: int | None = None  # ns, the stamp of the last set
        self._given_at = float("-inf")  # s of the steady clock
        self.late: dict[str, int] = dict.fromkeys(self._waiting, 0)
        """Number of frames of each camera that arrived too late."""
        self.restarts = 0
        """How often everything restarted, as stamps jumped back or only a camera that is gone had later ones."""

    def add(self, camera: str, stamp_ns: int, frame: FrameT, now: float) -> None:
        """Adds a frame that arrived at `now`, in s of a steady clock."""
        last = self._newest.get(camera)
        jumped = last is not None and stamp_ns < last.stamp_ns - self._slop
        late = self._given is not None and stamp_ns <= self._given
        if jumped or (late and now - self._given_at > self._silence):  # the camera with the later stamps is gone
            self.restart()
            late = False
        newest = _Waiting(stamp_ns, now, frame)
        self._newest[camera] = newest
        self._stamps[camera].append(stamp_ns)
        if late:
            self.late[camera] += 1
            return
        queue = self._waiting[camera]
        queue.append(newest)
        if len(queue) > MAX_WAITING:
            queue.popleft()
            self.late[camera] += 1

    def restart(self) -> None:
        """Returns to the initial state, except for the counts."""
        for camera, queue in self._waiting.items():
            queue.clear()
            self._stamps[camera].clear()
        self._newest.clear()
        self._given = None
        self.restarts += 1

    def sends(self, camera: str, now: float) -> bool:
        """Whether a camera sent a frame in the last `silence` s; always if that is infinite."""
        newest = self._newest.get(camera)
        return now - (newest.arrived if newest else float("-inf")) <= self._silence

    def offset(self, camera: str) -> float:
        """s from the newest stamp of a camera to its arrival; NaN without a frame."""
        newest = self._newest.get(camera)
        return newest.arrived - newest.stamp_ns / SECOND if newest else float("nan")

    def ready(self, now: float) -> list[FrameSet[FrameT]]:
        """Sets that are complete, or have waited long enough."""
        sets = []
        while (found := self._next(now)) is not None:
            sets.append(found)
        return sets

    def rest(self) -> list[FrameSet[FrameT]]:
        """All remaining sets, once no more frames will come."""
        return self.ready(float("inf"))

    def _next(self, now: float) -> FrameSet[FrameT] | None:
        fronts = [queue[0] for queue in self._waiting.values() if queue]
        if not fronts:
            return None
        first = min(fronts, key=lambda front: front.stamp_ns)
        last = first.stamp_ns + self._near(now)
        chosen = {name: queue[0] for name, queue in self._waiting.items() if queue and queue[0].stamp_ns <= last}
        if now - first.arrived < self._wait and any(self._may_come(name, last, now) for name in self._waiting):
            return None
        for name in chosen:
            self._waiting[name].popleft()
        stamp = sum(frame.stamp_ns for frame in chosen.values()) // len(chosen)
        stamp = max(stamp, first.stamp_ns if self._given is None else self._given + 1)
        self._given, self._given_at = stamp, now
        return FrameSet(stamp, {name: frame.frame for name, frame in chosen.items()})

    def _near(self, now: float) -> int:
        """ns within which frames belong together: what is farther away is nearer to the camera's next frame."""
        usual = [
            (stamps[-1] - stamps[0]) // (len(stamps) - 1)
            for name, stamps in self._stamps.items()
            if len(stamps) > 1 and self.sends(name, now)
        ]
        return min(self._slop, max(min(usual), 0) // 2 + JITTER_NS) if usual else self._slop

    def _may_come(self, camera: str, last_ns: int, now: float) -> bool:
        """Whether a camera without waiting frames may still send one with this stamp or an earlier one."""
        newest = self._newest.get(camera)
        return not self._waiting[camera] and self.sends(camera, now) and (not newest or newest.stamp_ns < last_ns)
