"""Transforms and hands never wait for what is computed from them."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest
import yaml
from node_process import NodeProcess, parameters
from robot import SHOWN, Robot, SendingOrder, image_message, stamped
from tf2_msgs.msg import TFMessage

from handos_ros.msg import HandArray

transforms_first = pytest.importorskip("transforms_first")

OF_A_CAMERA = {"/tf": TFMessage, "hands": HandArray, **SHOWN}
OF_A_FUSION = {
    f"all/{topic.lstrip('/')}": kind
    for topic, kind in OF_A_CAMERA.items()
    if topic not in ("hands/debug_image", "hands/points")
}


def test_hands_node_and_fusion_node_send_transforms_and_hands_first(image: np.ndarray, tmp_path: Path) -> None:
    place = {"translation": [0.0, 0.0, 0.0], "rotation": [0.0, 0.0, 0.0, 1.0]}
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"frame": "table", "cameras": {"lens": place}}))
    fusion = parameters(topics="/order/hands", extrinsics=tmp_path / "cameras.yaml", frame_prefix="all/")
    with (
        NodeProcess("hands_node", "-r", "__ns:=/order", *parameters(threads=1)) as one,
        NodeProcess("fusion_node", "-r", "__ns:=/order/all", "-r", "/tf:=tf", *fusion) as other,
    ):
        robot = Robot("order")
        robot.meet()
        robot.until(lambda: robot.count_publishers("all/hands"))
        orders = [SendingOrder(robot, topics) for topics in (OF_A_CAMERA, OF_A_FUSION)]
        indices = count()

        def seen() -> bool:
            robot.hands_of(image_message(image, stamped(next(indices))))
            robot.spin(0.2)
            return all(len(order.complete()) > 3 for order in orders)

        robot.until(seen)
        for order, first in zip(orders, (["/tf", "hands"], ["all/tf", "all/hands"]), strict=True):
            assert [topics[:2] for topics in order.complete()] == [first] * len(order.complete())
        robot.destroy_node()
        for node in (one, other):
            node.end()


def test_transforms_of_real_hands_are_there_when_their_hands_come() -> None:
    """A little of benchmarks/transforms_first.py."""
    came = transforms_first.measure(6)
    assert came["hands"] == came["received"] == came["looked_up"] >= 6
