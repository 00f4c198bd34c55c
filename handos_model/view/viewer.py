"""The viewer that `--view` names, and what it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from handos_model.optional_package import missing
from handos_model.output.output_file import Inputs, WriteRules, check_file
from handos_model.view.foxglove_view import FoxgloveView
from handos_model.view.rerun_view import RerunView

View = RerunView | FoxgloveView
VIEWS: dict[str, type[View]] = {"rerun": RerunView, "foxglove": FoxgloveView}
SUFFIXES = {"rerun": ".rrd", "foxglove": ".mcap"}
"""Suffixes of the files that viewers open; the package of a viewer has the viewer's name."""
SPELLING = "rerun, rerun=FILE.rrd, foxglove or foxglove=FILE.mcap"


@dataclass(frozen=True)
class Viewer:
    """A viewer that the user asked for: live if there is no path, else a file that it opens."""

    name: str
    path: Path | None = None

    @classmethod
    def named(cls, text: str) -> Viewer:
        """The viewer named by an option; ValueError if it is wrong, ModuleNotFoundError if it is not installed."""
        name, equals, file = text.partition("=")
        if name not in VIEWS or (equals and not file):
            raise ValueError(f"--view is {text!r}, must be {SPELLING}")
        if file and Path(file).suffix.lower() != SUFFIXES[name]:
            raise ValueError(f"--view is {text!r}, a file of {name.capitalize()} must end in {SUFFIXES[name]}")
        if "{}" in file:
            raise ValueError(f"--view is {text!r}, must be one file, as it holds all inputs one after another")
        if find_spec(name) is None:
            raise missing(f"--view {name}", f"{name}-sdk")
        return cls(name, Path(file) if file else None)

    def check(self, inputs: Inputs, rules: WriteRules, parallel: bool = False) -> None:
        """Raises ValueError or OSError if the view cannot be opened; parallel: inputs run at the same time."""
        if parallel:
            raise ValueError("--view shows one input after another: leave out --jobs and --ray")
        if self.path is None:
            if self.name == "rerun" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
                raise ValueError(
                    "--view rerun opens a window, but there is no display: use --view rerun=FILE.rrd, and open that "
                    "file with `rerun FILE.rrd` on a machine with a display"
                )
            return
        check_file(self.path, inputs, rules)
        if rules.resume:
            raise ValueError("a file of --view cannot be resumed: leave it out, or use --overwrite")

    @contextmanager
    def opened(self, faces: np.ndarray, stopped: Callable[[], bool]) -> Iterator[View]:
        """The view of a run; its file is complete if nothing stopped it. faces (F, 3): of the hands' template."""
        view = VIEWS[self.name](self.path, faces)
        try:
            view.wait(stopped)
            yield view
        except BaseException:
            with suppress(OSError):  # the first error counts
                view.close(complete=False)
            raise
        view.close(complete=not stopped())
