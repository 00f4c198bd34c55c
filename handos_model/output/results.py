"""Results of a run: lines of JSON as frames are done, then the requested file once all are there."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from handos_model.optional_package import missing
from handos_model.output.file_lock import open_alone
from handos_model.output.frame_record import LONGEST_RECORD, NUMBERED, Detail, printable, record_line
from handos_model.output.message_types import Origin
from handos_model.output.output_file import (
    Inputs,
    NotWrittenError,
    Target,
    WriteRules,
    check_file,
    check_not_only_suffix,
    check_nothing_left,
    check_recording_folder,
    completed,
    finish,
    fitted_name,
    named,
    partial,
)
from handos_model.output.recording_writer import write_recording
from handos_model.output.tables import TABLES

PACKAGES = {
    ".jsonl": "",
    **{suffix: table.package for suffix, table in TABLES.items()},
    ".mcap": "rosbags",
    "": "rosbags",
}
"""Package needed to write a file with each suffix; without a suffix it is a rosbag2 folder."""
RESULTS_SUFFIXES = ", ".join(filter(None, PACKAGES))
TIMELESS = "has no time, which a recording needs: set one with --fps N"


def is_recording(out: Target) -> bool:
    """Whether results are a ROS recording, which holds the results of one input."""
    return PACKAGES[out.suffix] == "rosbags"


def check_results_name(out: Target) -> None:
    """Raises ValueError for a suffix of no kind of results, which is a slip, such as .jsnol, and for one alone."""
    check_not_only_suffix("--out", out, filter(None, PACKAGES))
    if out.suffix not in PACKAGES:
        raise ValueError(f"--out is {out}, must end in one of {RESULTS_SUFFIXES}, or in none for a rosbag2 folder")


def check_results(out: Target, inputs: Inputs, rules: WriteRules) -> None:
    """Raises ValueError, OSError or ModuleNotFoundError if results cannot or must not be written, before any are."""
    package = PACKAGES[out.suffix]
    if package and find_spec(package) is None:
        raise missing(f"--out {out}", package)
    if out.suffix:
        check_file(out.path, inputs, rules)
    else:
        check_recording_folder(out.path, inputs, rules)
    if not (rules.overwrite or rules.resume):
        check_nothing_left(journal(out))


def journal(out: Target) -> Path:
    """Where lines are collected until all are there."""
    path = out.path
    return partial(path) if out.suffix == ".jsonl" else path.with_name(fitted_name(path.name, ".part.jsonl"))


def first_record(out: Target) -> dict[str, Any]:
    """The first record of complete results, in tables only some of its keys; empty for recordings and empty results."""
    with suppress(Exception):  # whatever the file contains
        if out.suffix == ".jsonl":
            with out.path.open("rb") as file:
                return dict(json.loads(file.readline(LONGEST_RECORD)))
        if out.suffix in TABLES:
            return TABLES[out.suffix].first(out.path)
    return {}


def write_results(
    records: Iterable[dict[str, Any]], out: Target, detail: Detail, recorded: Path | None, origin: Origin
) -> tuple[str, ...]:
    """Writes complete results in the format of their suffix; an error leaves nothing behind.

    detail, recorded: as of Results; origin: of the hands. Returns sentences on what the file lacks.
    """
    with completed(out.path) as place:
        if out.suffix == ".jsonl":
            with place.open("w", encoding="utf-8") as file:
                file.writelines(map(record_line, records))
        elif out.suffix in TABLES:
            TABLES[out.suffix].write(records, place, detail)
        else:
            name = os.path.basename(os.path.realpath(out.path))
            return write_recording(records, place, name, recorded, out.suffix == ".mcap", origin)
    return ()


class Results:
    """The records of a run, in the order of its frames.

    rules.resume continues an interrupted run: frames that are done are skipped, except that the last of them is done
    again, to check that inputs and options are the same. `sequences` says that frames depend on those before them, as
    with tracking: then the whole last input is done again. recorded: the recording from which all frames come. detail:
    what the records hold of each hand in addition. scale: the scale source of frames without hands.
    """

    def __init__(
        self,
        out: Target,
        rules: WriteRules,
        sequences: bool = False,
        recorded: Path | None = None,
        detail: Detail | None = None,
        scale: str = "prior",
    ) -> None:
        self._detail, self._origin = detail or Detail(), Origin(scale)
        self._out = out.at(os.path.realpath(out.path))
        self.path = self._out.path
        self.place, self._recorded = journal(self._out), recorded
        self.notes: tuple[str, ...] = ()
        """Sentences on what the file lacks; known once it is closed."""
        self.complete = rules.resume and self.path.exists()
        """Whether an earlier run did everything."""
        self._done: deque[str] = deque()  # images of the lines that are kept
        self._again = ""  # the first line that is to be done again
        self._file: IO[bytes] | None = None
        if self.complete:
            return
        with named(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open_alone(self.place)
            if not (rules.resume and self._read_again(self._file, sequences)):
                self._file.seek(0)
                self._file.truncate()

    def _read_again(self, file: IO[bytes], sequences: bool) -> bool:
        """Reads what an interrupted run left, up to the end of the lines that are kept; false if there are none."""
        starts, names, at = [], [], 0
        for line in file:
            name = _image(line)
            if name is None:
                break
            starts.append(at)
            names.append(name)
            at += len(line)
        if not names:
            return False
        first = len(names) - 1
        while sequences and first > 0 and _input(names[first - 1]) == _input(names[-1]):
            first -= 1
        self._done.extend(names[:first])
        file.seek(starts[first])
        self._again = file.readline().decode()
        file.seek(starts[first])
        return True

    def did(self, name: str) -> bool:
        """Whether an earlier run did the frame with this name; call it for every frame, in order."""
        if self.complete:
            return True
        if self._done and self._done[0] == printable(name):
            self._done.popleft()
            return True
        return False

    def refusal(self, name: str, stamp_ns: int | None) -> str:
        """Why a frame with that stamp cannot be part of the results; empty if it can."""
        return f"{name} {TIMELESS}" if stamp_ns is None and is_recording(self._out) else ""

    def write(self, record: dict[str, Any]) -> None:
        """Writes the next frame, which has no refusal; ValueError if an interrupted run wrote another line for it."""
        assert self._file is not None
        line = record_line(record)
        if self._done or (self._again and self._again != line):
            raise self._of_another_run()
        with named(self.path):
            if self._again:
                self._file.truncate()
                self._again = ""
            self._file.write(line.encode())
            self._file.flush()

    def _of_another_run(self) -> NotWrittenError:
        return NotWrittenError(
            f"{self.place} was left by a run with other inputs, options or weights: use --resume with the same ones, "
            "or start over with --overwrite"
        )

    def close(self, complete: bool) -> None:
        """Makes the file if all frames are there; otherwise keeps their lines, if any, for --resume."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with named(self.path), file:
            file.flush()
            if complete and (self._done or self._again):
                raise self._of_another_run()
            if not complete:
                if not self.place.stat().st_size:
                    self.place.unlink()
            elif self._out.suffix == ".jsonl":
                finish(self.place, self.path)
            else:
                self.notes = write_results(self._records(), self._out, self._detail, self._recorded, self._origin)
                self.place.unlink()

    def _records(self) -> Iterator[dict[str, Any]]:
        with self.place.open("rb") as file:
            yield from map(json.loads, file)


def _image(line: bytes) -> str | None:
    """The name of the image in a line; None if the line was cut off."""
    try:
        return str(json.loads(line)["image"]) if line.endswith(b"\n") else None
    except (ValueError, KeyError, TypeError):
        return None


def _input(name: str) -> str:
    """The video or recording from which a frame comes; empty for all pictures, which may be one sequence."""
    numbered = NUMBERED.fullmatch(name)
    return numbered[1] if numbered else ""
