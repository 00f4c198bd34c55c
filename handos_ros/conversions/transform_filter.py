"""TransformFilter: withholds transforms that tf2 would refuse with an error on the console of every listener."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque

from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, JumpThreshold
from rclpy.duration import Duration

from handos_model.io.frame import SECOND
from handos_ros.conversions.stamps import nanoseconds

TF2_CACHE = 10 * SECOND
"""Time in ns for which tf2 keeps transforms."""
BACKWARDS = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)


class TransformFilter:
    """Keeps track of which transforms of this node tf2's buffers contain.

    After stamps have jumped back, transforms are sent although listeners that hold later ones refuse them: only those
    that are started after the jump, or restarted because of what `doubt` says, can use any.

    The clock jumps in the executor's thread; another one may send the transforms.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """clock: of the node; when it jumps back, everything is forgotten, as tf2's buffers do with the same clock."""
        self.withheld = 0
        """Number of transforms that were not sent."""
        self.jumps = 0
        """How often everything was forgotten, as when the clock jumped back."""
        self._lock = threading.Lock()  # a jump waits until transforms are counted, or is noticed by them
        self._sent: defaultdict[str, deque[int]] = defaultdict(deque)
        self._newest = self._held = 0  # ns: the last stamp that was sent since, and before, the last jump back
        self._jumps = clock and clock.create_jump_callback(BACKWARDS, post_callback=lambda _: self.forget())

    def forget(self) -> None:
        """Forgets everything that was sent: no buffer holds it any longer."""
        with self._lock:
            self.jumps += 1
            self._clear()

    def restart(self) -> None:
        """Sends transforms of every stamp again, after the stamps have jumped back."""
        with self._lock:
            held = max(self._held, self._newest)
            self._clear()
            self._held = held

    def _clear(self) -> None:
        self._sent.clear()
        self._newest = self._held = 0

    def doubt(self) -> str:
        """A sentence while listeners that are older than a jump back cannot use what is sent; else empty."""
        if not 0 < self._newest < self._held:
            return ""
        return (
            "stamps have jumped back: tf2 listeners that hold later transforms refuse these. Play recordings with "
            "--clock and set use_sim_time on all nodes, or restart the listeners (docs/troubleshooting.md)"
        )

    def taken(self, transforms: list[TransformStamped], jumps: int | None = None) -> list[TransformStamped]:
        """Returns the transforms that tf2 accepts.

        It leaves out transforms with an empty parent or child, frames that are their own parents, numbers that are not
        finite, stamps that were sent before or are more than TF2_CACHE older than the newest, and children of frames
        that are left out. jumps: `self.jumps` when their image arrived; if the clock has jumped back since, all are
        left out, as they are of a time before the jump.
        """
        with self._lock:
            if jumps is not None and jumps != self.jumps:
                self.withheld += len(transforms)
                return []
            return self._good(transforms)

    def _good(self, transforms: list[TransformStamped]) -> list[TransformStamped]:
        refused: set[str] = set()
        good = []
        for transform in transforms:
            if transform.header.frame_id in refused or not self._take(transform):
                refused.add(transform.child_frame_id)
                self.withheld += 1
            else:
                good.append(transform)
        return good

    def _take(self, transform: TransformStamped) -> bool:
        parent, child = (name.lstrip("/") for name in (transform.header.frame_id, transform.child_frame_id))
        place, turn = transform.transform.translation, transform.transform.rotation
        finite = math.isfinite(place.x + place.y + place.z + turn.x + turn.y + turn.z + turn.w)
        if not parent or not child or parent == child or not finite:
            return False
        stamp = nanoseconds(transform.header.stamp)
        everything = self._sent
        if child not in everything:  # otherwise names with ids would accumulate
            for name in [name for name, sent in everything.items() if sent[-1] < stamp - TF2_CACHE]:
                del everything[name]
        sent = everything[child]
        newest = max(sent, default=stamp)
        if stamp in sent or stamp < newest - TF2_CACHE:
            return False
        sent.append(stamp)
        self._newest = max(self._newest, stamp)
        while sent[0] < max(newest, stamp) - TF2_CACHE:
            sent.popleft()
        return True
