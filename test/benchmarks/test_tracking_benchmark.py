"""What the benchmark of tracking measures, on series of which it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tracking
from tracking_scenes import MISSED, WRONG_SIDE, reaching, wandering

from handos_model.tracking.tracker import TrackerOptions


def test_jitter_of_noise_on_steady_motion() -> None:
    rng = np.random.default_rng(0)
    motion = np.linspace(0, 900, 2000)[:, None] * np.ones(60)
    assert tracking.jitter(motion) == pytest.approx(0, abs=1e-9)
    assert tracking.jitter(motion + rng.normal(0, 0.7, motion.shape)) == pytest.approx(0.7, rel=0.02)


def test_lag_of_a_shifted_series() -> None:
    times = np.arange(300) / 30
    series = np.stack([np.sin(3 * times), np.cos(2 * times)], axis=1)
    later = np.stack([np.sin(3 * (times - 0.05)), np.cos(2 * (times - 0.05))], axis=1)
    assert tracking.lag(series, later, 30) == pytest.approx(50, abs=2)
    assert tracking.lag(series, series, 30) == 0


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


def test_one_hand_of_a_video() -> None:
    _, measured, _ = reaching()
    frames = [[hand] for hand in measured[:60]]
    frames[30] = []
    frames[40] = [replace(measured[40], side="unknown", side_confidence=0.0)]
    found = tracking.on_video(frames, 30, TrackerOptions())
    assert (found["frames"], found["hands"], found["tracks"], found["longest"]) == (60, 59, 1, 59)
    assert (found["side changes"], found["side changes tracked"]) == (2, 0)
    assert all(row["smoothed"] < 0.7 * row["jitter"] for row in found["parts"].values())
    with pytest.raises(ValueError, match="fewer than three frames"):
        tracking.on_video([[]] * 5, 30, TrackerOptions())


def test_tables_by_hand() -> None:
    row = {"jitter": 2.0, "smoothed": 0.5, "lag": 19.6}
    video = {"frames": 9, "hands": 8, "tracks": 1, "longest": 8, "side changes": 2, "side changes tracked": 0,
             "parts": dict.fromkeys(tracking.PARTS, row)}  # fmt: skip
    known = {"rest": 1.0, "rest smoothed": 0.5, "motion": 1.0, "motion smoothed": 2.0}
    passing = {"hands": 100, "switches": 1, "new ids": 2, "wrong sides": 0.25, "wrong sides tracked": 0.01}
    table = tracking.markdown(
        {"videos": {"a.mp4": video}, "known motion": {"shape": known}, "hands that pass": {"two hands": passing}}
    ).splitlines()
    assert "| a.mp4 | joints_2d | 2.00 px | 0.50 | 0.25 | 20 |" in table
    assert "| a.mp4 | 9 | 8 | 1 | 8 | 2 | 0 |" in table
    assert "| shape, mm | 1.00 | 0.50 | 1.00 | 2.00 |" in table
    assert "| two hands | 100 | 1 | 2 | 0.25 | 0.01 |" in table
