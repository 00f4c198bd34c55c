"""`handos predict --ray`: inputs as tasks of a Ray cluster, whose machines see the same files under the same names."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

from tqdm import tqdm

from handos_model.commands.prediction.jobs import Death, Job, Work
from handos_model.commands.prediction.tally import Tally
from handos_model.optional_package import missing


class RayPool:
    """A JobPool on a Ray cluster: that of RAY_ADDRESS, else the one running here, else a new one on these cores."""

    def __init__(self, width: int, work: Work, cores: int, gpu: bool) -> None:
        """cores: CPU cores per job; gpu: each job has its own GPU. Raises ModuleNotFoundError without Ray."""
        try:
            import ray
        except ModuleNotFoundError as error:
            raise missing("--ray", "ray") from error
        self.width = width
        self._ray: Any = ray
        self._jobs: dict[Any, Job] = {}
        self._stopped = False
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # of a cluster that this starts: no telemetry
        ray.init(logging_level=logging.ERROR, include_dashboard=False)
        self._work = ray.put((os.getcwd(), work))
        # A task restarted by Ray would not know what the last one left behind, so run_jobs restarts tasks itself.
        self._do = ray.remote(num_cpus=cores, num_gpus=int(gpu), max_retries=0)(_do)

    def give(self, job: Job) -> None:
        """See JobPool."""
        self._jobs[self._do.remote(self._work, job)] = job

    def ended(self) -> list[tuple[Job, Tally | str | Death]]:
        """See JobPool."""
        done, _ = self._ray.wait(list(self._jobs), num_returns=1, timeout=0.2)
        return [(self._jobs.pop(task), self._outcome(task)) for task in done]

    def _outcome(self, task: Any) -> Tally | str | Death:
        try:
            outcome, said = self._ray.get(task)
            tqdm.write(said, file=sys.stderr, end="")
            return outcome
        except self._ray.exceptions.TaskCancelledError:
            return Tally(interrupted=True)
        except self._ray.exceptions.RayTaskError as error:
            return f"a machine of the cluster cannot process its input: {error.cause}"
        except self._ray.exceptions.RayError as error:  # of its process or machine
            return Death(f"ended ({type(error).__name__})")

    def stop(self) -> None:
        """See JobPool."""
        if not self._stopped:
            self._stopped = True
            for task in self._jobs:
                self._ray.cancel(task)

    def close(self) -> None:
        """See JobPool."""
        self._ray.shutdown()


_works: list[Work] = []  # the Work of this process, which serves a single run: its predictor is opened only once


def _do(sent: tuple[str, Work], job: Job) -> tuple[Tally | str, str]:
    """The outcome of a job, and what it said, which Ray might forward only after the end of the run, or never."""
    if not _works:
        folder, work = sent
        os.chdir(folder)  # file names are relative to it
        _works.append(work)
    with redirect_stderr(StringIO()) as said:
        outcome = _works[0].do(job)
    return outcome, said.getvalue()
