"""Transforms taken from the bytes of a message are those that rosbags reads, and the same bytes are refused."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from made_bags import SECOND, STORAGES, made

from handos_model.io.recording import decoding
from handos_model.io.recording.parts import Message
from handos_model.io.recording.recording import Recording
from handos_model.io.recording.transforms import Transform, recorded_transforms, transforms_of

CHILDREN = (("a",), ("tool0", "täst"), (), ("", "left_hand", "x" * 300), ("lens",) * 40)


def messages(folder: Path, storage: str, kind: str = "TFMessage") -> list[Message]:
    chance = random.Random(storage)
    with made(folder, storage) as bag:
        for number, children in enumerate(CHILDREN):
            place = [chance.choice((chance.gauss(0, 1), -0.0, math.inf, 1e-310)) for _ in range(3)]
            turn = [chance.gauss(0, 1) for _ in range(4)]
            stamp = number * SECOND // 3 + 1
            parent = "base"[: 4 - number]
            bag.transforms("/tf", stamp, *children, parent=parent, place=place, rotation=turn, kind=kind)
    found = list(Recording(next(folder.glob("bag*"))).messages({"/tf"}))
    assert len(found) == len(CHILDREN) and all(isinstance(one, Message) for one in found)
    return [one for one in found if isinstance(one, Message)]


def by_rosbags(message: Message) -> list[Transform]:
    return transforms_of(decoding.decoded(message, decoding.TRANSFORMS))


@pytest.mark.parametrize(("storage", "kind"), [*((one, "TFMessage") for one in STORAGES), ("ROS1", "tfMessage")])
def test_they_are_those_that_rosbags_reads(
    tmp_path: Path, storage: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = messages(tmp_path, storage, kind)
    expected = [by_rosbags(message) for message in whole]
    assert [len(found) for found in expected] == [len(children) for children in CHILDREN]
    assert [one.child for one in expected[1]] == ["tool0", "täst"] and expected[1][0].stamp == SECOND // 3 * 1e-9 + 1e-9
    monkeypatch.setattr(decoding, "decoded", None)  # the bytes are enough
    assert [recorded_transforms(message) for message in whole] == expected


@pytest.mark.parametrize("storage", ["MCAP", "ROS1"])
def test_damaged_bytes_are_read_or_refused_as_by_rosbags(tmp_path: Path, storage: str) -> None:
    chance, refused = random.Random(0), 0
    for message in messages(tmp_path, storage)[:4]:
        size = len(message.data)
        for trial in range(300):
            data = bytearray(message.data[: size if trial % 3 else chance.randrange(size + 1)])
            data += bytes(chance.choice((0, 0, 0, 1, 3, 4, 8)))
            for _ in range(chance.randint(0, 2)):
                if data:
                    data[chance.randrange(min(len(data), 90))] = chance.choice((0, 1, 4, 127, 128, 255))
            damaged = Message("/tf", message.kind, 0, bytes(data), message.encoding)
            try:
                expected = by_rosbags(damaged)
            except ValueError as error:
                refused += 1
                with pytest.raises(ValueError) as said:
                    recorded_transforms(damaged)
                assert str(said.value) == str(error)
            else:
                assert repr(recorded_transforms(damaged)) == repr(expected)  # NaN equals NaN in words only
    assert 200 < refused < 1100


def test_other_messages_are_refused() -> None:
    with pytest.raises(ValueError, match="its type is std_msgs/msg/String, must be tf2_msgs/msg/TFMessage or"):
        recorded_transforms(Message("/tf", "std_msgs/msg/String", 0, b"\0\1\0\0", "cdr"))
    for encoding in ("cdr", "ros1"):
        with pytest.raises(ValueError, match="the 0 bytes of a tf2_msgs/msg/TFMessage are damaged"):
            recorded_transforms(Message("/tf", decoding.TRANSFORMS[0], 0, b"", encoding))
