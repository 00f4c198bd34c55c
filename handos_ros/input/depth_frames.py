"""Pairs colour frames with depth images by their stamps."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from itertools import pairwise

from sensor_msgs.msg import Image

from handos_model.io.depth_pairing import KEPT_DEPTHS, closest
from handos_ros.conversions.stamps import nanoseconds, seconds
from handos_ros.diagnostics import SILENCE

PATIENCE = 0.05
"""Seconds to wait for the depth image of a frame: drivers publish it some milliseconds after the colour image."""
FRESH = 1.0
"""Seconds after the last depth image during which waiting for another one is worthwhile."""


class DepthFrames:
    """Keeps the latest depth images for another thread to look up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._kept: deque[Image] = deque(maxlen=KEPT_DEPTHS)
        self._begun = time.monotonic()
        self._last_came = -float("inf")

    def keep(self, message: Image) -> None:
        """Keeps a depth image."""
        with self._changed:
            self._kept.append(message)
            self._last_came = time.monotonic()
            self._changed.notify()

    def nearest(self, stamp: float, max_difference: float) -> Image:
        """Returns the depth image closest to a stamp in seconds; ValueError if none is within `max_difference` seconds.

        Waits for up to PATIENCE if depth images are arriving but the one for that stamp has not come yet.
        """
        with self._changed:
            if time.monotonic() - self._last_came < FRESH:
                least = stamp - min(max_difference, self._half_interval())
                self._changed.wait_for(
                    lambda: any(seconds(kept.header.stamp) >= least for kept in self._kept), PATIENCE
                )
            kept = [(nanoseconds(message.header.stamp), message) for message in self._kept]
        return closest(kept, round(stamp * 1e9), max_difference)

    def _half_interval(self) -> float:
        """Half the usual s between depth images: a stamp farther behind the last one is closer to the next one."""
        stamps = sorted(seconds(kept.header.stamp) for kept in self._kept)
        steps = [after - before for before, after in pairwise(stamps)]
        return statistics.median(steps) / 2 if steps else float("inf")

    def doubt(self, topic: str) -> str:
        """A sentence if no depth image has arrived for SILENCE; else empty."""
        silence = time.monotonic() - max(self._last_came, self._begun)
        return f"no depth image on {topic} for {silence:.0f} s" if silence > SILENCE else ""
