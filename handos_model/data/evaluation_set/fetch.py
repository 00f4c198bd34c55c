"""Fetches the evaluation set into a folder that `handos evaluate --data` reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from handos_model.data.evaluation_set.joint_records import joint_records
from handos_model.data.evaluation_set.kept_photo import kept_photo
from handos_model.data.evaluation_set.manifest import EvaluationFile, Repository, evaluation_files
from handos_model.io.files import shown
from handos_model.output.output_file import check_folder, completed

Reader = Callable[[Repository, str], bytes]

RECORDS = "annotated/annotations.json"
SOURCES = "SOURCES.md"


def fetch(folder: Path, read: Reader, files: tuple[EvaluationFile, ...] | None = None) -> int:
    """Fetches and checks every file, and writes a list of their sources; returns the number of fetched files.

    files: those of docs/accuracy.md by default. A file that already exists is kept. OSError for a file that cannot be
    fetched and a folder that cannot be written to, ValueError for a file that differs from that of the published
    figures and a folder that is none.
    """
    check_folder(folder)
    files = evaluation_files() if files is None else files
    wanted = [file for file in files if not _is_there(folder / file.path, file.sha256)]
    for file in tqdm(wanted, unit="file", disable=None, leave=False):
        _keep(folder / file.path, _made(file, read(file.repository, file.source)), file.sha256)
    records = json.dumps(joint_records((folder / RECORDS).parent)).encode()
    for name, content in ((RECORDS, records), (SOURCES, sources(files).encode())):
        _keep(folder / name, content, hashlib.sha256(content).hexdigest())
    return len(wanted)


def sources(files: tuple[EvaluationFile, ...]) -> str:
    """A table of the repositories, their commits and licences, with the number of files from each."""
    counts: dict[Repository, int] = {}
    for file in files:
        counts[file.repository] = counts.get(file.repository, 0) + 1
    lines = ["| files | repository | commit | licence | data |", "|---|---|---|---|---|"]
    for repository, count in counts.items():
        terms = repository.terms or "under the same licence"
        lines.append(f"| {count} | {repository.repository} | {repository.commit} | {repository.licence} | {terms} |")
    return "\n".join(lines) + "\n"


def _made(file: EvaluationFile, content: bytes) -> bytes:
    made = kept_photo(content, file.longest, file.crop) if file.longest else content
    if hashlib.sha256(made).hexdigest() != file.sha256:
        where = f"{file.source} of {file.repository.repository} at {file.repository.commit}"
        raise ValueError(f"{file.path}, made of {where}, differs from the file of the published figures")
    return made


def _is_there(path: Path, sha256: str) -> bool:
    if not path.exists():
        return False
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{shown(path)} differs from the file of the published figures: give another folder")
    return True


def _keep(path: Path, content: bytes, sha256: str) -> None:
    if not _is_there(path, sha256):
        with completed(path) as place:
            place.write_bytes(content)
