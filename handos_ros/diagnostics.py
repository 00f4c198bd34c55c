"""Diagnostics of the nodes: the status on /diagnostics, and what hands_node counts and times for it."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import Counter
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from handos_model.io.files import one_line

STAGES = ("decode", "follow", "tf", "publish", "draw")
"""Stages of a frame: converting the message to image and camera; finding its hands, with depth, ids and smoothing;
publishing TF frames; publishing the HandArray; everything else that has subscribers, from poses to the debug image."""

SPANS = ("network", "overhead", "received to published", "stamp to published")
"""Times of a frame: in the network; outside the network until the HandArray is published; from the arrival of the
message until then, which is the sum of both; and from the stamp of the message until then."""

DROP_REASONS = ("late", "bad image", "bad camera_info", "time jumped back", "internal error")
"""Reasons why a frame yields no HandArray. "late" is not an error: a newer one arrived while the network was busy."""

SILENCE = 3.0
"""Seconds without an image, or without a depth image, after which the status warns."""


class Status(NamedTuple):
    """How a node is doing."""

    level: bytes
    """One of DiagnosticStatus."""
    message: str
    """One sentence."""
    values: dict[str, str]


class StatusPublisher:
    """Publishes the status of a node on /diagnostics."""

    def __init__(self, node: Node) -> None:
        self._node, self._publisher = node, node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._name = f"{node.get_fully_qualified_name().lstrip('/')}: hands"

    def publish(self, status: Status) -> None:
        """Publishes it with the current time."""
        name, pairs = self._name, [KeyValue(key=key, value=value) for key, value in status.values.items()]
        one = DiagnosticStatus(level=status.level, name=name, message=status.message, hardware_id=name, values=pairs)
        message = DiagnosticArray(status=[one])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)


class StageClock:
    """Measures the seconds that a frame takes, stage by stage, from the arrival of its message."""

    def __init__(self, received: float) -> None:
        """received: time of arrival by time.perf_counter()."""
        self.received = self._last = received
        self.stages: dict[str, float] = {}

    def begin(self) -> None:
        """Starts the first stage; the waiting time before it belongs to no stage."""
        self._last = time.perf_counter()

    def mark(self, stage: str) -> None:
        """Ends `stage` and starts the next one."""
        now = time.perf_counter()
        self.stages[stage] = now - self._last
        self._last = now

    @property
    def elapsed(self) -> float:
        """Seconds from the arrival of the message to the last mark."""
        return self._last - self.received


class Health:
    """Counts and times of one node, written by the thread that processes frames and read by the thread that reports."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[str, list[float]] = {}
        self._dropped = Counter({reason: 0 for reason in DROP_REASONS})
        self._dropped_before = Counter(self._dropped)
        self._processed = self._processed_before = 0
        self._depth_unusable = 0
        self._depth_problem = ""
        self._useless_since: float | None = None  # since when depth has not helped in frames with hands
        self._reported = self._last_image = time.monotonic()
        self._sent_since = math.inf
        self._problem = ""
        self.rate = 0.0
        """Frames per second, as last reported."""

    def received(self) -> None:
        """Records that an image arrived."""
        self._last_image = time.monotonic()

    def drop(self, reason: str, problem: str = "") -> None:
        """Counts a frame without HandArray; reason: one of DROP_REASONS; problem: a sentence for the status."""
        with self._lock:
            self._dropped[reason] += 1
            self._problem = problem or self._problem

    def silent(self, sent: bool) -> bool:
        """Whether images have been sent for SILENCE and none has arrived; sent: whether anybody sends them now."""
        now = time.monotonic()
        self._sent_since = min(self._sent_since, now) if sent else math.inf
        return now - max(self._last_image, self._sent_since) > SILENCE

    def depth(self, problem: str) -> None:
        """Records whether depth helped in a frame with hands; problem: the reason if it did not, else empty."""
        with self._lock:
            self._depth_problem = one_line(problem)
            self._depth_unusable += bool(problem)
            if not problem:
                self._useless_since = None
            elif self._useless_since is None:
                self._useless_since = time.monotonic()

    def depth_doubt(self) -> str:
        """A sentence with the reason if depth has not helped in any frame for SILENCE; else empty."""
        with self._lock:
            since, problem = self._useless_since, self._depth_problem
        useless = since is not None and problem and time.monotonic() - since > SILENCE
        return f"depth does not help: {problem}" if useless else ""

    def processed(self, clock: StageClock, network: float, published: float, since_stamp: float) -> None:
        """Records a frame.

        network: seconds in the network; published: seconds from its message to its HandArray; since_stamp: seconds from
        its stamp to its HandArray."""
        spans = dict(zip(SPANS, (network, published - network, published, since_stamp), strict=True))
        with self._lock:
            self._processed += 1
            for name, seconds in {**clock.stages, **spans}.items():
                self._times.setdefault(name, []).append(seconds)

    def status(self, enabled: bool, facts: dict[str, str], doubt: str = "") -> Status:
        """Returns totals and everything since the last call; level and message report the worst of these.

        facts: further values, as text; doubt: why results may be worse than usual.
        """
        with self._lock:
            now = time.monotonic()
            if not enabled:  # silence begins when the node listens again
                self._last_image = now
            rate = self.rate = (self._processed - self._processed_before) / max(now - self._reported, 1e-3)
            level, message = self._judge(now, rate, enabled, doubt)
            values = {"rate (Hz)": f"{rate:.1f}", "frames processed": str(self._processed), **self._milliseconds()}
            values |= {f"dropped: {reason}": str(count) for reason, count in self._dropped.items()}
            values |= {"depth unusable": str(self._depth_unusable), "depth problem": self._depth_problem, **facts}
            self._times, self._problem, self._depth_problem, self._reported = {}, "", "", now
            self._processed_before, self._dropped_before = self._processed, Counter(self._dropped)
        return Status(level, message, values)

    def _milliseconds(self) -> dict[str, str]:
        """Returns median and maximum of every stage that occurred."""
        texts = {}
        for name in (*STAGES, *SPANS):
            if name in self._times:
                texts[f"{name} (ms)"] = f"{statistics.median(self._times[name]) * 1e3:.2f}"
                texts[f"{name}, longest (ms)"] = f"{max(self._times[name]) * 1e3:.2f}"
        return texts

    def _judge(self, now: float, rate: float, enabled: bool, doubt: str) -> tuple[bytes, str]:
        new = self._dropped - self._dropped_before
        del new["late"]
        if not enabled:
            return DiagnosticStatus.OK, "paused"
        if new:
            level = DiagnosticStatus.ERROR if rate == 0 else DiagnosticStatus.WARN
            return level, f"{sum(new.values())} frames dropped: {self._problem}"
        if now - self._last_image > SILENCE:
            silence = f"no image for {now - self._last_image:.0f} s"
            return DiagnosticStatus.WARN, f"{silence}; {doubt}" if doubt else silence
        return (DiagnosticStatus.WARN, doubt) if doubt else (DiagnosticStatus.OK, f"{rate:.1f} Hz")
