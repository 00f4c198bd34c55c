"""What benchmarks/ does around its measurements; skipped where mediapipe, which only they need, is not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mediapipe")

import accuracy
import speed
from mediapipe_hands import MediaPipeHands

from handos_model.evaluation.own_sets import run
from handos_model.evaluation.report import MEDIAPIPE_PCK

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_further_hands_are_copies_of_the_first() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    assert speed.row_of_hands(photo, 1) is photo
    two = speed.row_of_hands(photo, 2)
    assert two.shape == photo.shape
    left, right = two[:, 320 - speed.HAND_WIDTH : 320], two[:, 320 : 320 + speed.HAND_WIDTH]
    np.testing.assert_array_equal(left, right[:, ::-1])
    np.testing.assert_array_equal(left, photo[:, 214 : 214 + speed.HAND_WIDTH])
    for hands in (0, 4):
        with pytest.raises(ValueError, match=f"hands is {hands}, must be 1 to 3"):
            speed.row_of_hands(photo, hands)


def test_speed_table_by_hand() -> None:
    def row(hands: int, ours: float, theirs: float) -> dict:
        times = {"handos": ours, "mediapipe_static": theirs, "mediapipe_tracking": 5.0}
        return {"hands": hands, **times, **{f"{name}_found": hands for name in times}}

    table = speed.markdown([row(1, 10, 20), row(2, 11, 30), row(3, 13, 40)]).splitlines()
    assert table[2] == "| 1 | 10.00 (1) | 20.00 (1) | 0.50 | 5.00 (1) |  |"
    assert table[3].endswith("| +10.0% |") and table[4].endswith("| +15.0% |")


def test_accuracy_table_by_hand() -> None:
    ours = {"annotated": {"hands": 2, "pck@0.1": 0.6, "groups": {"lab": {"hands": 2, "pck@0.1": 0.6}}}}
    theirs = {"annotated": {"hands": 2, "pck@0.1": 0.4, "groups": {"lab": {"hands": 2, "pck@0.1": 0.0}}}}
    table = accuracy.comparison(ours, theirs).splitlines()
    assert "| annotated | pck@0.1 | 0.600 | 0.400 | 1.50 |" in table
    assert "| annotated lab | pck@0.1 | 0.600 | 0.000 |  |" in table


def test_mediapipe_sees_no_hand_in_an_empty_image() -> None:
    assert MediaPipeHands().predict(np.zeros((120, 160, 3), np.uint8)) == []


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no photos at {DATA}")
def test_mediapipe_scores_what_is_published() -> None:
    results = run(["annotated"], DATA, MediaPipeHands())["annotated"]
    assert results["hands"] == 32
    assert results["pck@0.1"] == pytest.approx(MEDIAPIPE_PCK, abs=5e-4)
    by_source = {source: round(figures["pck@0.1"], 3) for source, figures in results["groups"].items()}
    expected = {"freihand": 0.345, "onehand10k": 0.902, "panoptic": 0.381, "coco-wholebody": 0.0}
    assert by_source == expected | {"synthetic/rhd": 0.778}
