"""CDR messages to fusion_node: HandArrays of one of its cameras, and transforms; the first byte says which of them."""

from __future__ import annotations

import os
import random
import re
from itertools import count
from typing import Any

import rclpy
from cdr import parsed
from fuzz_class import FuzzClass
from geometry_msgs.msg import Transform, TransformStamped
from hostile_messages import NONSENSE as TEXTS
from hypothesis import strategies as st
from node_process import one_machine
from rclpy.serialization import deserialize_message, serialize_message
from robot import Robot, stamped
from tf2_msgs.msg import TFMessage
from watched_hand import CAMERA, PLACES, found_by, standing

from handos_model.kinematics.frames import quaternion
from handos_ros.conversions.hands import hand_array, pose, vector
from handos_ros.fusion_node import FusionNode
from handos_ros.msg import HandArray

LENGTHS = (0, 1, 3, 4, 21, 777 * 3, 778 * 3, 50_000)
REALS = (
    0.0,
    -1.0,
    0.5,
    1.0,
    5e-324,
    1e-38,
    1e6,
    -1e30,
    1e30,
    3e38,
    float("nan"),
    float("inf"),
    -float("inf"),
)  # of 32 bits
MOST_LIES = 3

os.environ.update(one_machine(os.environ))
rclpy.init(args=["--ros-args", "-p", "topics:=left right", "-p", "frame:=table", "--log-level", "FATAL"])
NODE = FusionNode()
ROBOT = Robot("", shown=True)  # for which the node publishes all that it can
CALLBACKS = {subscription.topic_name: subscription.callback for subscription in NODE.subscriptions}
TOPICS = {"/left": HandArray, "/tf": TFMessage}
TIMES = map(stamped, count())


def _hands(camera: str, side: str = "right", mesh: bool = True) -> HandArray:
    """The message that a hands_node sends."""
    hand = found_by(standing(PLACES[camera]), side=side, number=2)
    header = stamped(0, f"{camera}_camera")
    return hand_array([hand], header, CAMERA, HandArray.SCALE_PRIOR, "n 1", vertices=mesh)


def _transform(camera: str) -> TransformStamped:
    """Where a camera is."""
    at = standing(PLACES[camera])
    turn = pose(at.position, quaternion(at.rotation)).orientation
    placed = Transform(translation=vector(at.position), rotation=turn)
    return TransformStamped(header=stamped(0, "table"), child_frame_id=f"{camera}_camera", transform=placed)


PLACED = TFMessage(transforms=[_transform(camera) for camera in PLACES])
NOTHING = hand_array([], stamped(0, "left_camera"), CAMERA, HandArray.SCALE_PRIOR, "n 1")
GOOD = [_hands("left"), _hands("left", side="left"), _hands("left", mesh=False), NOTHING, PLACED]


def _cdr(message: Any) -> bytes:
    return bytes([isinstance(message, TFMessage)]) + serialize_message(message)


def _now(message: Any) -> Any:
    """The message with the next time, unless its stamp lies: the node drops what comes twice."""
    time = next(TIMES).stamp
    for part in getattr(message, "transforms", [message]):
        if part.header.stamp.sec == PLACED.transforms[0].header.stamp.sec:
            part.header.stamp = time
    return message


def _send(data: bytes) -> None:
    """As the node takes it, between transforms that tell no lies and what the other camera sees at that time."""
    topic, kind = list(TOPICS.items())[data[0]]
    message, survived = _now(parsed(data[1:], kind)), NODE.survived
    tree, camera = NODE._tree, NODE._inputs["left"]
    tree.refused = camera.problem = ""
    CALLBACKS["/tf_static"](PLACED)
    CALLBACKS[topic](message)
    hands = message if kind is HandArray else _now(_hands("left"))
    if hands is not message:
        CALLBACKS["/left"](hands)
    other = _hands("right")
    other.header.stamp = hands.header.stamp
    CALLBACKS["/right"](other)
    for timer in NODE.timers:
        timer.callback()
    assert NODE.survived == survived, "a callback failed"
    if problem := camera.problem or tree.refused:
        raise ValueError(problem)


def _lying(number: int) -> bytes:
    chance = random.Random(number)
    good = chance.choice(GOOD)
    message = deserialize_message(serialize_message(good), type(good))
    for _ in range(chance.randint(1, MOST_LIES)):
        _lie(message, chance)
    return _cdr(message)


def _lie(message: Any, chance: random.Random) -> None:
    """Changes one field of a message, or of one below it; its type stays."""
    name, kind = chance.choice(list(message.get_fields_and_field_types().items()))
    value, plain = getattr(message, name), re.sub(r"sequence<|>|\[.*", "", kind)
    listed = hasattr(value, "__len__") and plain != "string"
    if "/" in plain and (not listed or len(value) and chance.random() < 0.9):
        _lie(chance.choice(value) if listed else value, chance)
    elif "/" in plain:
        setattr(message, name, list(value) * (chance.choice((0, 2, 99, 101)) if "sequence" in kind else 1))
    elif listed:
        many = chance.choice(LENGTHS) if "sequence" in kind and chance.random() < 0.5 else len(value)
        kept = [*value, *[_plain(plain, chance)] * many][:many]
        if many and chance.random() < 0.8:
            kept[chance.randrange(many)] = _plain(plain, chance)
        setattr(message, name, kept)
    else:
        setattr(message, name, _plain(plain, chance))


def _plain(kind: str, chance: random.Random) -> Any:
    """A value of a plain type."""
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "string":
        return chance.choice(TEXTS)
    if "int" in kind:
        bits = int(kind.strip("uint"))
        low, high = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return chance.choice((low, high, high // 2, 0, 1, 2, 5, 100))
    return chance.choice(REALS)


HANDS = FuzzClass(_send, [_cdr(_now(good)) for good in GOOD], st.integers(0, 2**62).map(_lying), kept=1, family=5)
