"""Recordings with results whose originals hold messages of ROS 1: whole, unfinished and damaged bags, and MCAP."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("rosbags")
from made_bags import SECOND, BagWriter
from predicted import PHOTO
from read_bags import read_all

from handos_model.cli import main
from handos_model.io.recording.parts import Message
from handos_model.output.message_types import open_types
from handos_model.output.ros1_messages import Ros1Messages


def write_ros1(path):
    """Images, each after a text and before a CameraInfo."""
    with BagWriter(path, "ROS1") as bag:
        for number in range(5):
            stamp = (number + 1) * SECOND
            bag.write("/chatter", "String", stamp - 10, data=f"before {number}")
            bag.image("/cam/image_raw", PHOTO + number, stamp)
            bag.camera_info("/cam/camera_info", stamp + 8, width=640, height=480, fx=600.0)
    return path


def check_copied(out, original, frames):
    """The first frames of the original are in the copy, as messages of ROS 2 with the same values."""
    there = [entry for entry in read_all(out) if entry[0] not in ("/tf", "/hands")]
    for (topic, kind, time, new), (*expected, old) in zip(there[: 3 * frames], read_all(original), strict=False):
        assert [topic, kind, time] == expected
        if topic == "/chatter":
            assert new.data == old.data
        elif topic == "/cam/image_raw":
            np.testing.assert_array_equal(new.data, old.data)
            assert new.header.stamp.sec * SECOND == time
            assert (new.header.frame_id, new.encoding, new.width) == ("camera", "rgb8", 640)
        else:
            assert new.k.tolist() == old.K.tolist()
    assert len(there) >= 3 * frames
    assert [time for topic, _, time, _ in read_all(out) if topic == "/hands"][:frames] == [
        (number + 1) * SECOND for number in range(frames)
    ]


@pytest.mark.parametrize("option", [[], ["--resume"]])
@pytest.mark.parametrize("name", ["run.bag.active", "cut.bag"])
def test_a_bag_without_its_end(tmp_path, weights, name, option):
    whole = write_ros1(tmp_path / "whole.bag")
    data = whole.read_bytes()
    (tmp_path / name).write_bytes(data[: data.rindex((PHOTO + 4).tobytes()[100:])])
    out = tmp_path / "o.mcap"
    assert main(["predict", str(tmp_path / name), "--weights", weights, "--out", str(out), *option]) == 1
    check_copied(out, whole, 4)


def test_a_whole_bag_writes_nothing_on_stdout(tmp_path, weights, capsys):
    whole, out = write_ros1(tmp_path / "whole.bag"), tmp_path / "o.mcap"
    assert main(["predict", str(whole), "--weights", weights, "--out", str(out)]) == 0
    check_copied(out, whole, 5)
    assert capsys.readouterr().out == ""


def test_an_mcap_with_channels_of_ros1(tmp_path, weights, capsys):
    """Messages that cannot be converted, as their bytes are damaged or their type is unknown, are counted."""
    writer = pytest.importorskip("mcap.writer")
    from rosbags.rosbag1 import Reader

    whole, path, out = write_ros1(tmp_path / "whole.bag"), tmp_path / "ros1.mcap", tmp_path / "o.mcap"
    with path.open("wb") as file, Reader(whole) as reader:
        mcap = writer.Writer(file)
        mcap.start("ros1")
        channels = {}
        for connection in reader.connections:
            kind = connection.msgtype.replace("/msg/", "/")
            schema = mcap.register_schema(kind, "ros1msg", connection.msgdef.data.encode())
            channels[connection.topic] = mcap.register_channel(connection.topic, "ros1", schema)
        for connection, time, data in reader.messages():
            mcap.add_message(channels[connection.topic], time, data, time)
        unknown = mcap.register_channel("/own", "ros1", mcap.register_schema("mine/Own", "ros1msg", b"int8 x"))
        mcap.add_message(unknown, 9 * SECOND, b"1", 9 * SECOND)
        mcap.add_message(channels["/chatter"], 9 * SECOND, b"\xff\xff", 9 * SECOND)
        mcap.finish()
    assert main(["predict", str(path), "--weights", weights, "--out", str(out)]) == 0
    check_copied(out, whole, 5)
    says = capsys.readouterr().err
    assert "1 messages of /own were not copied, as their type is not defined" in says
    assert "1 messages of /chatter were not copied, as they are damaged" in says


def test_types_of_a_bag_itself_are_converted():
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    known, types = get_typestore(Stores.ROS1_NOETIC), open_types()
    known.register(get_types_from_msg("std_msgs/Header header\nint32 count\n", "mine/msg/Own"))
    time = known.types["builtin_interfaces/msg/Time"](3, 4)
    own = known.types["mine/msg/Own"](known.types["std_msgs/msg/Header"](7, time, "camera"), 42)
    message = Message("/own", "mine/msg/Own", 5, bytes(known.serialize_ros1(own, "mine/msg/Own")), "ros1")
    ros1 = Ros1Messages(types)
    with pytest.raises(ValueError, match="their type is not defined"):
        ros1.converted(message)
    ros1.known = known
    new = ros1.converted(message)
    assert (new.kind, new.encoding, new.recorded_ns) == ("mine/msg/Own", "cdr", 5)
    read = types.deserialize_cdr(new.data, new.kind)
    assert (read.header.stamp.sec, read.header.frame_id, read.count) == (3, "camera", 42)
    assert ros1.kind("tf/msg/tfMessage") == "tf2_msgs/msg/TFMessage"
