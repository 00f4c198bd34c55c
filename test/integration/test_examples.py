"""examples/: what they print of hands that somebody publishes."""

from __future__ import annotations

import subprocess
import sys
import time

import rclpy
from node_process import ROOT

from handos_ros.msg import Hand, HandArray


def test_the_subscriber_of_the_readme_prints_fingertips() -> None:
    node = rclpy.create_node("hands_of_an_example", namespace="example")
    publisher = node.create_publisher(HandArray, "hands", 10)
    command = [sys.executable, str(ROOT / "examples" / "index_fingertips.py"), "--ros-args", "-r", "__ns:=/example"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as example:
        try:
            deadline = time.monotonic() + 60
            while publisher.get_subscription_count() == 0 and time.monotonic() < deadline:
                time.sleep(0.05)
            message = HandArray(hands=[Hand(id=3)])
            message.header.frame_id = "camera"
            tip = message.hands[0].joints_3d[Hand.INDEX_TIP]
            tip.x, tip.y, tip.z = 0.1, -0.2, 0.6
            publisher.publish(HandArray())
            publisher.publish(message)
            assert example.stdout is not None
            assert example.stdout.readline() == "hand 3: (0.100, -0.200, 0.600) m in camera\n"
        finally:
            example.kill()
            node.destroy_node()
