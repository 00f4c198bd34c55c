"""FrameSets: which frames of several cameras belong together, and how long one waits for the other."""

from __future__ import annotations

import pytest

from handos_model.fusion.frame_sets import FrameSets
from handos_model.io.frame import SECOND


def sets(*cameras: str, slop: float = 0.02, wait: float = 0.1, silence: float = 1.0) -> FrameSets[str]:
    return FrameSets(cameras, slop, wait, silence)


def add(frames: FrameSets[str], camera: str, stamp: float, now: float | None = None) -> None:
    """A frame called as its camera and its stamp in ms."""
    frames.add(camera, round(stamp * SECOND), f"{camera}{stamp * 1000:g}", stamp if now is None else now)


def given(frames: FrameSets[str], now: float) -> list[list[str]]:
    return [list(found.frames.values()) for found in frames.ready(now)]


def test_frames_of_one_time_come_together_at_once() -> None:
    frames = sets("a", "b")
    add(frames, "a", 0.0)
    add(frames, "b", 0.01)
    (found,) = frames.ready(0.01)
    assert found.frames == {"a": "a0", "b": "b10"} and found.stamp_ns == 5_000_000
    add(frames, "a", 0.1)
    assert given(frames, 0.1) == []
    add(frames, "b", 0.1)
    (found,) = frames.ready(0.1)
    assert found.stamp_ns == SECOND // 10  # to the nanosecond, where both agree


def test_a_camera_that_stops_is_waited_for_and_then_no_more() -> None:
    frames = sets("a", "b")
    for camera in "ab":
        add(frames, camera, 0.0)
    assert given(frames, 0.0) == [["a0", "b0"]]
    add(frames, "a", 0.5)
    assert given(frames, 0.55) == [] and given(frames, 0.61) == [["a500"]]
    add(frames, "a", 1.5)
    assert not frames.sends("b", 1.5) and given(frames, 1.5) == [["a1500"]]


def test_a_camera_that_never_sent_is_not_waited_for() -> None:
    frames = sets("a", "b")
    add(frames, "a", 0.0)
    assert given(frames, 0.0) == [["a0"]]


def test_a_slower_camera_costs_the_other_no_frames() -> None:
    frames, found = sets("a", "b"), []
    for tick in range(12):
        add(frames, "a", tick / 30)
        if tick % 3 == 0:
            add(frames, "b", tick / 30 + 0.001)
        found += given(frames, tick / 30 + 0.002)
    found += given(frames, 1.0)
    assert len(found) == 12 and [len(one) for one in found] == [2, 1, 1] * 4


def test_clocks_that_differ_never_meet_and_the_earlier_one_comes_late() -> None:
    frames, found = sets("a", "b"), []
    for tick in range(30):
        add(frames, "a", tick / 30, tick / 30)
        add(frames, "b", tick / 30 + 0.5, tick / 30)
        found += given(frames, tick / 30 + 0.02)
    assert max(map(len, found)) == 1
    assert frames.offset("a") - frames.offset("b") == pytest.approx(0.5)


def test_frames_that_come_after_their_time_are_counted() -> None:
    frames = sets("a", "b")
    add(frames, "a", 0.5)
    assert given(frames, 0.7) == [["a500"]]
    add(frames, "b", 0.4)
    assert given(frames, 0.7) == [] and frames.late == {"a": 0, "b": 1}


def test_a_clock_that_jumps_back_starts_anew() -> None:
    frames = sets("a", "b")
    add(frames, "a", 10.0)
    assert given(frames, 10.0) == [["a10000"]]
    add(frames, "a", 1.0, 10.1)
    assert given(frames, 10.1) == [["a1000"]] and frames.restarts == 1


def test_a_clock_that_was_ahead_blocks_nobody_once_its_camera_is_gone() -> None:
    frames, found = sets("a", "b"), []
    for tick in range(90):
        now = tick / 30
        if tick < 10:
            add(frames, "b", now + 60, now)
        add(frames, "a", now)
        found += given(frames, now)
    assert frames.restarts == 1 and not frames.sends("b", 3.0)
    assert [one for one in found if one[0].startswith("a")][-45:] == [
        [f"a{tick / 30 * 1000:g}"] for tick in range(45, 90)
    ]


def pairs(rate: float, offset: float, lost: int) -> list[dict[str, str]]:
    """The frames of two cameras in sets, by number; "b" comes `offset` s after "a", and one of its frames is lost."""
    frames, found = sets("a", "b", wait=0.05), []
    sent = [(tick / rate, "a", tick) for tick in range(60)]
    sent += [(tick / rate + offset, "b", tick) for tick in range(60) if tick != lost]
    for stamp, camera, tick in sorted(sent):
        frames.add(camera, round(stamp * SECOND), str(tick), stamp + 0.012)
        found += frames.ready(stamp + 0.012)
    return [one.frames for one in found + frames.rest()]


@pytest.mark.parametrize("rate", [30, 50, 60, 90, 120])
@pytest.mark.parametrize("offset", [0.001, 0.003])
def test_a_lost_frame_shifts_no_pair_however_fast_the_cameras_are(rate: float, offset: float) -> None:
    found = pairs(rate, offset, lost=20)
    for one in found:
        assert len(set(one.values())) == 1, one
    assert [one for one in found[5:] if len(one) == 1] == [{"a": "20"}]


def test_stamps_in_bursts_are_no_fast_camera() -> None:
    frames, found = sets("a", "b"), []
    for tick in range(0, 40, 2):
        for camera, stamp in (("a", 0.0), ("a", 0.001), ("b", 0.01), ("b", 0.01 + 1 / 30)):
            add(frames, camera, tick / 30 + stamp)
            found += given(frames, tick / 30 + stamp)
    assert sum(len(one) == 2 for one in found) >= 19


def test_the_rest_comes_when_nothing_follows() -> None:
    frames = sets("a", "b")
    for camera, stamp in (("a", 0.0), ("b", 0.0), ("a", 0.1)):
        add(frames, camera, stamp)
    assert given(frames, 0.0) == [["a0", "b0"]] and given(frames, 0.1) == []
    assert [list(found.frames) for found in frames.rest()] == [["a"]] and frames.rest() == []


def test_what_waits_has_an_end() -> None:
    frames = sets("a", "b", wait=1e9, silence=1e9)
    add(frames, "b", -1.0)
    assert given(frames, -1.0) == [["b-1000"]]
    for tick in range(1000):
        add(frames, "a", tick / 30, 0.0)
    assert frames.late["a"] == 900 and len(frames.rest()) == 100
