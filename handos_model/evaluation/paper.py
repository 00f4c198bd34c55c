"""What the paper reports (CVPR 2025, tables 1 to 5 and supplement III), to set beside what is measured.

Shares from 0 to 1, lengths in mm; the names are those of the figures of evaluation/dataset.py. Which of
DexYCB's setups table 4 is of, the paper does not say; S0, the toolkit's first, is assumed. Left out is the box AP of
section 4.2: COCO-WholeBody does not promise to list every hand, so no AP is measured on it here.
"""

from __future__ import annotations

from dataclasses import dataclass

from handos_model.evaluation.hand_errors import PCK_FRACTIONS
from handos_model.evaluation.scoring import Figures


@dataclass(frozen=True)
class PaperRow:
    """One row of one table."""

    dataset: str  # as the registry names it
    split: str  # likewise
    label: str
    figures: Figures


def _mesh(pj: float, pv: float, f5: float, f15: float) -> Figures:
    return {"pa_mpjpe": pj, "pa_mpvpe": pv, "f@5": f5, "f@15": f15}


def _pck(*rows: tuple[str, tuple[float, ...]]) -> Figures:
    """Percent of table 5 at .05, .1 and .15 as shares."""
    return {
        f"{name}@{fraction:g}": round(percent / 100, 3)
        for name, percents in rows
        for fraction, percent in zip(PCK_FRACTIONS, percents, strict=True)
    }


PAPER = (
    PaperRow("freihand", "evaluation", "table 1", _mesh(5.0, 5.3, 0.812, 0.991)),
    PaperRow("freihand", "evaluation", "table 2, both hands", _mesh(5.3, 5.6, 0.799, 0.989)),
    PaperRow("ho3d", "evaluation", "table 3", _mesh(8.4, 8.4, 0.584, 0.962)),
    PaperRow("ho3d", "evaluation", "table 3, more data", _mesh(6.8, 6.7, 0.688, 0.983)),
    PaperRow("dexycb", "s0_test", "table 4", {"pa_mpjpe": 5.2, "pa_mpvpe": 5.0, "auc": 0.896}),
    PaperRow(
        "hint", "test_newdays", "table 5, NewDays",
        _pck(
            ("pck_2d", (55.8, 75.8, 84.5)), ("pck_proj", (53.7, 75.9, 85.1)),
            ("pck_2d_visible", (69.8, 85.0, 90.6)), ("pck_proj_visible", (65.7, 84.2, 90.5)),
            ("pck_2d_occluded", (35.5, 63.4, 76.1)), ("pck_proj_occluded", (35.8, 64.4, 77.5)),
        ),
    ),
    PaperRow(
        "hint", "test_visor", "table 5, VISOR",
        _pck(
            ("pck_2d", (66.2, 85.3, 91.8)), ("pck_proj", (64.8, 85.4, 92.0)),
            ("pck_2d_visible", (80.3, 92.5, 95.7)), ("pck_proj_visible", (78.1, 92.1, 95.6)),
            ("pck_2d_occluded", (51.3, 77.9, 87.4)), ("pck_proj_occluded", (50.6, 78.5, 88.0)),
        ),
    ),
    PaperRow(
        "hint", "test_ego4d", "table 5, Ego4D",
        _pck(
            ("pck_2d", (64.6, 85.3, 92.8)), ("pck_proj", (63.4, 85.3, 92.9)),
            ("pck_2d_visible", (79.7, 93.1, 96.6)), ("pck_proj_visible", (77.4, 92.8, 96.6)),
            ("pck_2d_occluded", (46.3, 75.7, 86.9)), ("pck_proj_occluded", (46.3, 76.1, 87.3)),
        ),
    ),
    PaperRow("hint", "test", "supplement III", {"side": 0.979, "side_recall": 1.0}),
)  # fmt: skip


def paper_rows(dataset: str, split: str) -> list[PaperRow]:
    """The rows that a split of a data set may be set beside; none for what the paper does not report."""
    return [row for row in PAPER if (row.dataset, row.split) == (dataset, split)]
