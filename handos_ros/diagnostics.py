"""What the node tells /diagnostics: rate, time of each stage, frames dropped and why, device and intrinsics in use."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

STAGES = ("decode", "predict", "track", "publish", "tf", "draw")
"""Of one frame: message to image and camera; hands in it; depth, ids and smoothing; HandArray; frames; what is only
drawn for subscribers."""

SPANS = ("network", "overhead", "received to published", "stamp to published")
"""Of one frame: what of "predict" the network took; what everything else took until the HandArray was out; all of it,
from when the message came and from its stamp."""

DROP_REASONS = ("late", "bad image", "bad camera_info", "time jumped back", "internal error")
"""Why a frame gave no HandArray. late: a newer one came while the network was busy, which is no error."""

SILENCE = 3.0
"""Seconds without an image after which the status warns."""


class StageClock:
    """Seconds that a frame took, stage by stage, from the moment its message came."""

    def __init__(self, received: float) -> None:
        """received: of time.perf_counter()."""
        self.received = self._last = received
        self.stages: dict[str, float] = {}

    def begin(self) -> None:
        """The message's turn has come: what it waited before belongs to no stage."""
        self._last = time.perf_counter()

    def mark(self, stage: str) -> None:
        """`stage` ends here, and the next one begins."""
        now = time.perf_counter()
        self.stages[stage] = now - self._last
        self._last = now

    @property
    def elapsed(self) -> float:
        """Seconds since the message came, up to the last mark."""
        return self._last - self.received


class Health:
    """Counts and times of one node. Written by the thread that works on frames, read by the one that reports."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[str, list[float]] = {}
        self._dropped = Counter({reason: 0 for reason in DROP_REASONS})
        self._dropped_before = Counter(self._dropped)
        self._processed = self._processed_before = 0
        self._depth_unusable = 0
        self._depth_problem = ""
        self._reported = self._last_image = time.monotonic()
        self._problem = ""
        self.rate = 0.0
        """Frames per second, of the last report."""

    def received(self) -> None:
        """An image message came."""
        self._last_image = time.monotonic()

    def drop(self, reason: str, problem: str = "") -> None:
        """A frame gave no HandArray; reason: one of DROP_REASONS; problem: a sentence for the status' message."""
        with self._lock:
            self._dropped[reason] += 1
            self._problem = problem or self._problem

    def depth_unusable(self, problem: str) -> None:
        """A frame had no depth image that could be used: its hands are as large as without one."""
        with self._lock:
            self._depth_unusable += 1
            self._depth_problem = problem

    def processed(self, clock: StageClock, network: float, published: float, since_stamp: float) -> None:
        """A frame is done. network: s in the network; published: s from its message to its HandArray; since_stamp: s
        from its stamp to there.
        """
        spans = dict(zip(SPANS, (network, published - network, published, since_stamp), strict=True))
        with self._lock:
            self._processed += 1
            for name, seconds in {**clock.stages, **spans}.items():
                self._times.setdefault(name, []).append(seconds)

    def status(self, name: str, enabled: bool, facts: dict[str, str], doubt: str = "") -> DiagnosticStatus:
        """Everything since the last call, and totals; level and message say the worst of it.

        facts: further values, as text; doubt: what makes the node's results less than they could be.
        """
        with self._lock:
            now = time.monotonic()
            rate = self.rate = (self._processed - self._processed_before) / max(now - self._reported, 1e-3)
            level, message = self._judge(now, rate, enabled, doubt)
            values = {"rate (Hz)": f"{rate:.1f}", "frames processed": str(self._processed), **self._milliseconds()}
            values |= {f"dropped: {reason}": str(count) for reason, count in self._dropped.items()}
            values |= {"depth unusable": str(self._depth_unusable), "depth problem": self._depth_problem, **facts}
            self._times, self._problem, self._depth_problem, self._reported = {}, "", "", now
            self._processed_before, self._dropped_before = self._processed, Counter(self._dropped)
        pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
        return DiagnosticStatus(level=level, name=name, message=message, hardware_id=name, values=pairs)

    def _milliseconds(self) -> dict[str, str]:
        """Median and longest of every stage; a stage that did not happen has none."""
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
            return DiagnosticStatus.WARN, f"no image for {now - self._last_image:.0f} s"
        return (DiagnosticStatus.WARN, doubt) if doubt else (DiagnosticStatus.OK, f"{rate:.1f} Hz")
