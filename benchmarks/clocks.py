"""The two clocks of the benchmarks: wall time, and CPU time for a machine that does other work as well."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
BUSY = 0.7
"""Load average from which other work distorts wall times."""


def add_clock(parser: argparse.ArgumentParser) -> None:
    """Adds the option --clock, one of CLOCKS."""
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="wall, or cpu: CPU time, for a busy machine")


def warn_when_busy(clock: str) -> None:
    """Says on stderr that the machine is too busy for wall times."""
    load = os.getloadavg()[0]
    if load > BUSY and clock == "wall":
        print(f"The machine is busy (load {load:.1f}): use --clock cpu, or come back later", file=sys.stderr)


def cpu_seconds(pid: int) -> float:
    """CPU time that all threads of another process have used so far, to a hundredth of a second."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = after_name[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
