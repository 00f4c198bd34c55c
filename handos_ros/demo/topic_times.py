"""Measures rate and latency of the messages of one topic."""

from __future__ import annotations

import time


class TopicTimes:
    """Counts messages and keeps their arrival times and stamps."""

    def __init__(self) -> None:
        self.last_received = time.monotonic()
        """time.monotonic() at the last message, or at the start."""
        self._received: list[float] = []
        self._latencies: list[float] = []

    def add(self, now: float, stamp: float | None) -> None:
        """Records a message that arrived at `now`; stamp: that of its header, or None; both in s of the ROS clock."""
        self.last_received = time.monotonic()
        self._received.append(now)
        if stamp is not None:
            self._latencies.append(now - stamp)

    @property
    def count(self) -> int:
        """Number of messages so far."""
        return len(self._received)

    @property
    def rate(self) -> float:
        """Rate in Hz between the first and the last message; 0 for fewer than two."""
        if self.count < 2:
            return 0.0
        return (self.count - 1) / max(self._received[-1] - self._received[0], 1e-9)

    def latency(self, share: float) -> float | None:
        """Seconds from stamp to arrival that `share` (0 to 1) of the messages do not exceed; None without stamps."""
        if not self._latencies:
            return None
        return sorted(self._latencies)[round(share * (len(self._latencies) - 1))]

    def milliseconds(self, share: float) -> str:
        """The latency as text; empty without one."""
        latency = self.latency(share)
        return "" if latency is None else f"{latency * 1e3:.1f} ms"
