"""Hostile inputs of every class, fed to the package by processes under limits: `make fuzz`.

Each input must be read or refused by a ValueError in one sentence; nothing may take 5 s, 1 GB, or end its process.
Inputs that do otherwise are kept. The same seed gives the same inputs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from classes import CLASSES, ROOT

ROUND = 1_000  # inputs of one process


@dataclass
class Total:
    """What came of all inputs of one class."""

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

    def line(self, name: str) -> str:
        """For people."""
        read, refused = self.counts["read"], self.counts["refused"]
        return (
            f"{name:12}{read + refused + len(self.failures):>9} inputs: {read} read, {refused} refused, "
            f"{len(self.failures)} failures; slowest {self.slowest:.2f} s, largest {self.largest / 2**20:.0f} MB"
        )


def run_worker(name: str, inputs: int, seed: int, folder: Path) -> dict:
    """The result of one process; its death is a failure of the input that it was at."""
    folder.mkdir(parents=True)
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), name]
    command += ["--inputs", str(inputs), "--seed", str(seed), "--folder", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "SILENT", "TMPDIR": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    what = f"{folder / 'current'}: seed {seed}: process ended with {done.returncode}: {done.stderr[-500:]}"
    return {"counts": {}, "failures": [what], "slowest": 0.0, "largest": 0}


def rounds(names: Sequence[str], inputs: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """Class, number of inputs and seed of each process, the classes in turn."""
    each = -(-inputs // len(names))
    for start in range(0, each, ROUND):
        for name in names:
            yield name, min(ROUND, each - start), seed + start


def run(names: Sequence[str], inputs: int, seed: int, folder: Path, workers: int, minutes: float) -> dict[str, Total]:
    """All of a campaign, or what of it `minutes` are enough for."""
    totals = {name: Total() for name in names}
    end = time.monotonic() + 60 * minutes

    def one(task: tuple[int, tuple[str, int, int]]) -> None:
        number, (name, count, own_seed) = task
        if time.monotonic() < end:
            totals[name].add(run_worker(name, count, own_seed, folder / f"{number}-{name}"))
            print(totals[name].line(name), flush=True)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, enumerate(rounds(names, inputs, seed))))
    return totals


def main() -> int:
    """Runs a campaign and prints its totals; 1 when an input was answered otherwise than it must."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all classes together")
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="after which no process is started any more")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="for inputs that failed")
    parser.add_argument("classes", nargs="*", default=list(CLASSES), help=", ".join(CLASSES))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = options.folder / str(options.seed)
    totals = run(options.classes, options.inputs, options.seed, folder, options.workers, options.minutes)
    for name, total in totals.items():
        print(total.line(name), *total.failures[:10], sep="\n  ")
    return 1 if any(total.failures for total in totals.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
