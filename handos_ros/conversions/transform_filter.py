"""TransformFilter: withholds transforms that tf2 would refuse with an error on the console of every listener."""

from __future__ import annotations

import math
from collections import defaultdict, deque

from geometry_msgs.msg import TransformStamped

TF2_CACHE = 10 * 10**9
"""Time in ns for which tf2 keeps transforms."""


class TransformFilter:
    """Keeps track of which transforms of this node tf2's buffers contain."""

    def __init__(self) -> None:
        self.withheld = 0
        """Number of transforms that were not sent."""
        self._sent: defaultdict[str, deque[int]] = defaultdict(deque)

    def forget(self) -> None:
        """Forgets everything, as tf2's buffers do when the clock jumps back."""
        self._sent.clear()

    def taken(self, transforms: list[TransformStamped]) -> list[TransformStamped]:
        """Returns the transforms that tf2 accepts.

        It leaves out transforms with an empty parent or child, frames that are their own parents, numbers that are not
        finite, stamps that were sent before or are more than TF2_CACHE older than the newest, and children of frames
        that are left out.
        """
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
        stamp = transform.header.stamp.sec * 10**9 + transform.header.stamp.nanosec
        if child not in self._sent:  # otherwise names with ids would accumulate
            old = [name for name, sent in self._sent.items() if sent[-1] < stamp - TF2_CACHE]
            for name in old:
                del self._sent[name]
        sent = self._sent[child]
        newest = max(sent, default=stamp)
        if stamp in sent or stamp < newest - TF2_CACHE:
            return False
        sent.append(stamp)
        while sent[0] < max(newest, stamp) - TF2_CACHE:
            sent.popleft()
        return True
