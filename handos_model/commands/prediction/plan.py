"""Plan of a run of `handos predict`: which outputs it writes for which inputs."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from handos_model.io.inputs import ImageSource, Source, UnreadableInput, short_name
from handos_model.io.recording.recording import is_bag_folder
from handos_model.io.recording.source import BagSource
from handos_model.output.apart import check_apart
from handos_model.output.drawn import check_drawing, check_drawing_name
from handos_model.output.frame_record import printable
from handos_model.output.output_file import RESULT_SUFFIXES, Inputs, Target, WriteRules, check_length, unique_name
from handos_model.output.results import (
    TIMELESS,
    check_results,
    check_results_name,
    first_record,
    is_recording,
    journal,
)

NEVER_READ = (*RESULT_SUFFIXES, ".rrd")
PLACE = "{}"
"""Stands for the name of the input in the name of an output."""


@dataclass(frozen=True)
class Task:
    """Inputs whose frames go into the same outputs."""

    sources: list[Source]
    out: Target | None
    draw: Target | None

    @property
    def recorded(self) -> Path | None:
        """The recording that is the only input of the task; None otherwise."""
        only = self.sources[0] if len(self.sources) == 1 else None
        return only.path if isinstance(only, BagSource) else None

    @property
    def outputs(self) -> list[Target]:
        """Those of out and draw that there are."""
        return [output for output in (self.out, self.draw) if output]


def check_names(out: Target | None, draw: Target | None) -> None:
    """Raises ValueError if a name that the user gave for an output is of no known kind."""
    if out:
        check_results_name(out)
    if draw:
        check_drawing_name(draw)


def check_times(sources: list[Source], out: Target | None) -> None:
    """Raises ValueError if results that need times are to be made of images alone, which have none without --fps."""
    images = [source.paths[0] for source in sources if isinstance(source, ImageSource)]
    timeless = all(isinstance(source, ImageSource | UnreadableInput) for source in sources)
    if out and is_recording(out) and images and timeless:
        raise ValueError(f"{images[0]} {TIMELESS}")


def unused(sources: list[Source], of_images: dict[str, Any], of_recordings: dict[str, Any]) -> Iterator[str]:
    """A sentence on each option that is given for images alone, or for recordings alone, if no input is one."""
    for options, kind, name in ((of_images, ImageSource, "images"), (of_recordings, BagSource, "recordings")):
        if not any(isinstance(source, kind | UnreadableInput) for source in sources):
            for option in (option for option, given in options.items() if given):
                yield f"{option} is for {name}, of which there are none: it changes nothing"


def read_again(places: Iterable[str], outputs: Iterable[Target]) -> Iterator[str]:
    """A sentence on each output of a kind that is read, not of results, if it is to lie in a folder of inputs."""
    folders = [place for place in places if os.path.isdir(place) and not is_bag_folder(Path(place))]
    for output in outputs:
        path = Path(os.path.realpath(output.path))
        inside = (folder for folder in folders if path.is_relative_to(os.path.realpath(folder)))
        if output.suffix not in NEVER_READ and (folder := next(inside, None)):
            yield f"{output} lies in the input {folder}: the next run reads it as well, unless it is moved"


def plan(sources: list[Source], out: Target | None, draw: Target | None) -> list[Task]:
    """One task for all inputs, or one for each if the outputs' names contain PLACE."""
    if not any(name and PLACE in str(name) for name in (out, draw)):
        if out and is_recording(out) and len(sources) > 1:
            each = out.path.with_name(f"{PLACE}{out.suffix}")
            raise ValueError(f"--out {out} is a recording, which holds a single input, not {len(sources)}: give {each}")
        return [Task(sources, out, draw)]
    for option, name in (("--out", out), ("--draw", draw)):
        if name and PLACE not in str(name) and len(sources) > 1:
            raise ValueError(
                f"{option} is {name}, one file for all {len(sources)} inputs, while the other output has one per input"
            )
    tasks, taken = [], set[str]()
    for source in sources:
        short = unique_name(short_name(source.name), taken)
        tasks.append(Task([source], _filled(out, short), _filled(draw, short)))
    return tasks


def check_tasks(tasks: list[Task], inputs: Inputs, rules: WriteRules, view: Path | None = None) -> None:
    """Raises ValueError or OSError if an output cannot or must not be written; view: the file of --view.

    A name that is too long for a file costs one of several tasks, which says so when it is its turn.
    """
    for task in tasks:
        try:
            _check_task(task, inputs, rules)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG or len(tasks) == 1:
                raise
    named = [(("--out", task.out), ("--draw", task.draw)) for task in tasks]
    viewed = Target.named(view) if view else None
    check_apart((option, output) for option, output in (*chain.from_iterable(named), ("--view", viewed)) if output)


def _check_task(task: Task, inputs: Inputs, rules: WriteRules) -> None:
    for output in task.outputs:
        check_length(output.path)
    if task.out:
        check_results(task.out, inputs, rules)
        if rules.resume and task.sources:
            _check_complete(task.out, task.sources)
    if task.draw:
        begun = rules.resume and task.out is not None and (task.out.path.exists() or journal(task.out).exists())
        check_drawing(task.draw, inputs, rules, begun)


def _check_complete(out: Target, sources: list[Source]) -> None:
    """Raises ValueError if complete results, which --resume leaves alone, are of other inputs.

    {} stands for clip, clip_2 and so on in the order of the inputs, so one more clip can change what a name stands for.
    """
    image = first_record(out).get("image")
    if not isinstance(image, str):
        return
    names = chain.from_iterable(_names(source) for source in sources)
    if not any(printable(name) in (image, image.rpartition("#")[0]) for name in names):
        raise ValueError(
            f"{out} is complete, but holds {image} and not {sources[0].name}: resume with the same inputs, or give "
            "another --out"
        )


def _names(source: Source) -> Iterable[str]:
    return map(str, source.paths) if isinstance(source, ImageSource) else (source.name,)


def _filled(pattern: Target | None, name: str) -> Target | None:
    return pattern and pattern.at(str(pattern).replace(PLACE, name))
