"""The made scenes of the benchmark of tracking, and its tables."""

from __future__ import annotations

import numpy as np
import pytest
import tracking
from tracking_scenes import MISSED, WRONG_SIDE, reaching, wandering


def test_a_reaching_hand_rests_and_moves() -> None:
    truth, measured, moving = reaching()
    assert len(truth) == len(measured) == len(moving)
    steps = np.linalg.norm(np.diff([hand.translation for hand in truth], axis=0), axis=1)
    assert steps[~moving[1:]].max() < 1e-6 and steps.max() * 30 > 1.0
    error = np.std([a.translation - b.translation for a, b in zip(truth, measured, strict=True)], axis=0)
    np.testing.assert_allclose(error, [0.0013, 0.0013, 0.006], rtol=0.15)


def test_wandering_hands_are_missed_and_mistaken_as_often_as_said() -> None:
    frames, owners = wandering(1, ("left", "right"), seconds=20)
    assert [len(hands) for hands in frames] == [len(owner) for owner in owners]
    sides = [
        (hand.side, ("left", "right")[whose])
        for hands, of in zip(frames, owners, strict=True)
        for hand, whose in zip(hands, of, strict=True)
    ]
    assert np.mean([seen != true for seen, true in sides]) == pytest.approx(WRONG_SIDE, abs=0.05)
    assert 0 < 1 - len(sides) / (2 * len(frames)) < 3 * MISSED


def test_tables_by_hand() -> None:
    known = {"rest": 1.0, "rest smoothed": 0.5, "motion": 1.0, "motion smoothed": 2.0}
    passing = {"hands": 100, "switches": 1, "new ids": 2, "wrong sides": 0.25, "wrong sides tracked": 0.01}
    table = tracking.markdown(
        {"known motion": {"shape": known}, "hands that pass": {"two hands": passing}}
    ).splitlines()
    assert "| shape, mm | 1.00 | 0.50 | 1.00 | 2.00 |" in table
    assert "| two hands | 100 | 1 | 2 | 0.25 | 0.01 |" in table
