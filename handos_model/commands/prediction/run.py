"""The run of `handos predict`: processes every frame of every input, even if some are damaged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

from tqdm import tqdm

from handos_model.commands.prediction.changed_options import changed_options
from handos_model.commands.prediction.frame_finder import FrameFinder
from handos_model.commands.prediction.plan import Task
from handos_model.commands.prediction.signals import interruptible
from handos_model.commands.prediction.tally import Tally
from handos_model.io.files import message
from handos_model.io.frame import Frame, doubt_of
from handos_model.io.inputs import Source, frames_until_error, is_single_image
from handos_model.output.drawn import Drawing, open_drawing
from handos_model.output.frame_record import Detail, frame_record, record_line
from handos_model.output.output_file import NotWrittenError, Target, WriteRules, check_length, writing
from handos_model.output.results import Results, first_record
from handos_model.view.viewer import View, Viewer

NAMED_PROBLEMS = 20
"""Number of frames per input whose problems are printed; the rest are counted."""


class PredictionRun:
    """Does tasks, counts frames, and reports what could not be read."""

    def __init__(self, finder: FrameFinder, detail: Detail, fps: float | None, viewer: Viewer | None = None) -> None:
        """fps: of the images of a folder, which then are a sequence; viewer: shows the whole run."""
        self._finder, self._detail, self._fps = finder, detail, fps
        self._viewer = viewer
        self._view: View | None = None
        self._tally = Tally()
        self._still = 0
        """Number of the next image in a sequence whose times come from --fps."""
        self._assumed = False
        """Whether the camera of the current input is assumed."""
        self._reported: set[str] = set()
        self._stopped: Callable[[], bool] = lambda: False

    def run(self, tasks: list[Task], rules: WriteRules, progress: bool = True, several: bool = False) -> Tally:
        """Does the tasks until a signal stops it.

        progress: show a bar if stderr is a terminal. several: a single task is one of several that others do. Of
        several, one whose outputs cannot be written is named and counted; NotWrittenError if it is the only one.
        """
        self._tally = Tally()
        total = sum(len(source) for task in tasks for source in task.sources)
        bar = tqdm(total=total or None, unit="frame", file=sys.stderr, disable=None if progress else True, leave=False)
        with bar, interruptible() as self._stopped, self._viewing() as self._view:
            for task in tasks:
                if not self._stopped():
                    self._try_task(task, rules, bar, several or len(tasks) > 1)
            self._tally.interrupted = self._stopped()
        return self._tally

    def _viewing(self) -> AbstractContextManager[View | None]:
        return self._viewer.opened(self._finder.faces, self._stopped) if self._viewer else nullcontext()

    def _try_task(self, task: Task, rules: WriteRules, bar: tqdm, several: bool) -> None:
        """Does a task; an output of several that cannot be written costs this task alone."""
        try:
            for output in task.outputs:
                with writing(output):
                    check_length(output.path)
            self._run_task(task, rules, bar)
        except NotWrittenError as error:
            if not several:
                raise
            self._say(str(error))
            self._tally.unwritten += 1

    def _run_task(self, task: Task, rules: WriteRules, bar: tqdm) -> None:
        self._still = 0  # a sequence ends with its outputs, so that they are the same whichever other tasks are done
        options = rules, self._finder.track, task.recorded, self._detail, self._finder.scale
        with writing(task.out):
            results = Results(task.out, *options) if task.out else None
        if task.out and results and results.complete:
            self._say(f"{task.out} is complete, {self._kept(first_record(task.out))}")
            return
        drawing: Drawing | None = None
        before = self._tally.frames + self._tally.earlier
        try:
            with writing(task.draw):
                drawing = open_drawing(task.draw, _fps(task.sources) or self._fps) if task.draw else None
            for source in task.sources:
                self._run_source(source, task, results, drawing, bar)
        except BaseException:
            for output in (drawing, results):
                with suppress(OSError):  # the first error counts
                    if output:
                        output.close(complete=False)
            raise
        complete = not self._stopped() and (
            self._tally.frames + self._tally.earlier > before or not self._tally.unreadable
        )
        with ExitStack() as stack:
            for output, target in ((drawing, task.draw), (results, task.out)):
                if output:
                    stack.callback(_close, output, target, complete)
        for note in results.notes if results else ():
            self._say(f"{task.out}: {note}")
        if self._stopped() and results and results.place.exists():
            self._say(f"{results.place} contains the results so far; --resume continues from there")

    def _kept(self, first: dict[str, Any]) -> str:
        """The end of a sentence about complete results, which are kept; first: their first record."""
        if changed := changed_options(first, self._finder, self._detail):
            return f"but {' and '.join(changed)} differed in its run: --overwrite in place of --resume makes it anew"
        return "and keeps what the options of its own run gave"

    def _run_source(
        self, source: Source, task: Task, results: Results | None, drawing: Drawing | None, bar: tqdm
    ) -> None:
        single = is_single_image(source)
        if not (self._fps and self._still and single):  # images given one by one are one sequence
            self._still = 0
            self._finder.begin_input()
            if drawing:
                drawing.begin_input()
            if self._view:
                with _showing():
                    self._view.begin_input()
        problems, self._assumed = 0, False
        for frame in map(self._timed, frames_until_error(source, source.name)):
            if self._stopped():
                break
            if frame.image is not None and results and results.did(frame.name):
                self._tally.earlier += 1
                if drawing:
                    drawing.skip(frame.name)
            elif problem := frame.problem if frame.image is None else self._do(frame, task, results, drawing):
                problems += 1
                if problems <= NAMED_PROBLEMS:
                    self._say(problem)
            bar.update()
        if problems > NAMED_PROBLEMS:
            self._say(f"{problems - NAMED_PROBLEMS} more frames of {source.name} could not be read")
        self._tally.unreadable += problems
        self._tally.assumed += self._assumed
        if not single:
            self._still = 0  # a folder is a sequence of its own

    def _do(self, frame: Frame, task: Task, results: Results | None, drawing: Drawing | None) -> str:
        """Predicts and writes one frame; returns why it could not be predicted."""
        if results and (refusal := results.refusal(frame.name, frame.stamp_ns)):
            return refusal
        try:
            camera, intrinsics = self._finder.camera(frame)
        except ValueError as error:
            self._tally.unfit += 1
            return f"cannot use {frame.name}: {error}"
        if frame.image is not None and (doubt := doubt_of(frame.image)):
            self._say_once("dark", f"{frame.name} can hardly show hands: {doubt}")
        try:
            hands = self._finder.find(frame, camera)
            record = frame_record(
                frame, camera, intrinsics, hands, self._finder.model, self._detail, self._finder.mirrored
            )
            drawn = self._finder.draw(frame, camera, hands) if drawing else None
        except Exception as error:  # whatever a file contains, the other files are processed
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            return f"cannot use {frame.name}: {reason}"
        if self._finder.depth_problem:
            self._say_once("depth", f"the depth of {frame.name} cannot be used: {self._finder.depth_problem}")
        if self._finder.track and frame.stamp_ns is None:
            self._say_once("time", f"{frame.name} is not tracked: images have no time unless --fps N gives it")
        try:
            if drawing and drawn is not None:
                with writing(task.draw):
                    drawing.write(frame.name, drawn, frame.stamp_ns)
            if self._view:
                with _showing():
                    self._view.write(*self._finder.unmirrored(frame, camera, hands))
        except ValueError as error:
            return f"cannot use {frame.name}: {error}"
        self._tally.frames += 1
        self._tally.hands += len(hands)
        self._assumed |= intrinsics == "assumed"
        if results:
            with writing(task.out):
                results.write(record)
        elif not (drawing or self._view):
            sys.stdout.write(record_line(record))
            sys.stdout.flush()
        return ""

    def _timed(self, frame: Frame) -> Frame:
        """The frame, with a time if it is an image of a sequence."""
        if self._fps is None or frame.stamp_ns is not None:
            return frame
        self._still += 1
        return replace(frame, stamp_ns=round((self._still - 1) * 1e9 / self._fps))

    def _say_once(self, subject: str, text: str) -> None:
        if subject not in self._reported:
            self._reported.add(subject)
            self._say(f"{text} (reported once)")

    def _say(self, text: str) -> None:
        tqdm.write(f"handos predict: {message(text)}", file=sys.stderr)


def _close(output: Drawing | Results, target: Target | None, complete: bool) -> None:
    with writing(target):
        output.close(complete=complete)


@contextmanager
def _showing() -> Iterator[None]:
    """Raises a BrokenPipeError of the viewer as another error, since the command takes it for the end of stdout."""
    try:
        yield
    except BrokenPipeError as error:
        raise OSError(f"the viewer takes no more frames: {error.strerror}") from error


def _fps(sources: list[Source]) -> float | None:
    return next((source.fps for source in sources if source.fps), None)
