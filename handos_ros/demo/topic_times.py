"""When the messages of one topic came: their rate and latency."""

from __future__ import annotations

import time


class TopicTimes:
    """Counts messages and keeps their times of arrival and their stamps."""

    def __init__(self) -> None:
        self.last_received = time.monotonic()
        """time.monotonic() of the last message, or of the start."""
        self._received: list[float] = []
        self._latencies: list[float] = []

    def add(self, now: float, stamp: float | None) -> None:
        """A message came at `now`; stamp: of its header, None where it has none; both in s of the ROS clock."""
        self.last_received = time.monotonic()
        self._received.append(now)
        if stamp is not None:
            self._latencies.append(now - stamp)

    @property
    def count(self) -> int:
        """Messages so far."""
        return len(self._received)

    @property
    def rate(self) -> float:
        """Hz, between the first and the last message; 0 for less than two."""
        if self.count < 2:
            return 0.0
        return (self.count - 1) / max(self._received[-1] - self._received[0], 1e-9)

    def latency(self, share: float) -> float | None:
        """Seconds from stamp to arrival that `share` (0 to 1) of the messages stay within; None for no stamps."""
        if not self._latencies:
            return None
        return sorted(self._latencies)[round(share * (len(self._latencies) - 1))]

    def milliseconds(self, share: float) -> str:
        """The latency as text; empty without one."""
        latency = self.latency(share)
        return "" if latency is None else f"{latency * 1e3:.1f} ms"
