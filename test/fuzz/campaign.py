"""Hostile inputs of every class, fed to the package by processes under limits: `make fuzz`.

Each input must be read or refused by a ValueError in one sentence; nothing may take 5 s, 1 GB, or end its process.
Inputs that do otherwise are kept. The same seed gives the same inputs, and goes on where a campaign was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from classes import CLASSES, ROOT, SHARES

ROUND = 10_000  # inputs of one process
MEMORY_FILES = Path("/dev/shm")


@dataclass
class Total:
    """Outcome of all inputs of one class."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    largest: int = 0

    def add(self, result: dict) -> None:
        """Counts in the result of one process."""
        self.counts.update(result["counts"])
        self.failures += result["failures"]
        self.slowest = max(self.slowest, result["slowest"])
        self.largest = max(self.largest, result["largest"])

    def row(self, name: str) -> str:
        """The row of a table."""
        counts = " | ".join(f"{self.counts[answer]:,}" for answer in ("read", "refused", "failed"))
        return f"| {name} | {self.counts.total():,} | {counts} | {self.slowest:.2f} | {self.largest / 2**20:.0f} MB |"


@dataclass(frozen=True)
class Task:
    """Inputs of one process."""

    name: str
    inputs: int
    seed: int

    def run(self, folder: Path) -> dict:
        """Feeds them, unless that has been done; a process that dies is a failure of the input that it was at."""
        kept = folder / f"{self.name}-{self.seed}"
        result = kept / "result.json"
        if result.is_file():
            return json.loads(result.read_text())
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=MEMORY_FILES if MEMORY_FILES.is_dir() else None) as scratch:
            command = [sys.executable, str(Path(__file__).with_name("worker.py")), self.name]
            command += ["--inputs", str(self.inputs), "--seed", str(self.seed), "--folder", str(kept)]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "SILENT", "TMPDIR": scratch}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace")
        if done.returncode:
            what = f"{kept / 'current'}: process ended with {done.returncode}: {done.stderr[-500:]}"
            answers = {"counts": {"failed": 1}, "failures": [what], "slowest": 0.0, "largest": 0}
            result.write_text(json.dumps(answers))
        return json.loads(result.read_text())


def tasks(names: Sequence[str], inputs: int, seed: int) -> Iterator[Task]:
    """Every process of a campaign, the classes in turn."""
    whole = sum(SHARES.get(name, 1) for name in names)
    left = {name: -(-inputs * SHARES.get(name, 1) // whole) for name in names}
    while any(left.values()):
        for name in names:
            if left[name]:
                now = min(ROUND, left[name])
                yield Task(name, now, seed + left[name])
                left[name] -= now


def run(names: Sequence[str], inputs: int, seed: int, folder: Path, workers: int, minutes: float) -> dict[str, Total]:
    """All of a campaign, or what of it `minutes` are enough for."""
    totals = {name: Total() for name in names}
    end = time.monotonic() + 60 * minutes

    def one(task: Task) -> None:
        if time.monotonic() < end:
            totals[task.name].add(task.run(folder))
            print(totals[task.name].row(task.name), flush=True)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, tasks(names, inputs, seed)))
    return totals


def main() -> int:
    """Runs a campaign and prints its totals; 1 when an input was answered otherwise than it must."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all classes together")
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="after which no process is started any more")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="for results and failed inputs")
    parser.add_argument("classes", nargs="*", default=list(CLASSES), help=", ".join(CLASSES))
    options = parser.parse_args()
    if unknown := [name for name in options.classes if name not in CLASSES]:
        parser.error(f"there are no inputs of {', '.join(unknown)}, known are {', '.join(CLASSES)}")
    if min(options.inputs, options.workers) < 1:
        parser.error("--inputs and --workers must be 1 or more")
    print(f"seed {options.seed}", flush=True)
    folder = options.folder / str(options.seed)
    totals = run(options.classes, options.inputs, options.seed, folder, options.workers, options.minutes)
    everything = Total()
    print("\n| inputs of | fed | read | refused | failed | slowest, s | most memory |\n|---|---|---|---|---|---|---|")
    for name, total in totals.items():
        everything.add(vars(total))
        print(total.row(name))
    print(everything.row("all"), *everything.failures[:50], sep="\n")
    return 1 if everything.counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
