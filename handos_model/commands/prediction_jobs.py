"""`handos predict --jobs N`: N inputs at a time, each in a process of its own with its share of the cores."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from tqdm import tqdm

from handos_model.commands.prediction_run import PredictionRun, Tally, interruptible
from handos_model.commands.prediction_tasks import Task
from handos_model.io.inputs import Source

MAX_JOBS = 64
OpenRun = Callable[[], PredictionRun]
OpenSource = Callable[[str], Source]


def run_jobs(tasks: list[Task], jobs: int, open_run: OpenRun, open_source: OpenSource) -> Tally:
    """Does tasks of one input each, as PredictionRun does them one after another; a process that dies costs its input.

    open_run and open_source are called in the processes: they must be picklable. Raises ValueError for what ends the
    whole run, such as a full disk.
    """
    tally, left = Tally(), list(tasks)
    idle = [_Worker(open_run, open_source) for _ in range(min(jobs, len(tasks)))]
    busy: list[_Worker] = []
    bar = tqdm(total=len(tasks), unit="input", file=sys.stderr, disable=None, leave=False)
    try:
        with bar, interruptible() as stopped:
            while busy or (left and not stopped()):
                while idle and left and not stopped():
                    busy.append(idle.pop())
                    busy[-1].give(left.pop(0))
                if stopped():
                    for worker in busy:
                        worker.stop()
                for answering in wait([worker.connection for worker in busy], timeout=0.2):
                    worker = next(worker for worker in busy if worker.connection is answering)
                    busy.remove(worker)
                    tally += worker.result()
                    idle.append(worker)
                    bar.update()
            tally.interrupted = stopped()
    finally:
        for worker in (*idle, *busy):
            worker.end()
    return tally


class _Worker:
    """A process, and the connection to it."""

    def __init__(self, open_run: OpenRun, open_source: OpenSource) -> None:
        self._opens, self._name, self._stopped = (open_run, open_source), "", False
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit the threads of OpenCV
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, *self._opens))
        self._process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        """Lets the process do a task."""
        self._name = task.sources[0].name
        self.connection.send((self._name, task.out, task.draw))

    def result(self) -> Tally:
        """What the task came to; waits for it. ValueError for what ends the run."""
        try:
            answer: Tally | str = self.connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            if self._stopped:
                return Tally()
            tqdm.write(
                f"handos predict: the process that read {self._name} ended with code {self._process.exitcode}",
                file=sys.stderr,
            )
            self._start()
            return Tally(unreadable=1)
        if isinstance(answer, str):
            raise ValueError(answer)
        return answer

    def stop(self) -> None:
        """Lets the process finish the frame in hand."""
        if not self._stopped:
            self._stopped = True
            self._process.terminate()

    def end(self) -> None:
        """Ends the process."""
        self.connection.close()  # by which it ends, unless it is at work
        self._process.join(5)
        self._process.terminate()
        self._process.join()


def _work(connection: Connection, open_run: OpenRun, open_source: OpenSource) -> None:
    os.setsid()  # Ctrl-C on a terminal is the parent's, which then stops all of them
    run: PredictionRun | None = None
    with suppress(EOFError, ConnectionError):  # the parent has no more to do, or has died
        while True:
            name, out, draw = connection.recv()
            answer: Tally | str
            try:
                run = run or open_run()
                answer = run.run([Task([open_source(name)], out, draw)], progress=False)
            except KeyboardInterrupt:
                answer = Tally(interrupted=True)
            except (OSError, ValueError, ModuleNotFoundError) as error:
                answer = str(error)
            connection.send(answer)
