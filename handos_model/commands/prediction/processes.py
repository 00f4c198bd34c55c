"""`handos predict --jobs N`: N processes of this machine, each with its share of the cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from handos_model.commands.prediction.jobs import Death, Job, Work
from handos_model.commands.prediction.tally import Tally

MAX_JOBS = 64


class ProcessPool:
    """A JobPool of processes on this machine."""

    def __init__(self, width: int, work: Work) -> None:
        self.width = width
        self._work = work
        self._idle = [_Process(work) for _ in range(width)]
        self._busy: list[_Process] = []

    def give(self, job: Job) -> None:
        """See JobPool."""
        process = self._idle.pop()
        process.give(job)
        self._busy.append(process)

    def ended(self) -> list[tuple[Job, Tally | str | Death]]:
        """See JobPool."""
        answering = wait([process.connection for process in self._busy], timeout=0.2)
        done = [process for process in self._busy if process.connection in answering]
        outcomes = []
        for process in done:
            outcome = process.outcome()
            outcomes.append((process.job, outcome))
            self._busy.remove(process)
            self._idle.append(_Process(self._work) if isinstance(outcome, Death) else process)
        return outcomes

    def stop(self) -> None:
        """See JobPool."""
        for process in self._busy:
            process.stop()

    def close(self) -> None:
        """See JobPool."""
        for process in (*self._idle, *self._busy):
            process.end()


class _Process:
    """A process, and the connection to it."""

    job: Job

    def __init__(self, work: Work) -> None:
        self._stopped = False
        context = multiprocessing.get_context("spawn")  # a fork would inherit the threads of OpenCV
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, work))
        self._process.start()
        theirs.close()

    def give(self, job: Job) -> None:
        self.job = job
        with suppress(BrokenPipeError):  # it has died, which is noticed when its answer is requested
            self.connection.send(job)

    def outcome(self) -> Tally | str | Death:
        """Waits for the job and returns its outcome."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            return Death(f"ended with code {self._process.exitcode}")

    def stop(self) -> None:
        """Makes the process stop after its current frame."""
        if not self._stopped:
            self._stopped = True
            self._process.terminate()

    def end(self) -> None:
        """Ends the process."""
        self.connection.close()  # this ends the process, unless it is working
        self._process.join(5)
        self._process.terminate()
        self._process.join()


def _work(connection: Connection, work: Work) -> None:
    os.setsid()  # Ctrl-C on a terminal reaches only the parent, which then stops all processes
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError):  # the parent has nothing more to do, or has died
        while True:
            connection.send(work.do(connection.recv()))


def _end_with_parent() -> None:
    """Ends this process after its current frame once its parent has died, whose next run may write the same files."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
