"""Processes several inputs at a time in other processes; the files are the same as with one after another."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from tqdm import tqdm

from handos_model.commands.prediction.plan import Task
from handos_model.commands.prediction.run import PredictionRun
from handos_model.commands.prediction.signals import interruptible
from handos_model.commands.prediction.tally import Tally
from handos_model.io.files import shown
from handos_model.io.inputs import Source
from handos_model.output.output_file import Target, WriteRules

TRIES = 2
"""Number of processes that may die on one input before it is given up."""


@dataclass(frozen=True)
class Job:
    """One input and its outputs, as passed to a process."""

    name: str
    out: Target | None
    draw: Target | None
    rules: WriteRules
    several: bool
    """Whether it is one of several, so that what it cannot write does not end the run."""
    tried: int = 1

    def again(self) -> Job:
        """The same job for another process: with --resume it continues where the last one ended, else starts over."""
        return replace(
            self, rules=self.rules if self.rules.resume else WriteRules(overwrite=True), tried=self.tried + 1
        )


class Work:
    """Does jobs, with one predictor for all of them."""

    def __init__(self, open_run: Callable[[], PredictionRun], open_source: Callable[[str], Source]) -> None:
        """Both are called in the process that does the jobs, so they must be picklable."""
        self._open_run, self._open_source = open_run, open_source
        self._run: PredictionRun | None = None

    def do(self, job: Job) -> Tally | str:
        """Does a job and returns its outcome, or a sentence if it ends the whole run, as a full disk does."""
        try:
            self._run = self._run or self._open_run()
            task = Task([self._open_source(job.name)], job.out, job.draw)
            return self._run.run([task], job.rules, progress=False, several=job.several)
        except KeyboardInterrupt:
            return Tally(interrupted=True)
        except (OSError, ValueError, ModuleNotFoundError) as error:
            return str(error)


@dataclass(frozen=True)
class Death:
    """The death of a process in the middle of a job."""

    how: str
    """Predicate of a sentence, such as "ended with code -9"."""


class JobPool(Protocol):
    """Processes that do jobs."""

    width: int
    """Number of jobs that it takes at a time."""

    def give(self, job: Job) -> None:
        """Starts a job."""

    def ended(self) -> list[tuple[Job, Tally | str | Death]]:
        """Jobs that have ended since the last call, with their outcomes; waits briefly if there are none."""

    def stop(self) -> None:
        """Makes every process stop after its current frame."""

    def close(self) -> None:
        """Ends the processes."""


def run_jobs(tasks: list[Task], rules: WriteRules, pool: JobPool) -> Tally:
    """Does tasks of one input each; if a process dies on an input, the input is tried again in another process.

    Raises ValueError if something ends the whole run.
    """
    left = deque(Job(task.sources[0].name, task.out, task.draw, rules, len(tasks) > 1) for task in tasks)
    tally, running = Tally(), 0
    bar = tqdm(total=len(tasks), unit="input", file=sys.stderr, disable=None, leave=False)
    with closing(pool), bar, interruptible() as stopped:
        while running or (left and not stopped()):
            while left and running < pool.width and not stopped():
                pool.give(left.popleft())
                running += 1
            if stopped():
                pool.stop()
            for job, outcome in pool.ended():
                running -= 1
                if isinstance(outcome, str):
                    raise ValueError(outcome)
                if isinstance(outcome, Death) and not stopped() and _retried(job, outcome):
                    left.appendleft(job.again())
                    continue
                tally += Tally(unreadable=int(not stopped())) if isinstance(outcome, Death) else outcome
                bar.update()
        tally.interrupted = stopped()
    return tally


def _retried(job: Job, death: Death) -> bool:
    """Whether a job is to be tried again; if so, tells the user."""
    again = job.tried < TRIES
    following = "another one starts it again" if again else "it is given up"
    tqdm.write(f"handos predict: the process that read {shown(job.name)} {death.how}: {following}", file=sys.stderr)
    return again
