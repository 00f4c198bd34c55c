"""Results of an evaluation as a Markdown table, next to their release thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from handos_model.evaluation.paper.rows import paper_rows

UNITS = {
    **dict.fromkeys(("pa_mpjpe", "pa_mpvpe", "absolute_wrist", "absolute_mpjpe", "bone_spread"), ", mm"),
    **dict.fromkeys(("jitter_3d", "jitter_3d_of_labels"), ", mm"),
    **dict.fromkeys(("jitter_2d", "jitter_2d_of_labels"), ", px"),
}
"""Units of the figures that are not shares."""


@dataclass(frozen=True)
class Bar:
    """A figure, the value that it must reach, and the one that it should reach."""

    dataset: str
    figure: str  # key in the results of the data set
    label: str
    floor: float
    goal: float
    less_is_better: bool = False
    decimals: int = 3

    def verdict(self, value: float) -> str:
        """Which of the two the value reaches."""
        sign = -1 if self.less_is_better else 1
        if sign * value >= sign * self.goal:
            return "goal"
        return "floor" if sign * value >= sign * self.floor else "below"


BARS = (
    Bar("annotated", "pck@0.1", "PCK@.1", 0.48, 0.56),
    Bar("annotated", "pck@0.05", "PCK@.05", 0.27, 0.33),
    Bar("val", "pck@0.1", "PCK@.1", 0.85, 0.90),
    Bar("val", "side", "side right", 0.985, 0.995),
    Bar("val", "pa_mpjpe", "PA-MPJPE, mm", 9, 9, True, 1),
    Bar("backgrounds", "false_hands", "false hands per photo", 0.01, 0.002, True),
    Bar("renders", "pa_mpjpe", "PA-MPJPE of those found, mm", 12, 8, True, 1),
    Bar("renders", "pa_mpvpe", "PA-MPVPE of those found, mm", 10, 7, True, 1),
    Bar("renders", "f@15", "F@15 of those found", 0.95, 0.98),
    Bar("renders", "pa_mpjpe_missed_as_zeros", "PA-MPJPE, missed as zeros, mm", 16, 10, True, 1),
    Bar("renders", "found_share", "share found", 0.88, 0.97),
    Bar("renders", "side", "side right", 0.94, 0.98),
    Bar("videos", "frames_with_a_hand", "frames with a hand, worse video", 0.97, 1.0),
)


def markdown(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures that have a bar, then all figures of every data set and of the groups within it."""
    lines = ["| data set | figure | value | floor | goal | reached |", "|---|---|---|---|---|---|"]
    for bar in BARS:
        value = results.get(bar.dataset, {}).get(bar.figure)
        if value is not None:
            numbers = " | ".join(f"{number:.{bar.decimals}f}" for number in (value, bar.floor, bar.goal))
            lines.append(f"| {bar.dataset} | {bar.label} | {numbers} | {bar.verdict(value)} |")
    for name, figures in results.items():
        lines += ["", *_table(name, figures)]
    return "\n".join(lines) + "\n"


def dataset_markdown(results: Mapping[str, Any]) -> str:
    """Figures of `evaluate_dataset` beside the paper's rows, then what is missing and why."""
    rows = paper_rows(results["dataset"], results["split"])
    figures = results["figures"]
    measured = f"{results['dataset']} {results['split']}, {results['images']} images"
    header = [measured, *(f"HandOS, {row.table}, {row.label}" for row in rows)]
    lines = [f"| figure | {' | '.join(header)} |", "|---" * (len(header) + 1) + "|"]
    columns = [figures, *(row.figures for row in rows)]
    for names in by_stem(name for column in columns for name in column):
        cells = (" / ".join(number(name, column[name]) for name in names if name in column) for column in columns)
        lines.append(f"| {labelled(names)} | {' | '.join(cells)} |")
    lines += ["", *(f"No {name}: {reason}." for name, reason in results["absent"].items())]
    return "\n".join(lines).rstrip() + "\n"


def labelled(names: list[str]) -> str:
    """The label of a row of one figure at one or several thresholds."""
    stem = names[0].partition("@")[0]
    thresholds = "/".join(name.removeprefix(f"{stem}@") for name in names)
    return stem + UNITS.get(stem, "") if names == [stem] else f"{stem}@{thresholds}"


def by_stem(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that share a row, as they differ only in what follows "@"."""
    rows: dict[str, dict[str, None]] = {}
    for name in names:
        rows.setdefault(name.partition("@")[0], {})[name] = None
    return [list(row) for row in rows.values()]


def _table(name: str, figures: Mapping[str, Any]) -> list[str]:
    """One column per group, one row per figure."""
    columns = {name: figures} | dict(figures.get("groups", {}))
    rows = list(dict.fromkeys(key for column in columns.values() for key in column if key != "groups"))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        cells = " | ".join(number(row, column.get(row)) for column in columns.values())
        lines.append(f"| {row} | {cells} |")
    return lines


def number(figure: str, value: float | int | None) -> str:
    """A figure as text; nothing for None."""
    if value is None:
        return ""
    lengths = figure.startswith(("pa_", "wrist_mm", "jitter_px")) or figure in UNITS
    return str(value) if isinstance(value, int) else f"{value:.1f}" if lengths else f"{value:.3f}"
