"""Rate and latency of messages that came."""

from __future__ import annotations

import pytest

from handos_ros.demo.topic_times import TopicTimes


def test_rate_and_latency() -> None:
    times = TopicTimes()
    for i, latency in enumerate((0.010, 0.030, 0.020)):
        times.add(100 + 0.1 * i + latency, 100 + 0.1 * i)
    assert times.count == 3
    assert times.rate == pytest.approx(2 / 0.21)
    assert times.latency(0.5) == pytest.approx(0.020)
    assert times.latency(1) == pytest.approx(0.030)
    assert times.milliseconds(0) == "10.0 ms"


def test_nothing_came() -> None:
    times = TopicTimes()
    assert (times.count, times.rate, times.latency(0.5), times.milliseconds(0.5)) == (0, 0.0, None, "")


def test_messages_without_a_stamp_have_no_latency() -> None:
    times = TopicTimes()
    times.add(5.0, None)
    assert (times.count, times.rate, times.milliseconds(1)) == (1, 0.0, "")
