"""Results of `handos predict` as tables and as recordings: the same as the lines of JSON, read by others' readers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("rosbags")
from command_line import refused
from made_bags import SECOND, BagWriter, file_of
from made_files import write_image, write_video
from made_mano import write_mano
from predicted import PHOTO, contents, interrupt_at, lines_of
from read_bags import read_all

from handos_model.cli import main


def write_recording(path, storage, frames=5):
    """Images of PHOTO's size with a CameraInfo and a text beside each; image 2 is cut."""
    with BagWriter(path, storage) as bag:
        for number in range(frames):
            stamp = 5 * SECOND + number * SECOND // 10
            bag.write("/chatter", "String", stamp - 10, data=f"before {number}")
            bag.image("/cam/image_raw", PHOTO, stamp, recorded=stamp + 7, cut=100 if number == 2 else None)
            bag.camera_info("/cam/camera_info", stamp + 8, width=640, height=480, fx=600.0)
    return path


@pytest.fixture
def argv(tmp_path, weights):
    return ["predict", str(write_recording(tmp_path / "bag", "MCAP")), "--weights", weights]


def as_lines(argv, tmp_path) -> list[dict]:
    assert main([*argv, "--out", str(tmp_path / "lines.jsonl")]) == 1  # of the image that is cut
    return lines_of(tmp_path / "lines.jsonl")


# --- tables


def test_parquet_holds_what_the_lines_hold(tmp_path, argv):
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "o.parquet"
    for options in ([], ["--vertices", "--mirrored"]):
        (tmp_path / "lines.jsonl").unlink(missing_ok=True)
        lines = as_lines([*argv, *options], tmp_path)
        assert main([*argv, *options, "--out", str(out), "--overwrite"]) == 1
        rows = parquet.read_table(out).to_pylist()
        for row in rows:
            for absent in ("mano",) if options else ("mano", "vertices"):
                assert row["hands"][0].pop(absent) is None
        assert rows == lines
    assert not list(tmp_path.glob("*.part*"))


def test_npz_holds_what_the_lines_hold(tmp_path, argv):
    argv += ["--vertices", "--mirrored"]
    lines, out = as_lines(argv, tmp_path), tmp_path / "o.npz"
    assert main([*argv, "--out", str(out)]) == 1
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["frame_image"].tolist() == [line["image"] for line in lines]
        assert arrays["frame_stamp_ns"].tolist() == [line["stamp_ns"] for line in lines]
        assert arrays["frame_intrinsics"][0].tolist() == [600, 601, 319.5, 239.5]
        assert arrays["frame_intrinsics_source"].tolist() == ["camera"] * 4
        assert arrays["frame_distortion_model"].tolist() == ["plumb_bob"] * 4
        for lens, line in zip(arrays["frame_distortion"], lines, strict=True):
            assert lens[~np.isnan(lens)].tolist() == line["intrinsics"]["distortion"] != []
        assert arrays["frame_model"].tolist() == ["fake 1"] * 4
        assert arrays["frame_mirrored"].tolist() == [True] * 4 == [line["mirrored"] for line in lines]
        assert arrays["frame"].tolist() == [0, 1, 2, 3]
        hand = lines[3]["hands"][0]
        for name in ("box", "joints_2d", "joint_confidence", "joints_3d", "translation", "vertices", "score", "id"):
            np.testing.assert_allclose(arrays[name][3], hand[name], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(arrays["wrist_covariance"][3].ravel(), hand["wrist"]["covariance"], rtol=1e-6)
        np.testing.assert_allclose(arrays["wrist_orientation"][3], hand["wrist"]["orientation"], rtol=1e-6)
        assert arrays["side"].tolist() == ["right"] * 4


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_tables_without_a_hand(tmp_path, weights, suffix):
    pytest.importorskip("pyarrow")
    photo = write_image(tmp_path / "p.png", PHOTO)
    out = tmp_path / f"o{suffix}"
    assert main(["predict", str(photo), "--weights", weights, "--threshold", "0.99", "--out", str(out)]) == 0
    if suffix == ".npz":
        with np.load(out) as arrays:
            assert arrays["joints_3d"].shape == (0, 21, 3)
            assert arrays["frame_stamp_ns"].tolist() == [-1]
    else:
        from pyarrow import parquet

        assert parquet.read_table(out).to_pylist()[0]["hands"] == []


@pytest.mark.parametrize("options", [[], ["--vertices"], ["--mano", "mano"], ["--vertices", "--mano", "mano"]])
def test_the_arrays_of_an_npz_depend_on_options_and_not_on_hands(tmp_path, weights, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    write_mano(tmp_path / "mano")
    write_image(tmp_path / "p.png", PHOTO)
    argv = ["predict", "p.png", "--weights", weights, *options]
    assert main([*argv, "--out", "some.npz"]) == main([*argv, "--threshold", "0.99", "--out", "none.npz"]) == 0
    with np.load("some.npz") as some, np.load("none.npz") as none:
        assert some["score"].shape == (1,) and none["score"].shape == (0,)
        assert ("vertices" in none, "mano_pose" in none) == ("--vertices" in options, "--mano" in options)
        assert {name: (none[name].shape[1:], none[name].dtype.kind) for name in none} == {
            name: (some[name].shape[1:], some[name].dtype.kind) for name in some
        }


# --- recordings


@pytest.mark.parametrize("storage", ["MCAP", "SQLITE3", "ROS1"])
@pytest.mark.parametrize("name", ["o.mcap", "folder"])
def test_a_recording_holds_the_original_the_hands_and_their_frames(tmp_path, weights, storage, name):
    original = write_recording(tmp_path / ("bag.bag" if storage == "ROS1" else "bag"), storage)
    out = tmp_path / "out" / name
    argv = ["predict", str(original), "--weights", weights]
    lines = as_lines(argv, tmp_path)
    assert main([*argv, "--out", str(out), "--vertices"]) == 1
    assert [path.name for path in out.parent.iterdir()] == [name]
    if name == "folder":
        suffix = "db3" if storage == "SQLITE3" else "mcap"
        assert sorted(path.name for path in out.iterdir()) == [f"folder.{suffix}", "metadata.yaml"]
    there = read_all(out)
    before = read_all(original)
    copied = [entry for entry in there if entry[0] not in ("/hands", "/tf")]
    assert [entry[:3] for entry in copied] == [entry[:3] for entry in before]
    for (topic, _, _, new), (_, _, _, old) in zip(copied, before, strict=True):
        if topic == "/chatter":
            assert new.data == old.data
        elif topic == "/cam/image_raw":
            assert new.data.tobytes() == old.data.tobytes()
            assert (new.header.stamp, new.header.frame_id) == (old.header.stamp, "camera") or storage == "ROS1"
    hands = [(time, message) for topic, _, time, message in there if topic == "/hands"]
    assert [kind for topic, kind, _, _ in there if topic == "/hands"] == ["handos_ros/msg/HandArray"] * 4
    for (time, message), line in zip(hands, lines, strict=True):
        assert message.header.stamp.sec * SECOND + message.header.stamp.nanosec == line["stamp_ns"] == time - 7
        assert (message.header.frame_id, message.model, message.fx) == ("camera", "fake 1", 600)
        assert (message.distortion_model, message.distortion[0]) == ("plumb_bob", 0.1)
        assert message.distortion.tolist() == line["intrinsics"]["distortion"]
        assert message.intrinsics_source == message.INTRINSICS_CAMERA_INFO
        (hand,), (known,) = message.hands, line["hands"]
        assert (hand.side, hand.scale_source, hand.wrist_valid) == (hand.RIGHT, hand.SCALE_PRIOR, True)
        assert [[p.x, p.y, p.z] for p in hand.joints_3d] == known["joints_3d"]
        assert hand.wrist.covariance.tolist() == known["wrist"]["covariance"]
        assert len(hand.vertices) == 3 * 778
    order = [topic for topic, *_ in there if topic in ("/hands", "/tf")]
    assert order == ["/tf", "/hands"] * 4
    (transform,) = next(message for topic, _, _, message in there if topic == "/tf").transforms
    assert (transform.header.frame_id, transform.child_frame_id) == ("camera", "right_hand")
    place = transform.transform.translation
    assert [place.x, place.y, place.z] == lines[0]["hands"][0]["wrist"]["position"]


@pytest.mark.parametrize(("scale", "source"), [("1", "PRIOR"), ("1.3", "USER")])
def test_frames_without_hands_have_the_scale_of_the_others(tmp_path, argv, scale, source):
    for name, threshold in (("some", "0.1"), ("none", "0.99")):
        out = tmp_path / f"{name}.mcap"
        assert main([*argv, "--hand-scale", scale, "--threshold", threshold, "--out", str(out)]) == 1
        arrays = [message for topic, _, _, message in read_all(out) if topic == "/hands"]
        assert [len(message.hands) for message in arrays] == [name == "some"] * 4
        assert [message.scale_source for message in arrays] == [getattr(arrays[0], f"SCALE_{source}")] * 4


def test_other_readers_read_an_mcap_from_the_file_alone(tmp_path, argv):
    reader = pytest.importorskip("mcap.reader")
    out = tmp_path / "o.mcap"
    assert main([*argv, "--out", str(out)]) == 1
    with out.open("rb") as file:
        opened = reader.make_reader(file, validate_crcs=True)
        found = [(schema.name, channel.topic, message.log_time) for schema, channel, message in opened.iter_messages()]
        schemas = {schema.name: schema for schema in opened.get_summary().schemas.values()}
    assert found == [(kind, topic, time) for topic, kind, time, _ in read_all(out)]
    text = schemas["handos_ros/msg/HandArray"].data.decode()
    assert schemas["handos_ros/msg/HandArray"].encoding == "ros2msg"
    for part in (
        "handos_ros/Hand[] hands",
        "MSG: handos_ros/Hand",
        "MSG: handos_ros/Point2D",
        "MSG: geometry_msgs/Pose",
    ):
        assert part in text.replace("/msg/", "/")


def test_messages_in_recordings_are_those_of_the_node(tmp_path, argv):
    HandArray = pytest.importorskip("handos_ros.msg").HandArray
    from rclpy.serialization import deserialize_message
    from rosbags.highlevel import AnyReader

    out = tmp_path / "o.mcap"
    assert main([*argv, "--out", str(out)]) == 1
    with AnyReader([out]) as reader:
        (connection,) = (c for c in reader.connections if c.topic == "/hands")
        raw = [data for _, _, data in reader.messages([connection])]
    for data, line in zip(raw, as_lines(argv, tmp_path), strict=True):
        message = deserialize_message(data, HandArray)
        assert message.header.stamp.sec * SECOND + message.header.stamp.nanosec == line["stamp_ns"]
        assert message.hands[0].joints_3d[20].z == line["hands"][0]["joints_3d"][20][2]
        assert message.hands[0].wrist_valid


def test_a_video_as_a_recording_has_the_times_of_its_frames(tmp_path, weights, capsys):
    videos = [str(write_video(tmp_path / f"{name}.avi", [PHOTO] * 3)) for name in "ab"]
    out = tmp_path / "o.mcap"
    argv = ["predict", "--weights", weights, "--out"]
    assert main([*argv, str(out), videos[0]]) == 0
    there = read_all(out)
    assert [(topic, time) for topic, _, time, _ in there if topic == "/hands"] == [
        ("/hands", 0), ("/hands", 83_333_333), ("/hands", 166_666_667)
    ]  # fmt: skip
    assert there[0][3].transforms[0].header.frame_id == "camera"
    capsys.readouterr()
    assert "holds a single input, not 2" in refused(capsys, *argv, tmp_path / "p.mcap", *videos)
    assert main([*argv, str(tmp_path / "{}.mcap"), *videos]) == 0
    assert len(read_all(tmp_path / "b.mcap")) == 6
    photo = write_image(tmp_path / "photo.png", PHOTO)
    capsys.readouterr()
    assert "has no time, which a recording needs: set one with --fps N" in refused(
        capsys, *argv, tmp_path / "q.mcap", photo
    )
    assert not list(tmp_path.glob("q*"))


def test_hands_of_an_earlier_run_are_replaced(tmp_path, argv, capsys):
    first, second = tmp_path / "first.mcap", tmp_path / "second.mcap"
    assert main([*argv, "--out", str(first)]) == 1
    assert main(["predict", str(first), *argv[2:], "--out", str(second), "--vertices"]) == 1
    assert "/hands of" in capsys.readouterr().err
    hands = [message for topic, _, _, message in read_all(second) if topic == "/hands"]
    assert [len(message.hands[0].vertices) for message in hands] == [3 * 778] * 4
    assert [topic for topic, *_ in read_all(second)].count("/tf") == 4


@pytest.mark.parametrize("name", ["o.mcap", "folder", "o.parquet", "o.npz"])
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, argv, monkeypatch, name):
    whole, out = tmp_path / "whole" / name, tmp_path / "cut" / name
    assert main([*argv, "--out", str(whole)]) == 1
    for stop_at in (1, 3):
        with monkeypatch.context() as patch:
            interrupt_at(patch, stop_at)
            assert main([*argv, "--out", str(out), "--resume"]) == 130
        assert [path.name for path in out.parent.iterdir()] == [f"{name}.part.jsonl"]
        for line in lines_of(tmp_path / "cut" / f"{name}.part.jsonl"):
            json.dumps(line)
    assert main([*argv, "--out", str(out), "--resume"]) == 1
    assert [path.name for path in out.parent.iterdir()] == [name]
    assert contents(out.parent) == contents(whole.parent)


def test_a_recording_is_never_written_over_a_folder_of_others(tmp_path, argv, capsys):
    bag = Path(argv[1])
    before = contents(bag)
    for rule in ([], ["--overwrite"]):
        assert "is or holds an input" in refused(capsys, *argv, "--out", bag, *rule)
        others = tmp_path / "others"
        others.mkdir(exist_ok=True)
        (others / "thesis.tex").touch()
        assert "exists and is not a recording" in refused(capsys, *argv, "--out", others, *rule)
        assert "is an input" in refused(capsys, *argv, "--out", file_of(bag), *rule)
    assert contents(bag) == before
    assert main([*argv, "--out", str(tmp_path / "out")]) == 1
    capsys.readouterr()
    assert "exists" in refused(capsys, *argv, "--out", tmp_path / "out")
    assert main([*argv, "--out", str(tmp_path / "out"), "--overwrite"]) == 1


def test_a_damaged_recording_is_copied_as_far_as_it_can_be_read(tmp_path, weights):
    bag = write_recording(tmp_path / "bag", "MCAP", frames=6)
    file = file_of(bag)
    data = file.read_bytes()
    damaged = tmp_path / "cut.mcap"
    damaged.write_bytes(data[: len(data) * 2 // 3])
    out = tmp_path / "o.mcap"
    assert main(["predict", str(damaged), "--weights", weights, "--out", str(out)]) == 1
    topics = [topic for topic, *_ in read_all(out)]
    assert topics.count("/hands") >= 2
    assert topics.count("/cam/image_raw") >= topics.count("/hands")


def test_the_definitions_are_found_where_the_package_is_installed(tmp_path):
    """By pip the package lies apart from msg/, which goes to share/."""
    code = (
        "import sys; from pathlib import Path; import handos_model.output.message_types as types\n"
        "types.__file__ = '/nowhere/handos_model/output/message_types.py'\n"
        "sys.prefix = sys.argv[1]; sys.exit(types.HAND_ARRAY not in types.open_types().types)"
    )
    share = tmp_path / "share" / "handos_ros" / "msg"
    share.mkdir(parents=True)
    for file in (Path(__file__).parents[2] / "msg").glob("*.msg"):
        (share / file.name).write_bytes(file.read_bytes())
    assert subprocess.run([sys.executable, "-c", code, tmp_path]).returncode == 0
