"""Hostile messages: each is counted for what it is, and the next good frame is right."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import pytest
from abuse import Siege
from attended_node import EVERY_IMAGE, accounted, attended_node
from hostile_messages import copy_of, truncated, wrong_encoding, wrong_size, wrong_step
from node_process import parameters
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

MESSAGES = 500


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    with attended_node(*EVERY_IMAGE, *parameters(use_depth=True, threads=1)) as (node, robot):
        yield Siege(robot, node.process.pid)


def test_names_without_end_are_cut() -> None:
    with attended_node(*EVERY_IMAGE, *parameters(threads=1)) as (node, robot):
        siege = Siege(robot, node.process.pid)
        long = "encoding " * 2_000_000
        siege.info.distortion_model = long
        siege.robot.camera_info.publish(siege.info)
        hostile = ({"encoding": long}, {"header": Header(frame_id=long)}, {"encoding": "two\nlines"})
        for number, fields in enumerate(hostile, 1):
            image = copy_of(siege.good)
            for name, value in fields.items():
                setattr(image, name, value)
            siege.send(image)
            robot.until(lambda number=number: accounted(siege.robot, siege.sent)["dropped: bad image"] == number)
        said = max(len(pair.value) for message in robot.got["/diagnostics"] for pair in message.status[0].values)
        siege.info.distortion_model = "plumb_bob"
        siege.check()
    assert said < 1000
    lines = node.printed().splitlines()
    assert max(map(len, lines)) < 1000 and all(line.startswith("[") for line in lines)


def counted_since(siege: Siege, before: dict[str, int]) -> dict[str, int]:
    now = accounted(siege.robot, siege.sent)
    return {reason: now[reason] - before[reason] for reason in now if now[reason] != before[reason]}


def test_bad_images_are_counted(siege: Siege) -> None:
    before = accounted(siege.robot, siege.sent)
    kinds = (wrong_encoding, wrong_size, wrong_step, truncated)
    for number, kind in enumerate(kinds, 1):
        siege.send(kind(np.random.default_rng(1), copy_of(siege.good)))
        counted = {"dropped: bad image": number}
        siege.robot.until(lambda counted=counted: counted_since(siege, before) == counted)
    siege.check()


def test_a_wrong_camera_info_drops_the_frame(siege: Siege) -> None:
    image = copy_of(siege.good)
    image.header = siege.good_frame().header
    changes = ("width", 320), ("k", np.full(9, np.nan)), ("k", -siege.info.k), ("distortion_model", "guessed")
    for field, value in changes:
        info: CameraInfo = deepcopy(siege.info)
        info.d = [0.1] * 5
        setattr(info, field, value)
        siege.robot.until(lambda info=info: is_dropped_with(siege, image, info))
    siege.check()


def is_dropped_with(siege: Siege, image: Image, info: CameraInfo) -> bool:
    """Whether the next image is dropped for its camera_info; False when that has not come yet, as it may."""
    before = accounted(siege.robot, siege.sent)
    siege.robot.camera_info.publish(info)
    siege.robot.spin(0.2)
    siege.send(image)
    siege.robot.spin(0.1)
    return counted_since(siege, before) == {"dropped: bad camera_info": 1}


def test_time_that_jumps_back_drops_one_frame(siege: Siege) -> None:
    image = copy_of(siege.good)
    image.header = deepcopy(siege.good_frame().header)
    before = accounted(siege.robot, siege.sent)
    image.header.stamp.sec -= 1000
    siege.send(image)
    siege.robot.until(lambda: counted_since(siege, before) == {"dropped: time jumped back": 1})
    siege.check()


def test_hundreds_of_hostile_messages(siege: Siege) -> None:
    siege.attack(MESSAGES)
    assert sum(accounted(siege.robot, siege.sent).values()) == siege.sent > MESSAGES
    assert 0 < siege.refused < siege.settings
