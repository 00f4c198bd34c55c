"""The files of the evaluation set, files.csv, and the pinned commits that they come from, repositories.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Repository:
    """A public repository on GitHub at one commit."""

    repository: str  # owner/name
    commit: str
    licence: str
    terms: str  # of the data, where they are not those of the licence


@dataclass(frozen=True)
class EvaluationFile:
    """A file of the set, and how it is made of one in a repository."""

    path: str  # below the set's folder
    repository: Repository
    source: str  # path in the repository
    sha256: str  # of the file as it is kept
    longest: tuple[int, ...]  # px: the photo is brought to each of these in turn; none: a copy
    crop: tuple[int, int, int, int] | None  # left, top, right, bottom, px of the source


@cache
def repositories() -> dict[str, Repository]:
    """Every repository by its key."""
    return {row.pop("key"): Repository(**row) for row in _rows("repositories.csv")}


@cache
def evaluation_files() -> tuple[EvaluationFile, ...]:
    """Every file that comes from a repository."""
    known = repositories()
    return tuple(
        EvaluationFile(
            row["path"], known[row["from"]], row["source"], row["sha256"],
            tuple(map(int, row["longest"].split())), _crop(row["crop"]),
        )
        for row in _rows("files.csv")
    )  # fmt: skip


def _crop(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    left, top, right, bottom = map(int, text.split())
    return left, top, right, bottom


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
