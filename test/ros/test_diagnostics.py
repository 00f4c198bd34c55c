"""The node's diagnostics: counts, times, level and message."""

from __future__ import annotations

import pytest

pytest.importorskip("diagnostic_msgs", reason="needs ROS 2")

from diagnostic_msgs.msg import DiagnosticStatus

from handos_ros.diagnostics import SILENCE, Health, StageClock


def processed(health: Health, decode: float = 0.001) -> None:
    health.received()
    clock = StageClock(0.0)
    clock.stages = {"decode": decode}
    health.processed(clock, network=0.020, published=0.025, since_stamp=0.030)


def test_a_frame_is_counted_and_timed() -> None:
    health = Health()
    for decode in (0.001, 0.002, 0.009):
        processed(health, decode)
    said = health.status(True, {"device": "cpu"})
    found = said.values
    assert (said.level, found["frames processed"], found["device"]) == (DiagnosticStatus.OK, "3", "cpu")
    assert (found["decode (ms)"], found["decode, longest (ms)"]) == ("2.00", "9.00")
    assert (found["network (ms)"], found["overhead (ms)"]) == ("20.00", "5.00")
    assert "draw (ms)" not in found and found["dropped: late"] == "0"
    assert "decode (ms)" not in health.status(True, {}).values  # times since the last report alone


def test_dropped_frames_are_a_warning_and_an_error_where_nothing_else_came() -> None:
    health = Health()
    processed(health)
    health.drop("bad image", "the encoding is odd")
    said = health.status(True, {})
    assert (said.level, said.message) == (DiagnosticStatus.WARN, "1 frames dropped: the encoding is odd")
    health.received()
    health.drop("bad image", "the encoding is odd")
    assert health.status(True, {}).level == DiagnosticStatus.ERROR
    assert health.status(True, {}).values["dropped: bad image"] == "2"


def test_frames_that_came_too_late_are_no_fault() -> None:
    health = Health()
    processed(health)
    health.drop("late")
    said = health.status(True, {})
    assert (said.level, said.values["dropped: late"]) == (DiagnosticStatus.OK, "1")


def test_silence_doubt_and_pause() -> None:
    health = Health()
    processed(health)
    said = health.status(True, {}, doubt="no camera_info")
    assert (said.level, said.message) == (DiagnosticStatus.WARN, "no camera_info")
    health._last_image -= SILENCE + 1
    assert health.status(True, {}).message == "no image for 4 s"
    said = health.status(False, {})
    assert (said.level, said.message) == (DiagnosticStatus.OK, "paused")
    assert health.status(True, {}).message == "0.0 Hz"  # no image was due while it did not listen


def test_images_are_missed_only_while_somebody_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    health = Health()
    now += 60
    assert not health.silent(sent=True)  # the camera started while the network was opened
    now += 1
    assert not health.silent(sent=False)  # no camera
    now += 60
    assert not health.silent(sent=True)  # the camera has just started
    now += SILENCE + 1
    assert health.silent(sent=True)
    health.received()
    assert not health.silent(sent=True)
    now += 60
    health.status(False, {})
    assert not health.silent(sent=True)  # resumed


def test_depth_that_does_not_help_is_said_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    health = Health()
    health.depth("there is no depth image yet")
    assert health.depth_doubt() == ""  # not for a moment
    now += SILENCE + 1
    health.depth("there is no depth image yet")
    assert health.depth_doubt() == "depth does not help: there is no depth image yet"
    found = health.status(True, {}).values
    assert (found["depth unusable"], found["depth problem"]) == ("2", "there is no depth image yet")
    assert health.depth_doubt() == ""  # no hand since
    health.depth("")
    health.depth("nothing is measured")
    assert health.depth_doubt() == ""
    assert health.status(True, {}).values["depth problem"] == "nothing is measured"
