"""Outputs of one run that would replace each other."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from handos_model.output.drawn import is_video
from handos_model.output.output_file import Target, partial
from handos_model.output.results import journal

Output = tuple[str, Target]
"""The option that names an output, such as --out, and the output."""


def check_apart(outputs: Iterable[Output]) -> None:
    """Raises ValueError if an output is another one, its unfinished file, or below it: a rosbag2 folder is replaced."""
    given = [(output, _places(*output)) for output in outputs]
    owners: dict[Path, Output] = {}
    for output, places in given:
        for place in places:
            _check(output, owners.setdefault(place, output))
    for output, places in given:
        for parent in (parent for place in places for parent in place.parents):
            if parent in owners and owners[parent][0] == "--out":  # a folder of drawings may hold anything
                _check(output, owners[parent])


def _check(output: Output, other: Output) -> None:
    if output is not other:
        names = " and ".join(f"{option} {target}" for option, target in (other, output))
        raise ValueError(f"{names} would replace each other: give one of them another name")


def _places(option: str, target: Target) -> set[Path]:
    """Everything that an output replaces while it is written."""
    path = Path(os.path.realpath(target.path))
    if option == "--out":
        return {path, partial(path), journal(target.at(path))}
    return {path} if option == "--draw" and not is_video(target) else {path, partial(path)}
