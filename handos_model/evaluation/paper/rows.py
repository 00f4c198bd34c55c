"""The paper's own results (CVPR 2025 and supplement), row by row, and the measurement behind each row.

Shares from 0 to 1, lengths in mm; the names are those of the figures of evaluation/dataset.py and detection.py. The
paper does not say which of DexYCB's setups Table 4 uses; S0, the toolkit's first, is assumed. Tables VIII, IX and X of
one edition are Tables I, II and III in the supplement of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from handos_model.evaluation.hand_errors import PAPER_PCK_FRACTIONS
from handos_model.evaluation.scoring import Figures

FOUND_HANDS, GIVEN_BOXES, DETECTOR = "hands", "given_boxes", "detector"
"""The hands that are scored: those found; hands in the boxes of the labels; the detector's own boxes."""
HINT = ("newdays", "visor", "ego4d")


@dataclass(frozen=True)
class Measurement:
    """One evaluation of what one recipe trained."""

    recipe: str
    dataset: str  # as the registry names it
    split: str  # likewise
    what: str = FOUND_HANDS

    @property
    def file(self) -> str:
        """Its path below a folder of results."""
        suffix = "" if self.what == FOUND_HANDS else f"_{self.what}"
        return f"{self.recipe}/{self.dataset}_{self.split}{suffix}.json"


@dataclass(frozen=True)
class PaperRow:
    """Figures of one row of one table that come from one measurement."""

    table: str
    label: str
    source: Measurement
    figures: Figures
    ablation: bool = False  # not a main result, only comparable with others of its table


def _mesh(pj: float, pv: float, f5: float, f15: float) -> Figures:
    return {"pa_mpjpe": pj, "pa_mpvpe": pv, "f@5": f5, "f@15": f15}


def _share(percent: float) -> float:
    return round(percent / 100, 3)


def _pck(*rows: tuple[str, tuple[float, ...]]) -> Figures:
    """Percent of table 5 at .05, .1 and .15 as shares."""
    return {
        f"{name}@{fraction:g}": _share(percent)
        for name, percents in rows
        for fraction, percent in zip(PAPER_PCK_FRACTIONS, percents, strict=True)
    }


def _table_5() -> list[PaperRow]:
    figures = {
        "newdays": _pck(
            ("pck_2d", (55.8, 75.8, 84.5)),
            ("pck_proj", (53.7, 75.9, 85.1)),
            ("pck_2d_visible", (69.8, 85.0, 90.6)),
            ("pck_proj_visible", (65.7, 84.2, 90.5)),
            ("pck_2d_occluded", (35.5, 63.4, 76.1)),
            ("pck_proj_occluded", (35.8, 64.4, 77.5)),
        ),
        "visor": _pck(
            ("pck_2d", (66.2, 85.3, 91.8)),
            ("pck_proj", (64.8, 85.4, 92.0)),
            ("pck_2d_visible", (80.3, 92.5, 95.7)),
            ("pck_proj_visible", (78.1, 92.1, 95.6)),
            ("pck_2d_occluded", (51.3, 77.9, 87.4)),
            ("pck_proj_occluded", (50.6, 78.5, 88.0)),
        ),
        "ego4d": _pck(
            ("pck_2d", (64.6, 85.3, 92.8)),
            ("pck_proj", (63.4, 85.3, 92.9)),
            ("pck_2d_visible", (79.7, 93.1, 96.6)),
            ("pck_proj_visible", (77.4, 92.8, 96.6)),
            ("pck_2d_occluded", (46.3, 75.7, 86.9)),
            ("pck_proj_occluded", (46.3, 76.1, 87.3)),
        ),
    }
    names = dict(zip(HINT, ("NewDays", "VISOR", "Ego4D"), strict=True))
    return [PaperRow("Table 5", names[part], _hint("paper_hint", part), figures[part]) for part in HINT]


def _hint(recipe: str, part: str) -> Measurement:
    return Measurement(recipe, "hint", f"test_{part}")


def _freihand(recipe: str) -> Measurement:
    return Measurement(recipe, "freihand", "evaluation")


def _table_6() -> list[PaperRow]:
    rows = {
        "Q_inst, F_e6, backbone": ("paper_2d", (73.8, 82.5, 86.7)),
        "Q_uni": ("table6_unified_query", (71.9, 80.7, 86.5)),
        "F_e4": ("table6_memory_4", (71.5, 79.5, 85.9)),
        "Swin-T from scratch": ("table6_scratch", (64.7, 75.6, 80.1)),
    }
    return [
        PaperRow("Table 6", label, _hint(recipe, part), {"pck_2d@0.1": _share(percent)}, True)
        for label, (recipe, percents) in rows.items()
        for part, percent in zip(HINT, percents, strict=True)
    ]


def _with_freihand(table: str, rows: dict[str, tuple[str, tuple[tuple[float, float], ...], float]]) -> list[PaperRow]:
    """Tables 7 and IX: PCK@.1 in 2D and projected on HInt's three parts, PA-MPVPE on FreiHAND."""
    found = []
    for label, (recipe, pairs, mesh) in rows.items():
        for part, (flat, projected) in zip(HINT, pairs, strict=True):
            figures = {"pck_2d@0.1": _share(flat), "pck_proj@0.1": _share(projected)}
            found.append(PaperRow(table, label, _hint(recipe, part), figures, True))
        found.append(PaperRow(table, label, _freihand(recipe), {"pa_mpvpe": mesh}, True))
    return found


def _table_8() -> list[PaperRow]:
    rows = {
        "all losses": ("paper_hint", 85.3, 5.6),
        "without OKS": ("table8_no_oks", 83.2, 5.8),
        "and without normal consistency": ("table8_no_consistency", 83.2, 5.9),
        "and without normal and edge": ("table8_no_shape", 82.9, 13.2),
    }
    found = []
    for label, (recipe, percent, mesh) in rows.items():
        found.append(PaperRow("Table VIII (I)", label, _hint(recipe, "ego4d"), {"pck_2d@0.1": _share(percent)}, True))
        found.append(PaperRow("Table VIII (I)", label, _freihand(recipe), {"pa_mpvpe": mesh}, True))
    return found


_OURS = ((75.8, 75.9), (85.3, 85.4), (85.3, 85.3))  # Table 7, row (c), and the main text of Table IX
_HO3D, _MORE = (Measurement(name, "ho3d", "evaluation") for name in ("paper_ho3d", "paper_more_data"))
_BOXES = Measurement("paper_ho3d", "ho3d", "evaluation", GIVEN_BOXES)
_DEXYCB = Measurement("paper_dexycb", "dexycb", "s0_test")
_SIDES = Measurement("paper_hint", "hint", "test")
_COCO = {name: Measurement(name, "coco_wholebody", "val", DETECTOR) for name in ("paper_hint", "table9_other_detector")}

PAPER: tuple[PaperRow, ...] = (
    PaperRow("Table 1", "FreiHAND", _freihand("paper_freihand"), _mesh(5.0, 5.3, 0.812, 0.991)),
    PaperRow("Table 2", "right hands", _freihand("paper_freihand"), _mesh(5.0, 5.3, 0.812, 0.991), True),
    PaperRow("Table 2", "both hands", _freihand("paper_freihand_both"), _mesh(5.3, 5.6, 0.799, 0.989)),
    PaperRow("Table 3", "HO-3D", _HO3D, _mesh(8.4, 8.4, 0.584, 0.962)),
    PaperRow("Table 3", "more data", _MORE, _mesh(6.8, 6.7, 0.688, 0.983)),
    PaperRow("Table 4", "DexYCB", _DEXYCB, {"pa_mpjpe": 5.2, "pa_mpvpe": 5.0, "auc": 0.896}),
    *_table_5(),
    *_table_6(),
    *_with_freihand(
        "Table 7",
        {
            "(a) separate": ("table7_a_separate", ((75.1, 70.9), (84.9, 81.2), (84.9, 82.1)), 6.4),
            "(b) one way": ("table7_b_one_way", ((75.7, 75.8), (85.1, 85.3), (85.2, 85.2)), 5.7),
            "(c) hierarchical": ("paper_hint", _OURS, 5.6),
            "(d) full": ("table7_d_full", ((74.6, 74.8), (84.1, 84.2), (84.6, 84.5)), 5.9),
        },
    ),
    *_table_8(),
    *_with_freihand(
        "Table IX (II)",
        {
            "Grounding DINO": ("paper_hint", _OURS, 5.6),
            "other detector (DINO-X)": (
                "table9_other_detector",
                ((76.3, 76.5), (84.8, 84.6), (85.6, 85.5)),
                5.5,
            ),
        },
    ),
    PaperRow("Table X (III)", "HO-3D", _HO3D, _mesh(8.4, 8.4, 0.584, 0.962), True),
    PaperRow("Table X (III)", "with given boxes", _BOXES, _mesh(8.4, 8.5, 0.581, 0.962), True),
    PaperRow("Table X (III)", "more data", _MORE, _mesh(6.8, 6.7, 0.688, 0.983), True),
    PaperRow("supplement III", "left and right", _SIDES, {"side": 0.979, "side_recall": 1.0}),
    PaperRow("section 4.2", "hands of COCO, Grounding DINO", _COCO["paper_hint"], {"detector_ap": 0.44}, True),
    PaperRow("section 4.2", "hands of COCO, DINO-X", _COCO["table9_other_detector"], {"detector_ap": 0.428}, True),
)


def paper_rows(dataset: str, split: str) -> list[PaperRow]:
    """The main results of the paper for a split of a data set; empty if the paper does not report it."""
    return [row for row in PAPER if (row.source.dataset, row.source.split) == (dataset, split) and not row.ablation]


def measurements() -> list[Measurement]:
    """Every evaluation that a cell of the paper needs, each once."""
    return list(dict.fromkeys(row.source for row in PAPER))
