"""Determines from which section of a ROS parameter file a parameter comes, which ROS does not report."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from handos_model.io.files import MB, Kind
from handos_model.io.yaml_file import read_yaml

PARAMETERS = Kind("parameter file", MB)


class GivenParameters:
    """Parameter names that the arguments of this process set for a node, by section.

    A section whose name ends in * or ** is shared, like `/**` in a file for a whole robot: other nodes read it too.
    """

    def __init__(self, node_name: str, arguments: Sequence[str] | None = None) -> None:
        """node_name: fully qualified; arguments: those of a process, of this one when None."""
        self.shared: set[str] = set()
        """Names that shared sections set for this node, and no other section does."""
        self.ignored: list[str] = []
        """One sentence for each file without a section for this node."""
        own: set[str] = set()
        for option, value in _options(sys.argv if arguments is None else arguments):
            if option != "--params-file":
                own.add(value.partition(":=")[0].rpartition(":")[2])
                continue
            found = _sections(Path(value))
            matching = [section for section in found if _matches(section, node_name)]
            for section in matching:
                (self.shared if section.endswith("*") else own).update(found[section])
            if found and not matching:
                named = ", ".join(found)
                self.ignored.append(f"nothing in {value} is for {node_name}: it has sections for {named}")
        self.shared -= own


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The ROS options that set parameters, each with its value."""
    after_ros_args = False
    for argument, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument in ("--ros-args", "--"):
            after_ros_args = argument == "--ros-args"
        elif after_ros_args and argument in ("--params-file", "-p", "--param"):
            yield argument, value


def _sections(path: Path) -> dict[str, set[str]]:
    """Parameter names by the node names of a file's sections; empty if unreadable, which rcl has already reported."""
    try:
        return dict(_walked(read_yaml(path, PARAMETERS), ""))
    except (OSError, ValueError):
        return {}


def _walked(about: Any, name: str) -> Iterator[tuple[str, set[str]]]:
    for key, value in about.items() if isinstance(about, dict) else ():
        if key == "ros__parameters":
            yield name, set(_flat(value, ""))
        else:
            yield from _walked(value, f"{name}/{str(key).strip('/')}")


def _flat(about: Any, name: str) -> Iterator[str]:
    """Nested keys, joined by dots as in ROS."""
    if not isinstance(about, dict):
        yield name
        return
    for key, value in about.items():
        yield from _flat(value, f"{name}.{key}" if name else str(key))


def _matches(section: str, node_name: str) -> bool:
    """Whether a section is for a node: * stands for one part of a name, ** for any number of them."""
    parts = {"/**": "(/[^/]+)*", "/*": "/[^/]+"}
    pattern = "".join(parts.get(part, re.escape(part)) for part in re.findall("/[^/]*", section))
    return re.fullmatch(pattern, node_name) is not None
