"""Prints every row of the paper next to the results in a folder, and why cells are empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handos_model.evaluation.paper.rows import PAPER, PaperRow
from handos_model.evaluation.report import by_stem, labelled, number

MISSING = "not measured: there is no {path}"


def paper_markdown(folder: Path) -> str:
    """A Markdown table for each of the paper's. FileNotFoundError without the folder, ValueError for a damaged file."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}: `handos reproduce` makes one with a file per row")
    lines, empty, table = [], [], ""
    for row in PAPER:
        if row.table != table:
            table = row.table
            lines += ["", f"## {table}", "", "| row | measured on | figure | paper | ours |", "|---|---|---|---|---|"]
        results = read_results(folder / row.source.file)
        for names in by_stem(row.figures):
            ours, reasons = _cell(row, names, results, folder)
            paper = " / ".join(number(name, row.figures[name]) for name in names)
            measured = f"{row.source.dataset} {row.source.split}, {row.source.recipe}"
            lines.append(f"| {row.label} | {measured} | {labelled(names)} | {paper} | {ours} |")
            empty += [f"- {row.table}, {row.label}: {reason}." for reason in reasons]
    lines += ["", f"Empty: {len(empty)} cells.", *dict.fromkeys(empty)]
    return "\n".join(lines).lstrip() + "\n"


def _cell(row: PaperRow, names: list[str], results: dict[str, Any] | None, folder: Path) -> tuple[str, list[str]]:
    """The measured figures as text, and reasons for those that are missing."""
    if results is None:
        return "", [MISSING.format(path=folder / row.source.file)]
    figures, absent = results["figures"], results["absent"]
    missing = [name for name in names if name not in figures]
    reasons = [
        f"no {name}: {absent.get(name.partition('@')[0], 'the evaluation did not report it')}" for name in missing
    ]
    return " / ".join(number(name, figures.get(name)) for name in names).strip(" /"), reasons


def read_results(path: Path) -> dict[str, Any] | None:
    """The results that `handos evaluate --json` wrote; None if there is no such file."""
    if not path.is_file():
        return None
    try:
        results = json.loads(path.read_text())
        if not isinstance(results["figures"], dict) or not isinstance(results["absent"], dict):
            raise ValueError("its figures are not a mapping")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged or was not written by `handos evaluate --json`: {error!r}") from error
    return results
