"""One process of a campaign: feeds inputs of one class under limits, and prints as JSON what came of them."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from classes import load
from fuzz_class import FuzzClass, answer
from hypothesis import HealthCheck, Phase, given, seed, settings

MAX_MEMORY = 2**30
"""Bytes that an input may take."""
MAX_SECONDS = 5.0
HANGS = 60
"""Seconds after which an input ends the process, by a signal without a handler: those of Python wait for C code."""
MAX_SAVED = 20
RESET_PEAK = Path("/proc/self/clear_refs")


class Answers:
    """Counts of answers, and what was wrong."""

    def __init__(self, case: FuzzClass, folder: Path) -> None:
        self.case, self.folder = case, folder
        self.current = folder / "current"
        self.counts = {"read": 0, "refused": 0}
        self.failures: list[str] = []
        self.slowest, self.largest = 0.0, 0

    def feed(self, data: bytes) -> None:
        """One input; whatever it does, the next one can come."""
        self.current.write_bytes(data)
        signal.alarm(HANGS)
        RESET_PEAK.write_text("5")
        before = memory("VmRSS")
        begin = time.perf_counter()
        try:
            self.counts[answer(self.case, data)] += 1
        except BaseException as error:  # KeyboardInterrupt and SystemExit too: none is an answer
            self._fail(data, "".join(traceback.format_exception_only(error)).strip())
        seconds, taken = time.perf_counter() - begin, memory("VmHWM") - before
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, taken)
        if seconds > MAX_SECONDS:
            self._fail(data, f"took {seconds:.1f} s")
        if taken > MAX_MEMORY:
            self._fail(data, f"took {taken / 2**20:.0f} MB")

    def _fail(self, data: bytes, what: str) -> None:
        name = f"failure-{len(self.failures)}"
        if len(self.failures) < MAX_SAVED:
            (self.folder / name).write_bytes(data)
        self.failures.append(f"{self.folder / name}: {what[:300]}")


def memory(which: str) -> int:
    """Bytes of memory that this process occupies (VmRSS), or has at most since it was reset (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(which):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {which} in /proc/self/status")


def main() -> None:
    """Feeds, and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    case = load(options.name)
    answers = Answers(case, options.folder)
    virtual = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (virtual + 2 * MAX_MEMORY,) * 2)  # beyond, memory is refused to it

    @seed(options.seed)
    @settings(
        max_examples=options.inputs,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case.inputs)
    def feed_all(data: bytes) -> None:
        answers.feed(data)

    feed_all()
    signal.alarm(0)
    result = {
        "counts": answers.counts,
        "failures": answers.failures,
        "slowest": answers.slowest,
        "largest": answers.largest,
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
