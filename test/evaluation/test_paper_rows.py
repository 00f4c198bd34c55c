"""The paper's rows, and the table that sets figures beside them."""

from __future__ import annotations

import numpy as np
import pytest
from small_evaluation import Listed, Predictor, hand, sample, seen

from handos_model.evaluation.dataset import evaluate_dataset
from handos_model.evaluation.detection import ImageDetections, box_figures
from handos_model.evaluation.paper.rows import PAPER, paper_rows
from handos_model.evaluation.report import dataset_markdown


@pytest.mark.parametrize(
    ("dataset", "split", "expected"),
    [
        ("freihand", "evaluation", [(5.0, 5.3, 0.812, 0.991), (5.3, 5.6, 0.799, 0.989)]),
        ("ho3d", "evaluation", [(8.4, 8.4, 0.584, 0.962), (6.8, 6.7, 0.688, 0.983)]),
    ],
)
def test_rows_of_meshes(dataset: str, split: str, expected: list[tuple[float, ...]]) -> None:
    names = ("pa_mpjpe", "pa_mpvpe", "f@5", "f@15")
    assert [tuple(row.figures[name] for name in names) for row in paper_rows(dataset, split)] == expected


def test_row_of_dexycb() -> None:
    (row,) = paper_rows("dexycb", "s0_test")
    assert row.figures == {"pa_mpjpe": 5.2, "pa_mpvpe": 5.0, "auc": 0.896}


@pytest.mark.parametrize(
    ("split", "percents"),
    [
        ("test_newdays", (55.8, 75.8, 84.5)),
        ("test_visor", (66.2, 85.3, 91.8)),
        ("test_ego4d", (64.6, 85.3, 92.8)),
    ],
)
def test_rows_of_hint(split: str, percents: tuple[float, ...]) -> None:
    (row,) = paper_rows("hint", split)
    assert [100 * row.figures[f"pck_2d@{f}"] for f in ("0.05", "0.1", "0.15")] == pytest.approx(percents)
    assert len(row.figures) == 18


def test_rows_of_sides() -> None:
    assert [row.figures for row in paper_rows("hint", "test")] == [{"side": 0.979, "side_recall": 1.0}]


def test_paper_rows_of_nothing_and_of_wrong_names() -> None:
    assert paper_rows("coco_wholebody", "val") == paper_rows("hint", "test_ego4d_seq") == paper_rows("faces", "") == []
    known = evaluate_dataset(
        Listed([seen(sample(hand()), np.arange(21) % 2 + 1)]), Predictor(lambda k: [hand()])
    )["figures"]  # fmt: skip
    boxes = ImageDetections(np.array([0.9]), np.array([[0.8]]), np.zeros(1, bool))
    assert {name for row in PAPER for name in row.figures} <= set(known) | set(box_figures([boxes], "detector_ap"))


def test_table_stands_beside_the_paper() -> None:
    results = evaluate_dataset(Listed([sample(hand())]), Predictor(lambda k: [hand()]))
    text = dataset_markdown({"dataset": "freihand", "split": "evaluation", **results})
    lines = text.splitlines()
    assert lines[0] == (
        "| figure | freihand evaluation, 1 images | HandOS, Table 1, FreiHAND | HandOS, Table 2, both hands |"
    )
    assert "| pa_mpjpe, mm | 0.0 | 5.0 | 5.3 |" in lines
    assert "| f@5/15 | 1.000 / 1.000 | 0.812 / 0.991 | 0.799 / 0.989 |" in lines
    assert "| hands | 1 |  |  |" in lines and "| pck_2d@0.05/0.1/0.15 | 1.000 / 1.000 / 1.000 |  |  |" in lines
    assert "No jitter_2d: no hand was found in three successive frames of a video." in lines
    empty = evaluate_dataset(Listed([]), Predictor(lambda k: []))
    lines = dataset_markdown({"dataset": "other", "split": "test", **empty}).splitlines()
    assert lines[:3] == ["| figure | other test, 0 images |", "|---|---|", "| hands | 0 |"]
