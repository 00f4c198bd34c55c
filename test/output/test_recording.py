"""Recordings of results: which transforms they hold, of the original and of this run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rosbags")
from made_bags import SECOND, STORAGES, made
from made_files import picture
from made_hand import CAMERA, make_hand
from read_bags import read_all

from handos_model.hand import Hand
from handos_model.io.frame import Frame
from handos_model.output.frame_record import frame_record
from handos_model.output.recording import write_recording


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
            bag.transforms("/tf", stamp, "arm", "robot/right_hand", "right_hand_index_tip", x=0.5)
            bag.transforms("/tf", stamp, "right_hand", "arm_2", "/left_hand", x=0.5)
            bag.transforms("/tf", stamp, "right_hand", x=0.5)
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
