"""One process of a campaign: feeds inputs of one class under limits, and says as JSON what came of them."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import time
import traceback
from collections import Counter
from pathlib import Path

from classes import load
from fuzz_class import FuzzClass, answer, drawn, family
from hypothesis import HealthCheck, Phase, given, seed, settings

MAX_MEMORY = 2**30
"""Bytes that an input may take."""
MAX_SECONDS = 5.0
"""Seconds of the processor that an input may take."""
HANGS = 120
"""Seconds after which an input ends the process, by a signal without a handler: those of Python wait for C code."""
MAX_SAVED = 20


class Answers:
    """Counts of answers, and what was wrong."""

    def __init__(self, case: FuzzClass, folder: Path) -> None:
        """folder: for inputs that failed, and for `current`, which holds the input at work."""
        self.case, self.folder = case, folder
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.slowest = 0.0
        self._current = os.open(folder / "current", os.O_RDWR | os.O_CREAT)
        self._begun = self._peak = peak_memory()

    def feed(self, data: bytes) -> None:
        """One input; whatever it does, the next one can come."""
        os.ftruncate(self._current, 0)
        os.pwrite(self._current, data, 0)
        signal.alarm(HANGS)
        begin = time.process_time()  # how busy the machine is does not count
        wrong = []
        try:
            outcome = answer(self.case, data)
        except BaseException as error:  # KeyboardInterrupt and SystemExit too: none is an answer
            wrong.append("".join(traceback.format_exception_only(error)).strip())
        seconds, peak, before = time.process_time() - begin, peak_memory(), self._peak
        self.slowest, self._peak = max(self.slowest, seconds), max(self._peak, peak)
        if seconds > MAX_SECONDS:
            wrong.append(f"took {seconds:.1f} s")
        if peak > before and peak - self._begun > MAX_MEMORY:
            wrong.append(f"took {(peak - self._begun) / 2**20:.0f} MB")
        self.counts["failed" if wrong else outcome] += 1
        if wrong and len(self.failures) < MAX_SAVED:
            path = self.folder / f"failure-{len(self.failures)}"
            path.write_bytes(data)
            self.failures.append(f"{path}: {'; '.join(wrong)[:300]}")

    def result(self) -> dict:
        """For JSON."""
        largest = self._peak - self._begun
        return {"counts": self.counts, "failures": self.failures, "slowest": self.slowest, "largest": largest}


def peak_memory() -> int:
    """Bytes of memory that this process has occupied at most; getrusage would count what its parent had as well."""
    status = Path("/proc/self/status").read_text()
    return int(status[status.index("VmHWM:") + 6 :].split(None, 1)[0]) * 1024


def main() -> None:
    """Feeds, and writes result.json."""
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
        max_examples=-(-options.inputs // case.family),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn(case))
    def feed_all(origin: tuple[bytes | None, int]) -> None:
        for data in family(case, *origin, size=min(case.family, options.inputs - answers.counts.total())):
            answers.feed(data)

    feed_all()
    signal.alarm(0)
    (options.folder / "result.json").write_text(json.dumps(answers.result()))
    os._exit(0)  # threads of a node are not waited for


if __name__ == "__main__":
    main()
