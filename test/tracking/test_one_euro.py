"""The One Euro filter against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from handos_model.tracking import one_euro
from handos_model.tracking.one_euro import OneEuro

HELD = 0, 1, slice(2, 5)
"""Indices of five points: the one that is held, its witness and the others."""


def test_a_step_at_irregular_times_is_answered_as_the_low_pass_says() -> None:
    steps = np.random.default_rng(0).uniform(0.001, 0.2, 40)
    one_euro, cutoff = OneEuro(), 1.3
    np.testing.assert_array_equal(one_euro.update(np.zeros((1, 1)), 0.1, cutoff, 0.0), [[0]])
    answers = [one_euro.update(np.ones((1, 1)), step, cutoff, 0.0)[0, 0] for step in steps]
    weights = [1.0]
    for step in steps:
        weights.append(max(1 - np.exp(-2 * np.pi * cutoff * step), weights[-1] / (1 + weights[-1])))
    np.testing.assert_allclose(answers, 1 - np.cumprod(1 - np.array(weights[1:])), atol=1e-12)


def test_the_first_values_are_averaged() -> None:
    points, one_euro = np.random.default_rng(3).normal(size=(6, 1, 2)), OneEuro()
    found = [one_euro.update(point, 0.03, 0.01, 0.0) for point in points]
    np.testing.assert_allclose(found[-1], points.mean(axis=0))


def test_values_that_are_trusted_less_count_less_in_the_mean() -> None:
    rng, one_euro = np.random.default_rng(4), OneEuro()
    points, trust = rng.normal(size=(7, 2, 3)), rng.uniform(0.01, 2, (7, 2, 1))
    found = [one_euro.update(point, 0.03, 0.0, 0.0, 1.0, share) for point, share in zip(points, trust, strict=True)]
    np.testing.assert_allclose(found[-1], (trust * points).sum(axis=0) / trust.sum(axis=0))


def test_a_step_by_hand() -> None:
    one_euro = OneEuro()
    one_euro.update(np.array([[0.0, 0.0]]), 0.1, 1.0, 2.0)
    found = one_euro.update(np.array([[0.3, 0.4]]), 0.1, 1.0, 2.0)
    speed = (1 - np.exp(-0.2 * np.pi)) * 0.5 / 0.1
    weight = 1 - np.exp(-0.2 * np.pi * (1 + 2 * speed))
    np.testing.assert_allclose(found, [[0.3 * weight, 0.4 * weight]])


@pytest.mark.parametrize("rate", [5.0, 30.0, 200.0])
@pytest.mark.parametrize("speed", [0.1, 1.0, 5.0])
def test_in_steady_motion_the_lag_is_bounded(rate: float, speed: float) -> None:
    one_euro, beta = OneEuro(), 5.0
    times = np.arange(0, 5, 1 / rate)
    found = [one_euro.update(np.array([[speed * t]]), 1 / rate, 0.5, beta)[0, 0] for t in times]
    lag = speed * times[-1] - found[-1]
    assert 0 < lag < 1 / (2 * np.pi * np.e * beta)


def test_noise_at_rest_shrinks_and_each_point_has_its_own_speed() -> None:
    rng = np.random.default_rng(1)
    one_euro = OneEuro()
    points = np.stack([rng.normal(0, 0.002, (600, 3)), np.linspace(0, 20, 600)[:, None] * [1, 0, 0]], axis=1)
    found = np.array([one_euro.update(frame, 1 / 30, 1.0, 5.0) for frame in points])  # (600, 2, 3)
    assert np.std(found[100:, 0]) < 0.35 * 0.002
    assert np.abs(found[100:, 1] - points[100:, 1]).max() < 0.06 / 5


def test_what_comes_to_rest_does_not_creep() -> None:
    one_euro = OneEuro()
    places = np.concatenate([np.linspace(0, 0.5, 30), np.full(15, 0.5)])
    found = [one_euro.update(np.array([[place]]), 1 / 30, 0.1, 25.0)[0, 0] for place in places]
    assert 0.5 - found[29] > 0.001 > 0.0003 > 0.5 - found[-1] > 0


@pytest.mark.parametrize("noise", [0.001, 0.005])
def test_noise_of_any_size_is_no_motion_and_motion_is_none_of_it(noise: float) -> None:
    rng, one_euro, beta = np.random.default_rng(4), OneEuro(), 25.0
    steps = rng.uniform(0.02, 0.05, 900)
    still, moving = np.zeros((600, 1)), 0.5 * np.cumsum(steps[600:])[:, None]
    points = np.concatenate([still, moving]) + rng.normal(0, noise, (900, 1))
    found = np.array([one_euro.update(point[None], dt, 0.1, beta) for point, dt in zip(points, steps, strict=True)])
    assert np.std(found[100:600]) < 0.2 * noise  # a low-pass of 0.1 Hz leaves 0.1 of it
    assert (moving[100:] - found[700:, 0]).mean() < 0.06 / beta + 1.5 * noise


@pytest.mark.parametrize("rate", [1.0, 3.0, 5.0, 10.0, 30.0])
def test_motion_to_and_fro_is_no_noise_at_any_rate(rate: float) -> None:
    times = np.arange(0, 12, 1 / rate)
    there_and_back = 0.05 * np.sin(2 * np.pi * times)
    jumping = 0.05 * np.sign(np.sin(np.pi * times + 0.3))
    points, one_euro = np.stack([there_and_back, jumping], axis=1)[..., None], OneEuro()  # (T, 2, 1) m
    found = np.array([one_euro.update(point, 1 / rate, 0.1, 50.0) for point in points])
    late = np.abs(found - points)[len(times) // 3 :, :, 0].mean(axis=0)
    assert late[0] < 0.005 and late[1] < 0.001


@pytest.mark.parametrize(("frequency", "reach"), [(1.0, 0.2), (2.0, 0.1), (3.0, 0.05), (5.0, 0.03)])
def test_quick_motion_to_and_fro_is_followed_throughout(frequency: float, reach: float) -> None:
    """Half-way between its ends, where it is fastest, a point that turns round must not be taken for one at rest."""
    rng, times = np.random.default_rng(5), np.arange(0, 6, 1 / 30)
    there_and_back = reach * np.sin(2 * np.pi * frequency * times)[:, None, None] * [1, 0, 0]
    points, one_euro = there_and_back + rng.normal(0, 0.001, (len(times), 1, 3)), OneEuro()
    found = np.array([one_euro.update(point, 1 / 30, 0.1, 50.0) for point in points])
    late = np.linalg.norm(found - there_and_back, axis=2)[30:]
    assert late.max() < 0.02


def test_a_point_at_rest_is_not_moved_by_single_large_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of networks have heavy tails: two steps in one direction are motion only of a point that moves."""
    points = np.random.default_rng(7).standard_t(3, (150, 60, 3)) * 0.001
    found = []
    for steps in (one_euro.TWICE, 1e9):
        monkeypatch.setattr(one_euro, "TWICE", steps)
        smoother = OneEuro()
        found.append(np.array([smoother.update(values, 1 / 30, 0.1, 50.0) for values in points])[30:])
    jitter, least = (np.sqrt(values.var(axis=0).sum(axis=-1).mean()) for values in found)
    assert jitter < 1.01 * least < 0.001


def test_units_scale_the_speed() -> None:
    metres, pixels = OneEuro(), OneEuro()
    for points in np.random.default_rng(2).normal(size=(20, 4, 2)):
        expected = metres.update(points, 0.03, 1.0, 3.0)
        np.testing.assert_allclose(pixels.update(500 * points, 0.03, 1.0, 3.0, unit=1 / 500), 500 * expected)


def test_a_point_moves_no_faster_than_its_witness_or_half_of_the_others() -> None:
    alone = OneEuro()
    alone.update(np.zeros((1, 1)), 0.1, 1.0, 2.0)
    free = alone.update(np.ones((1, 1)), 0.1, 1.0, 2.0)[0, 0]
    rests = 0.5  # the mean of two values
    for others, expected in (((0, 0, 0, 0), rests), ((1, 0, 0, 0), free), ((0, 1, 1, 0), free), ((0, 1, 0, 0), rests)):
        points = OneEuro()
        points.update(np.zeros((5, 1)), 0.1, 1.0, 2.0)
        found = points.update(np.array([[1.0], *([other] for other in others)]), 0.1, 1.0, 2.0, held=HELD)
        assert found[0, 0] == pytest.approx(expected)


def test_a_held_point_that_has_come_to_rest_stays_though_its_values_jump() -> None:
    rng, places = np.random.default_rng(0), []
    held, free = OneEuro(), OneEuro()
    for _ in range(150):
        jumping = np.array([[0.5 + 0.04 * rng.choice([-1, 1])], *4 * [[0.2]]])
        both = held.update(jumping, 1 / 30, 0.1, 10.0, held=HELD), free.update(jumping, 1 / 30, 0.1, 10.0)
        places.append([points[0, 0] for points in both])
    strays = np.ptp(places[35:], axis=0)
    assert strays[0] < 0.004 < 0.015 < strays[1]


@pytest.mark.parametrize("moving", [[1, 0, 0, 0], [0, 1, 1, 0]])
def test_a_held_point_follows_once_its_witness_or_half_of_the_others_move(moving: list[int]) -> None:
    held = OneEuro()
    for frame in range(150):
        z = 0.5 + 0.2 * max(frame / 30 - 3, 0)
        found = held.update(z * np.array([[1, *moving]]).T, 1 / 30, 0.1, 10.0, held=HELD)
        assert found[0, 0] == pytest.approx(z, abs=0.012)
    assert found[0, 0] == pytest.approx(z, abs=0.007)


def test_restart_forgets() -> None:
    one_euro = OneEuro()
    one_euro.update(np.zeros((2, 3)), 0.1, 1.0, 0.0)
    one_euro.restart(slice(1, 2))
    kept, restarted = one_euro.update(np.ones((2, 3)), 0.1, 1.0, 0.0)
    assert (kept < 1).all()
    np.testing.assert_array_equal(restarted, np.ones(3))
    assert (one_euro.update(np.full((2, 3), 2.0), 0.1, 1.0, 0.0) < 2).all()  # it forgets once
    assert OneEuro().update(np.zeros((0, 3)), 0.1, 1.0, 0.0).shape == (0, 3)
