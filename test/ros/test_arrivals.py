"""Images that are lost before the node, by their stamps."""

from __future__ import annotations

import numpy as np
import pytest

from handos_ros.input.arrivals import Arrivals


def after(stamps: list[float]) -> Arrivals:
    arrivals = Arrivals()
    for stamp in stamps:
        arrivals.add(stamp)
    return arrivals


@pytest.mark.parametrize("rate", [1.0, 5.0, 30.0, 120.0])
def test_a_whole_stream_has_lost_nothing(rate: float) -> None:
    arrivals = after([1.7e9 + index / rate for index in range(200)])
    assert (arrivals.received, arrivals.lost) == (200, 0)
    assert arrivals.rate == pytest.approx(rate, rel=1e-3)
    assert arrivals.doubt() == ""


@pytest.mark.parametrize("share", [0.2, 0.3, 0.6])
def test_what_is_lost_now_and_then_is_counted(share: float) -> None:
    rng = np.random.default_rng(0)
    came = [index for index in range(1000) if rng.random() >= share]
    arrivals = after([index / 30 + rng.normal(0, 0.002) for index in came])
    assert arrivals.lost == pytest.approx(1000 - len(came), rel=0.1)
    assert arrivals.rate == pytest.approx(30, rel=0.03)
    assert f"{arrivals.lost} of {arrivals.lost + len(came)} images were lost" in arrivals.doubt()
    assert arrivals.doubt() == ""  # nothing since


def test_an_unsteady_camera_loses_nothing() -> None:
    rng = np.random.default_rng(1)
    stamps = np.cumsum(rng.uniform(0.028, 0.040, 500))
    assert after(stamps.tolist()).lost == 0


@pytest.mark.parametrize(
    "rates",
    [
        [30.0, 10.0],
        [30.0, 15.0, 30.0],
        [30.0, 20.0],
        [30.0, 7.5],
        [60.0, 50.0, 25.0, 12.5, 60.0],
        [10.0, 30.0, 5.0],
    ],
)
@pytest.mark.parametrize("between", [0, 6])
@pytest.mark.parametrize("noise", [0.0, 0.04])
def test_a_camera_that_takes_another_rate_loses_nothing(rates: list[float], between: int, noise: float) -> None:
    """between: images in which the exposure time, and so the gap, goes from one to the other; noise: share of a gap."""
    gaps = [1 / rates[0]] * 90
    for before, after_ in zip(rates, rates[1:], strict=False):
        gaps += [*np.linspace(1 / before, 1 / after_, between + 2)[1:-1], *[1 / after_] * 90]
    rng = np.random.default_rng(2)
    stamps = 1.7e9 + np.cumsum(np.array(gaps) * (1 + rng.normal(0, noise, len(gaps))))
    arrivals = Arrivals()
    for number, stamp in enumerate(stamps):
        arrivals.add(stamp)
        if number % 5 == 0:
            assert arrivals.doubt() == ""
    assert arrivals.lost == 0 and arrivals.rate == pytest.approx(rates[-1], rel=0.05)


def test_what_is_lost_after_a_change_of_rate_is_counted() -> None:
    rng = np.random.default_rng(4)
    whole = np.cumsum([1 / 30] * 100 + [1 / 10] * 400)
    came = [index for index in range(500) if index < 200 or rng.random() >= 0.3]
    arrivals = after(whole[came].tolist())
    assert arrivals.lost == pytest.approx(500 - len(came), rel=0.1) and arrivals.doubt()


def test_a_moment_in_which_much_is_lost_is_counted_at_the_next_image() -> None:
    came = [index for index in range(100) if not 60 <= index < 80]
    arrivals = after([index / 30 for index in came if index <= 81])
    assert arrivals.lost == 20 and "20 of 82 images were lost" in arrivals.doubt()


def test_a_stream_that_stays_irregular_is_a_loss() -> None:
    rng = np.random.default_rng(5)
    steps = np.array([1] * 60 + rng.choice([2, 3, 5], 60).tolist())  # never again two images in a row
    arrivals = after((np.cumsum(steps) / 30).tolist())
    assert arrivals.lost > 20


@pytest.mark.parametrize("stamps", [[], [1.0], [1.0, 1.0], [5.0, 3.0, 1.0], [0.0] * 50, [0.0, 1e18, -1e18, 7.0]])
def test_stamps_that_tell_nothing(stamps: list[float]) -> None:
    arrivals = after(stamps)
    assert (arrivals.received, arrivals.lost, arrivals.rate, arrivals.doubt()) == (len(stamps), 0, 0.0, "")


def test_a_pause_is_no_loss() -> None:
    assert after([*np.arange(0, 3, 0.1), *np.arange(60, 63, 0.1)]).lost == 0
