"""`handos fuse` with a camera that moves: its poses come from /tf of its recording."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags")
from made_bags import SECOND, STORAGES, BagWriter, made
from posed_hand import rotation
from watched_hand import CAMERA, found_by, standing, true_hand

from handos_model.cli import main
from handos_model.fusion.camera_poses import CameraPoses
from handos_model.fusion.extrinsics import Extrinsics
from handos_model.fusion.transform_tree import AHEAD, MEMORY
from handos_model.io.frame import Frame
from handos_model.kinematics.frames import quaternion
from handos_model.output.frame_record import Detail, frame_record, record_line

START = 100 * SECOND
"""ns, of the first frame."""
FRAMES, INTERVAL = 30, SECOND // 10
MOUNTED = Extrinsics(rotation((1, 1, 0), 0.7), np.array([0.02, -0.05, 0.1]))
"""The pose of the moving camera on the wrist."""
FUSE = ["fuse", "fixed.jsonl", "moving.jsonl", "--out", "f.jsonl", "--frame"]
STAMPS = [START + number * INTERVAL + 7_000_000 for number in range(FRAMES)]
Ticks = Iterable[int]


def camera_at(stamp: int) -> Extrinsics:
    """Where the moving camera is at a time in ns: on an arc around the hand, turning by 20 degrees per second."""
    seconds = (stamp - START) / SECOND
    pose = standing(30 + 20 * seconds, 0.6 + 0.05 * math.sin(seconds))
    return Extrinsics(pose.rotation @ rotation((0, 0, 1), 0.3 * seconds), pose.position)


def wrist_at(stamp: int) -> Extrinsics:
    camera = camera_at(stamp)
    turn = camera.rotation @ MOUNTED.rotation.T
    return Extrinsics(turn, camera.position - turn @ MOUNTED.position)


def send(bag: BagWriter, stamp: int, child: str, pose: Extrinsics, parent: str = "base", **more: object) -> None:
    turn = quaternion(pose.rotation).tolist()
    bag.transforms("/tf", stamp, child, parent=parent, place=pose.position.tolist(), rotation=turn, **more)


def place_cameras(bag: BagWriter) -> None:
    for name, parent, pose in (("fixed", "base", standing(-30)), ("moving", "wrist", MOUNTED)):
        turn = quaternion(pose.rotation).tolist()
        bag.transforms("/tf_static", START, name, parent=parent, place=pose.position.tolist(), rotation=turn)


def record(folder: Path, storage: str = "MCAP", ticks: Ticks = range(-10, 220), **more: object) -> Path:
    """A recording whose /tf has the wrist at multiples of 20 ms from START on; results of a fixed camera and of it."""
    with made(folder, storage) as bag:
        place_cameras(bag)
        for tick in ticks:
            stamp = START + tick * SECOND // 50
            send(bag, stamp, "wrist", wrist_at(stamp), **more)
    path = next(folder.glob("bag*"))
    for name in ("fixed", "moving"):
        write_results(folder, name, path.name)
    return path


def write_results(folder: Path, name: str, bag: str) -> None:
    lines, model = [], {"name": "n", "version": "1"}
    for number, stamp in enumerate(STAMPS):
        frame = Frame(f"{bag}#{number}", None, stamp_ns=stamp, frame_id=name, topic=f"/{name}/image_raw")
        pose = standing(-30) if name == "fixed" else camera_at(stamp)
        hand = found_by(pose, number=2, scale=1.15)
        lines.append(record_line(frame_record(frame, CAMERA, "camera", [hand], model, Detail())))
    (folder / f"{name}.jsonl").write_text("".join(lines))


def fused() -> list[list[str]]:
    """The cameras of the hand at each time; those of several are checked to be where it is."""
    cameras = []
    for line in Path("f.jsonl").read_text().splitlines():
        (hand,) = json.loads(line)["hands"]
        cameras.append(hand["cameras"])
        if len(hand["cameras"]) > 1:
            assert np.linalg.norm(np.array(hand["joints_3d"]) - true_hand()[1], axis=1).max() < 0.003
    return cameras


BOTH, FIXED = ["fixed", "moving"], ["fixed"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("storage", STORAGES)
def test_a_moving_camera_is_where_tf_places_it_at_each_stamp(folder: Path, storage: str) -> None:
    record(folder, storage)
    assert main([*FUSE, "base"]) == 0
    assert fused() == [BOTH] * FRAMES


def test_messages_of_early_ros_1_are_read_as_well(folder: Path) -> None:
    record(folder, "ROS1", kind="tfMessage")
    assert main([*FUSE, "base"]) == 0
    assert fused() == [BOTH] * FRAMES


def test_transforms_that_were_recorded_late_are_waited_for(folder: Path) -> None:
    with made(folder, "MCAP") as bag:
        place_cameras(bag)
        for tick in range(-60, 320):  # the base on the map comes at once and is dated ahead, the wrist 1.5 s late
            stamp = START + tick * SECOND // 50
            send(bag, stamp + SECOND, "base", Extrinsics(np.eye(3), np.array([0.0, 0.0, 1.0])), "map")
            late = stamp - 3 * SECOND // 2
            send(bag, late, "wrist", wrist_at(late), recorded=stamp)
    for name in BOTH:
        write_results(folder, name, "bag")
    assert main([*FUSE, "base"]) == 0
    assert fused() == [BOTH] * FRAMES
    assert main([*FUSE, "map", "--overwrite"]) == 0
    for line in Path("f.jsonl").read_text().splitlines():
        (hand,) = json.loads(line)["hands"]
        off = np.array(hand["joints_3d"]) - true_hand()[1] - [0, 0, 1]
        assert hand["cameras"] == BOTH and np.linalg.norm(off, axis=1).max() < 0.003


@pytest.mark.parametrize(
    ("ticks", "left_out", "why"),
    [
        (range(50, 220), lambda s: s < 1 - AHEAD, r"at 100\.007 s, the transform of wrist began 1\.0 s after"),
        (range(-10, 51), lambda s: s > 1 + AHEAD, r"at 101\.207 s, the transform of wrist ended 0\.2 s before"),
        (
            [*range(-10, 26), *range(130, 220)],
            lambda s: 0.5 + AHEAD < s < 2.6 - AHEAD,
            r"at 100\.707 s, the transform of wrist is missing for 2\.1 s around the hands",
        ),
    ],
)
def test_frames_in_a_gap_of_tf_are_left_out_and_counted(
    folder: Path, capsys: pytest.CaptureFixture, ticks: Ticks, left_out: Callable[[float], bool], why: str
) -> None:
    record(folder, ticks=ticks)
    assert main([*FUSE, "base"]) == 1
    out = [left_out((stamp - START) / SECOND) for stamp in STAMPS]
    cameras = [json.loads(line)["hands"][0]["cameras"] for line in Path("f.jsonl").read_text().splitlines()]
    assert cameras == [FIXED if one else BOTH for one in out]
    said = f"the camera of moving.jsonl has no pose in {sum(out)} of its frames, which are left out: "
    assert re.search(re.escape(said) + why, capsys.readouterr().err)


def test_without_tf_a_moving_camera_is_left_out(folder: Path, capsys: pytest.CaptureFixture) -> None:
    bag = record(folder, ticks=())
    assert main([*FUSE, "base"]) == 1
    assert fused() == [FIXED] * FRAMES
    why = f"no transform from base to moving: base is not connected to it ({bag.name} has no /tf); the file is left out"
    assert f"moving.jsonl has no pose: there is {why}" in capsys.readouterr().err


def test_a_frame_that_is_not_in_the_tree_places_no_camera(folder: Path, capsys: pytest.CaptureFixture) -> None:
    record(folder)
    assert main([*FUSE, "bas_link"]) == 2 and not Path("f.jsonl").exists()
    said = capsys.readouterr().err
    for name in BOTH:
        assert f"{name}.jsonl has no pose: there is no transform from bas_link to {name}: bas_link is not" in said


def add_hostile(bag: BagWriter, stamp: int) -> int:
    """Writes what no robot should send; returns how much of it must be counted."""
    away = Extrinsics(np.eye(3), np.array([5.0, 5.0, 5.0]))
    bag.transforms("/tf", stamp, "wrist", place=(math.nan, 0, 0))
    bag.transforms("/tf", stamp, "wrist", rotation=(0, 0, 0, 2))
    bag.transforms("/tf", stamp, "x" * 100_000)
    send(bag, stamp + 1000 * SECOND, "wrist", away, recorded=stamp)
    send(bag, stamp, "left_of_circle", away, "right_of_circle")
    send(bag, stamp, "right_of_circle", away, "left_of_circle")
    return 4


def test_what_no_robot_sends_on_tf_is_passed_over_and_counted(folder: Path, capsys: pytest.CaptureFixture) -> None:
    record(folder)
    count = 0
    with BagWriter(folder / "hostile", "MCAP") as bag:
        place_cameras(bag)
        for tick in range(-10, 220):
            stamp = START + tick * SECOND // 50
            send(bag, stamp, "wrist", wrist_at(stamp))
            if tick in (0, 70):
                count += add_hostile(bag, stamp)
    write_results(folder, "moving", "hostile")
    assert main([*FUSE, "base"]) == 1
    assert fused() == [BOTH] * FRAMES
    assert f"/tf of hostile is not fully used: a stamp of the transform of wrist was more than {MEMORY:g} s ahead" in (
        said := capsys.readouterr().err
    )
    assert f"and {count - 1} more" in said and "left out" not in said


@pytest.mark.parametrize(("ahead", "said"), [(5, ""), (1000, f"wrist was more than {MEMORY:g} s ahead of the next")])
def test_a_wrong_first_stamp_leaves_out_no_frame(
    folder: Path, capsys: pytest.CaptureFixture, ahead: int, said: str
) -> None:
    with made(folder, "MCAP") as bag:
        place_cameras(bag)
        for tick in range(-10, 220):
            stamp = START + tick * SECOND // 50
            send(bag, stamp + ahead * SECOND if tick == -10 else stamp, "wrist", wrist_at(stamp), recorded=stamp)
    for name in BOTH:
        write_results(folder, name, "bag")
    assert main([*FUSE, "base"]) == bool(said)
    assert fused() == [BOTH] * FRAMES
    err = capsys.readouterr().err
    assert said in err and "left out" not in err


def test_damaged_messages_on_tf_cost_no_more_than_themselves(folder: Path, capsys: pytest.CaptureFixture) -> None:
    path = record(folder, "SQLITE3")
    (file,) = path.glob("*.db3")
    with closing(sqlite3.connect(file)) as base:
        base.execute("UPDATE messages SET data = substr(data, 1, 40) WHERE id % 7 = 0")
        base.commit()
    assert main([*FUSE, "base"]) == 1
    assert fused() == [BOTH] * FRAMES
    assert re.search(
        r"/tf of bag is not fully used: the 40 bytes .* are damaged.*, and \d+ more", capsys.readouterr().err
    )


def test_of_a_long_tf_no_more_is_kept_than_of_a_short_one(folder: Path) -> None:
    with made(folder, "MCAP") as bag:
        for tick in range(6_000):  # 120 s at 50 Hz
            send(bag, START + tick * SECOND // 50, "moving", standing(0))
    poses = CameraPoses("base", None)
    assert poses.keep_recorded(Path("bag")) == ""
    recorded = poses.recorded(Path("bag"))
    assert recorded is not None
    tracemalloc.start()
    taken = []
    for stamp in range(100, 220, 7):
        np.testing.assert_allclose(recorded.pose("moving", float(stamp)).position, standing(0).position)
        taken.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert max(taken) < 1.1 * taken[3] + 50_000  # bytes: after 21 s there is more than MEMORY of it
