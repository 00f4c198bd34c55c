"""Recordings of results: which transforms they hold, of the original and of this run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rosbags")
from made_bags import SECOND, STORAGES, made
from made_files import picture
from made_hand import CAMERA, make_hand
from read_bags import read_all

from handos_model.hand import Hand
from handos_model.io.frame import Frame
from handos_model.output.frame_record import frame_record
from handos_model.output.recording_writer import write_recording
from handos_model.tracking.side_frames import SideFrames
from handos_model.tracking.tracker import HandTracker


def record(number: int, stamp: float, *hands: Hand) -> dict[str, Any]:
    frame = Frame(f"bag#{number}", None, stamp_ns=round(stamp * SECOND), frame_id="camera", topic="/cam/image_raw")
    return frame_record(frame, CAMERA, "user", list(hands), {"name": "n", "version": "1"})


def transforms(place: Path, topic: str = "/tf") -> list[list[tuple[str, str, float]]]:
    """Parent, child and x of the transforms of each message."""
    return [
        [(one.header.frame_id, one.child_frame_id, one.transform.translation.x) for one in message.transforms]
        for name, _, _, message in read_all(place)
        if name == topic
    ]


@pytest.mark.parametrize("storage", STORAGES)
def test_no_frame_of_this_run_has_a_second_source(tmp_path: Path, storage: str) -> None:
    with made(tmp_path, storage) as bag:
        bag.transforms("/tf_static", 1, "camera", "left_hand")
        for number in range(3):
            stamp = SECOND + number
            bag.transforms("/tf", stamp, "arm", "robot/right_hand", "right_hand_index_tip", place=(0.5, 0.0, 0.0))
            bag.transforms("/tf", stamp, "right_hand", "arm_2", "/left_hand", place=(0.5, 0.0, 0.0))
            bag.transforms("/tf", stamp, "right_hand", place=(0.5, 0.0, 0.0))
            bag.image("/cam/image_raw", picture(), stamp)
    original, out = next(tmp_path.glob("bag*")), tmp_path / "o.mcap"
    records = [record(number, 1 + number / SECOND, make_hand()) for number in range(3)]
    notes = write_recording(records, out, "o", original, one_file=True)
    assert notes == tuple(
        f"left_hand and right_hand on {topic} of {original} are replaced by the frames of this run"
        for topic in ("/tf", "/tf_static")
    )
    x = records[0]["hands"][0]["wrist"]["position"][0]
    assert transforms(out, "/tf_static") == [[("base", "camera", 0)]]
    assert transforms(out) == 3 * [
        [("base", child, 0.5) for child in ("arm", "robot/right_hand", "right_hand_index_tip")],
        [("base", "arm_2", 0.5)],
        [("camera", "right_hand", x)],
    ]


def test_transforms_of_others_are_copied_byte_for_byte(tmp_path: Path) -> None:
    from rosbags.highlevel import AnyReader

    with made(tmp_path, "MCAP") as bag:
        bag.transforms("/tf", SECOND, "arm", "bright_left_hand")
        bag.transforms("/tf", SECOND)
        bag.image("/cam/image_raw", picture(), SECOND)
    original, out = tmp_path / "bag", tmp_path / "o.mcap"
    assert write_recording([record(0, 1)], out, "o", original, one_file=True) == ()
    bytes_of = []
    for place in (original, out):
        with AnyReader([place]) as reader:
            bytes_of.append([data for connection, _, data in reader.messages() if connection.topic == "/tf"])
    assert bytes_of[0] == bytes_of[1] and len(bytes_of[0]) == 2


def right_hands(stamps: list[float], hands: list[list[Hand]], place: Path) -> list[tuple[float, float]]:
    """Stamp (s) and x (m) of the frame right_hand in a recording of these frames."""
    records = [record(number, stamp, *seen) for number, (stamp, seen) in enumerate(zip(stamps, hands, strict=True))]
    assert write_recording(records, place, "o", None, one_file=True) == ()
    return [
        (one.header.stamp.sec + one.header.stamp.nanosec / SECOND, round(one.transform.translation.x, 3))
        for topic, _, _, message in read_all(place)
        if topic == "/tf"
        for one in message.transforms
        if one.child_frame_id == "right_hand"
    ]


def test_the_frame_of_a_side_stays_with_the_tracked_hand_as_in_the_node(tmp_path: Path) -> None:
    def hand(number: int, score: float) -> Hand:
        return make_hand(number=number, score=score, place=(0.1 * number, 0, 0.6))

    stamps = [0.1 * number for number in range(9)]
    both = [hand(0, 0.9), hand(1, 0.8)], [hand(1, 0.9), hand(0, 0.8)]
    seen = [*both, *both, [hand(1, 0.9)], [hand(1, 0.9)], both[1], [hand(1, 0.9)], [hand(1, 0.9)]]
    stays = [(pytest.approx(stamp), 0.0) for stamp in (0, 0.1, 0.2, 0.3, 0.6)]  # 0 is not seen at 0.4 and 0.5
    assert right_hands(stamps, seen, tmp_path / "o.mcap") == stays
    # A track ends 0.3 s after its hand was last seen: the other hand gets the frame then.
    later = right_hands([*stamps, 0.95, 1.05], [*seen, [hand(1, 0.9)], [hand(1, 0.9)]], tmp_path / "p.mcap")
    assert later == [*stays, (pytest.approx(0.95), 0.1), (pytest.approx(1.05), 0.1)]
    # The usual interval between frames counts too: a slow camera's hand is missing for one frame.
    slow = right_hands([0, 1, 2, 3], [both[0], both[1], [hand(1, 0.9)], both[1]], tmp_path / "q.mcap")
    assert slow == [(0, 0), (1, 0), (3, 0)]


@pytest.mark.parametrize("interval", [0.03, 0.2, 2.0])
def test_the_ids_that_count_as_tracked_are_those_of_the_tracker(tmp_path: Path, interval: float) -> None:
    random, tracker, sides = np.random.default_rng(3), HandTracker(), SideFrames()
    stamps = np.cumsum(random.choice([interval, 3 * interval, 12 * interval], 100, p=[0.8, 0.15, 0.05])).round(3)
    places = (0.0, 0.25)
    hands, expected = [], []
    for stamp in stamps:
        seen = [make_hand(score=random.uniform(0.5, 1), place=(x, 0, 0.6)) for x in places if random.random() < 0.7]
        seen = tracker.update(sorted(seen, key=lambda hand: -hand.score), stamp)
        hands.append(seen)
        chosen = sides.chosen(seen, tracker.ids)
        expected += [(pytest.approx(stamp), pytest.approx(hand.translation[0], abs=1e-3)) for hand in chosen]
    assert len(expected) > 40 and max(hand.id for seen in hands for hand in seen) > 5  # some ids were lost
    assert right_hands(stamps.tolist(), hands, tmp_path / "o.mcap") == expected


def test_without_tracking_the_best_hand_of_a_frame_has_the_frame_of_its_side(tmp_path: Path) -> None:
    near, far = make_hand(place=(0, 0, 0.6)), make_hand(score=0.8, place=(0.1, 0, 0.6))
    assert right_hands([0, 1], [[near, far], [far]], tmp_path / "o.mcap") == [(0, 0), (1, 0.1)]


def test_stamps_that_jump_back_have_frames_again_but_none_twice(tmp_path: Path) -> None:
    stamps = [10.0, 11.0, 5.0, 6.0, 10.0, 10.5, 10.5]
    hands = [[make_hand(number=number, place=(0.1 * number, 0, 0.6))] for number in (0, 0, 1, 1, 1, 1, 1)]
    expected = [(5.0, 0.1), (6.0, 0.1), (10.0, 0), (10.5, 0.1), (11.0, 0)]  # read in the order of their times
    assert right_hands(stamps, hands, tmp_path / "o.mcap") == expected
