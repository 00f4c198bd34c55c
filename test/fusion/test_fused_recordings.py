"""`handos fuse` on recordings: cameras placed by /tf_static, and results of every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rosbags")
from made_bags import SECOND, STORAGES, BagWriter, made
from made_files import picture
from predicted import contents
from read_bags import read_all
from watched_hand import CAMERA, PLACES, found_by, standing, true_hand

from handos_model.cli import main
from handos_model.fusion import results_files
from handos_model.fusion.camera_poses import CameraPoses
from handos_model.io.files import open_file
from handos_model.io.frame import Frame
from handos_model.kinematics.frames import quaternion
from handos_model.output.frame_record import Detail, frame_record, record_line

LIFT = np.array([0.0, 0.0, 1.0])
"""m, of the cameras' mast on the base."""
FUSE = ["fuse", "left.jsonl", "right.jsonl", "--vertices", "--out"]
TF = ["--frame", "base"]
LATE = {"left": 0, "right": 3_000_000}  # ns
LATENCY = 30_000_000  # ns


def place_camera(bag: BagWriter, name: str) -> None:
    pose = standing(PLACES[name])
    turn = quaternion(pose.rotation).tolist()
    bag.transforms("/tf_static", SECOND, name, parent="mast", place=pose.position.tolist(), rotation=turn)


def write_results(folder: Path, name: str, bag: Path, frames: int = 4) -> None:
    lines = []
    for number in range(frames):
        stamp = 2 * SECOND + number * SECOND // 10 + LATE[name]
        frame = Frame(f"{bag.name}#{number}", None, stamp_ns=stamp, frame_id=name, topic=f"/{name}/image_raw")
        hand = found_by(standing(PLACES[name]), true_hand(shift=(0.005 * number, 0, 0)), number=2, scale=1.15)
        record = frame_record(frame, CAMERA, "camera", [hand], {"name": "n", "version": "1"}, Detail(True))
        lines.append(record_line(record))
    (folder / f"{name}.jsonl").write_text("".join(lines))


@pytest.fixture(params=STORAGES)
def bag(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording of two cameras on a mast, with left.jsonl and right.jsonl, the results of its two image topics."""
    monkeypatch.chdir(tmp_path)
    with made(tmp_path, request.param) as bag:
        bag.transforms("/tf_static", SECOND, "mast", place=LIFT.tolist())
        for name in PLACES:
            place_camera(bag, name)
        for number in range(4):
            for name, late in LATE.items():
                stamp = 2 * SECOND + number * SECOND // 10 + late
                bag.image(f"/{name}/image_raw", picture(), stamp, frame_id=name, recorded=stamp + LATENCY)
    path = next(tmp_path.glob("bag*"))
    for name in PLACES:
        write_results(tmp_path, name, path)
    return path


one_storage = pytest.mark.parametrize("bag", ["MCAP"], indirect=True)


def test_cameras_are_where_the_recording_places_them(bag: Path) -> None:
    assert main([*FUSE, "f.jsonl", *TF]) == 0
    lines = [json.loads(line) for line in Path("f.jsonl").read_text().splitlines()]
    assert [(line["image"], line["topic"]) for line in lines] == [
        (f"{bag.name}#{number}", "/right/image_raw") for number in range(4)
    ]
    for number, line in enumerate(lines):
        assert line["frame_id"] == "base" and line["intrinsics"] == {"source": "camera"}
        assert line["model"] == {"name": "n", "version": "1"}
        (hand,) = line["hands"]
        wanted = true_hand(shift=(0.005 * number, 0, 0))[1] + LIFT
        assert hand["cameras"] == ["left", "right"]
        assert np.linalg.norm(np.array(hand["joints_3d"]) - wanted, axis=1).max() < 0.003


@pytest.mark.parametrize("out", ["f.mcap", "folder"])
def test_hands_come_after_the_last_of_their_images_in_a_copy_of_the_recording(bag: Path, out: str) -> None:
    assert main([*FUSE, out, *TF]) == 0 and main([*FUSE, "f.jsonl", *TF]) == 0
    lines = [json.loads(line) for line in Path("f.jsonl").read_text().splitlines()]
    there = read_all(Path(out))
    assert [topic for topic, *_ in there] == ["/tf_static"] * 3 + [
        "/left/image_raw", "/right/image_raw", "/tf", "/hands"
    ] * 4  # fmt: skip
    arrays = [(time, message) for topic, _, time, message in there if topic == "/hands"]
    for (time, message), line in zip(arrays, lines, strict=True):
        stamp = message.header.stamp
        assert stamp.sec * SECOND + stamp.nanosec == line["stamp_ns"]
        assert time == line["stamp_ns"] + LATE["right"] // 2 + LATENCY and message.header.frame_id == "base"
        assert (message.scale_source, message.width, message.fx) == (message.SCALE_TRIANGULATED, 0, 0.0)
        (hand,), (known,) = message.hands, line["hands"]
        assert [[joint.x, joint.y, joint.z] for joint in hand.joints_3d] == known["joints_3d"]
        np.testing.assert_allclose(hand.vertices.reshape(-1, 3), known["vertices"], rtol=1e-6)
        assert np.isnan(hand.box).all() and np.isnan([hand.joints_2d[20].x, hand.joints_2d[0].y]).all()
    transforms = [message.transforms[0] for topic, _, _, message in there if topic == "/tf"]
    assert {(one.header.frame_id, one.child_frame_id) for one in transforms} == {("base", "right_hand")}


@one_storage
def test_tables_hold_what_the_lines_hold(bag: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for out in ("f.jsonl", "f.parquet", "f.npz"):
        assert main([*FUSE, out, *TF]) == 0
    lines = [json.loads(line) for line in Path("f.jsonl").read_text().splitlines()]
    assert parquet.read_table("f.parquet").to_pylist() == lines
    hands = [hand for line in lines for hand in line["hands"]]
    with np.load("f.npz", allow_pickle=False) as arrays:
        assert not {"box", "joints_2d", "frame_size", "frame_distortion"} & set(arrays)
        assert arrays["frame_stamp_ns"].tolist() == [line["stamp_ns"] for line in lines]
        assert arrays["cameras"].tolist() == ["left", "right"] and arrays["seen_by"].tolist() == [[True, True]] * 4
        for name in ("joints_3d", "vertices", "disagreement", "id", "side"):
            expected = np.array([hand[name] for hand in hands]).astype(arrays[name].dtype)
            np.testing.assert_array_equal(arrays[name], expected)


@one_storage
@pytest.mark.parametrize("out", ["f.npz", "f.parquet", "f.mcap", "f.jsonl"])
def test_frames_without_hands_give_the_same_arrays(bag: Path, out: str) -> None:
    for name in PLACES:
        records = [json.loads(line) | {"hands": []} for line in Path(f"{name}.jsonl").read_text().splitlines()]
        Path(f"{name}.jsonl").write_text("".join(map(record_line, records)))
    assert main([*FUSE, out, *TF]) == 0
    if out == "f.npz":
        with np.load(out) as arrays:
            assert len(arrays["frame_image"]) == 4 and arrays["seen_by"].shape == (0, 0)
            assert arrays["vertices"].shape == (0, 778, 3) and arrays["disagreement"].shape == (0,)


@one_storage
def test_a_hand_without_a_mesh_is_nan_among_those_with_one(bag: Path) -> None:
    for name, bare in (("left", (0, 1)), ("right", (0, 2))):
        records = [json.loads(line) for line in Path(f"{name}.jsonl").read_text().splitlines()]
        for number in bare:
            del records[number]["hands"][0]["vertices"]
        Path(f"{name}.jsonl").write_text("".join(map(record_line, records)))
    assert main([*FUSE, "f.npz", *TF]) == 0
    with np.load("f.npz") as arrays:
        assert np.isnan(arrays["vertices"]).all(axis=(1, 2)).tolist() == [True, False, False, False]
        assert np.isfinite(arrays["vertices"][1:]).all()


@one_storage
def test_of_two_recordings_each_places_its_camera_and_none_is_copied(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in PLACES:
        with BagWriter(tmp_path / f"{name}_bag", "MCAP") as other:
            other.transforms("/tf_static", SECOND, "mast", place=LIFT.tolist())
            place_camera(other, name)
        write_results(tmp_path, name, tmp_path / f"{name}_bag")
    assert main([*FUSE, "f.mcap", *TF]) == 0
    there = read_all(Path("f.mcap"))
    assert [(topic, time) for topic, _, time, _ in there if topic == "/hands"] == [
        ("/hands", 2 * SECOND + number * SECOND // 10 + LATE["right"] // 2) for number in range(4)
    ]
    assert {topic for topic, *_ in there} == {"/tf", "/hands"}
    (file,) = (tmp_path / "right_bag").glob("*.mcap")
    file.write_bytes(b"no recording")
    assert main([*FUSE, "f.jsonl", *TF]) == 1
    said = capsys.readouterr().err
    assert (
        "/tf_static of right_bag is not fully used: cannot read recording" in said and "right is not published" in said
    )
    lines = [json.loads(line) for line in Path("f.jsonl").read_text().splitlines()]
    assert [hand["cameras"] for line in lines for hand in line["hands"]] == [["left"]] * 4


@one_storage
def test_a_camera_that_the_recording_does_not_place_is_left_out(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with BagWriter(tmp_path / "half", "MCAP") as half:
        place_camera(half, "left")
    for name in PLACES:
        write_results(tmp_path, name, tmp_path / "half")
    assert main([*FUSE, "f.jsonl", "--frame", "/mast"]) == 1
    assert "right.jsonl has no pose: there is no transform from mast to right" in capsys.readouterr().err
    lines = [json.loads(line) for line in Path("f.jsonl").read_text().splitlines()]
    assert [hand["cameras"] for line in lines for hand in line["hands"]] == [["left"]] * 4
    assert main([*FUSE, "g.jsonl", *TF]) == 2 and not Path("g.jsonl").exists()


EXTRINSICS = "{frame: base, cameras: {left: {translation: [0, 0, 0], rotation: [0, 0, 0, 1]}}}"


@one_storage
@pytest.mark.parametrize("placed", [TF, ["--extrinsics", "cameras.yaml"]])
def test_a_file_is_opened_once_for_its_recording_and_once_for_its_frames(
    bag: Path, placed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("cameras.yaml").write_text(EXTRINSICS)
    opened: list[str] = []

    def watched(path: Path, *more: Any) -> Any:
        opened.append(path.name)
        return open_file(path, *more)

    monkeypatch.setattr(results_files, "open_file", watched)
    assert main([*FUSE, "f.jsonl", *placed]) == (placed != TF)  # the file does not place the other camera
    assert sorted(opened) == ["left.jsonl"] * 2 + ["right.jsonl"] * 2


@one_storage
def test_a_message_that_places_no_camera_is_said_and_the_others_are_used(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in ("texts", "whole", "nowhere"):
        with BagWriter(tmp_path / name, "MCAP") as other:
            if name == "texts":
                other.write("/tf_static", "String", SECOND, data="mast")
                other.connect("/tf_static", "TFMessage")
            other.transforms("/tf_static", SECOND, "mast", place=LIFT.tolist())
            if name == "nowhere":
                other.transforms("/tf_static", SECOND, "tool", place=(float("nan"), 0, 0))
            place_camera(other, "left")
            place_camera(other, "right")
    poses = CameraPoses("base", None)
    said = {name: poses.keep_recorded(Path(name)) for name in ("nowhere", "texts", "whole")}
    assert said["texts"] == (
        "/tf_static of texts is not fully used: its type is std_msgs/msg/String, must be tf2_msgs/msg/TFMessage or "
        "tf/msg/tfMessage"
    )
    assert "nowhere is not fully used: the transform from base to tool cannot be used" in said["nowhere"]
    assert said["whole"] == ""
    for name in PLACES:
        expected = standing(PLACES[name]).position + LIFT
        np.testing.assert_allclose(poses.pose(name, 0.0).position, expected, atol=1e-9)


@one_storage
def test_cameras_with_assumed_intrinsics_are_named(bag: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*FUSE, "f.jsonl", *TF]) == 0
    assert "assumed" not in capsys.readouterr().err
    right = Path("right.jsonl")
    right.write_text(right.read_text().replace('"source": "camera"', '"source": "assumed"'))
    assert main([*FUSE, "g.jsonl", *TF]) == 0
    said = "handos fuse: the intrinsics of right are assumed, and rays to hands are guesses: "
    assert f"{said}give handos predict --intrinsics\n" in capsys.readouterr().err


@one_storage
def test_what_is_needed_to_place_cameras_is_said(bag: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*FUSE, "f.jsonl"]) == 2
    assert "frame is not set, must be the common frame" in capsys.readouterr().err
    bag.rename("moved")
    assert main([*FUSE, "f.jsonl", *TF]) == 2
    assert "left.jsonl names no recording that is here" in capsys.readouterr().err
    Path("cameras.yaml").write_text(EXTRINSICS)
    assert main([*FUSE, "f.jsonl", "--frame", "map", "--extrinsics", "cameras.yaml"]) == 2
    assert "frame is map, but cameras.yaml has base: they must agree" in capsys.readouterr().err


@one_storage
def test_the_recording_is_never_written_over(bag: Path, capsys: pytest.CaptureFixture) -> None:
    before = contents(bag)
    (file,) = (str(path) for path in bag.glob("*.mcap"))
    for out in ("bag", file):
        assert main([*FUSE, out, *TF, "--overwrite"]) == 2
        assert "input, which would be lost" in capsys.readouterr().err
    assert contents(bag) == before
    assert main([*FUSE, "f.mcap", *TF]) == 0 and main([*FUSE, "f.mcap", *TF]) == 2
    assert main([*FUSE, "f.mcap", *TF, "--overwrite"]) == 0


@one_storage
def test_images_that_the_recording_lacks_are_said(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in PLACES:
        write_results(tmp_path, name, bag, frames=6)
    assert main([*FUSE, "f.mcap", *TF]) == 0
    assert "2 frames are left out, as bag lacks their images" in capsys.readouterr().err
    assert [topic for topic, *_ in read_all(Path("f.mcap"))].count("/hands") == 4
