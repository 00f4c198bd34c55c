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


def test_a_camera_that_takes_another_rate_loses_little() -> None:
    stamps = np.cumsum([1 / 30] * 100 + [1 / 15] * 100 + [1 / 30] * 100)
    arrivals = after(stamps.tolist())
    assert arrivals.lost < 10 and arrivals.rate == pytest.approx(30, rel=0.01)


@pytest.mark.parametrize("stamps", [[], [1.0], [1.0, 1.0], [5.0, 3.0, 1.0], [0.0] * 50, [0.0, 1e18, -1e18, 7.0]])
def test_stamps_that_tell_nothing(stamps: list[float]) -> None:
    arrivals = after(stamps)
    assert (arrivals.received, arrivals.lost, arrivals.rate, arrivals.doubt()) == (len(stamps), 0, 0.0, "")


def test_a_pause_is_no_loss() -> None:
    assert after([*np.arange(0, 3, 0.1), *np.arange(60, 63, 0.1)]).lost == 0
