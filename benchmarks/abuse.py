"""Thousands of hostile messages and parameters at a running node, and its memory.

    python benchmarks/abuse.py                      # 20,000 messages
    python benchmarks/abuse.py --messages 500

The node must live, count every image that it drops, and be right about the next good one. It runs in a process of its
own with the embedded weights. Needs ROS and the package's messages.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from hostile_messages import attack, copy_of, wrong_parameter
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test" / "support")]

from node_process import NodeProcess, one_machine, parameters  # noqa: E402
from robot import Robot, diagnostics, image_message, info_message, stamped  # noqa: E402

from handos_model import Camera  # noqa: E402
from handos_model.io.inputs import open_inputs  # noqa: E402

NAMESPACE = "abused"
EVERY_IMAGE = [
    "-r", f"__ns:=/{NAMESPACE}",
    "-p", f"qos_overrides./{NAMESPACE}/image.subscription.reliability:=reliable",
    "-p", f"qos_overrides./{NAMESPACE}/image.subscription.history:=keep_all",
]  # fmt: skip
"""So that what is sent also arrives, and can be counted on both sides."""
NAMES = ("score_threshold", "hand_scale", "frame_prefix", "weights", "tracking", "track_max_age", "smoothing")
MAX_MOVE = 5.0
"""px, of a joint: a hand that is found anew is seen in another view than one that has been followed."""
CHECK_EVERY = 250  # messages from one good frame to the next


class Siege:
    """One node under attack, and what came of it."""

    def __init__(self, robot: Robot, pid: int, seed: int = 0) -> None:
        self.robot, self.pid = robot, pid
        self.rng = np.random.default_rng(seed)
        self.info = info_message(Camera.from_fov(640, 480))
        self.good = image_message(demo_image(), stamped(0))
        self.sent = self.answered = self.refused = self.settings = 0
        self.memory: list[float] = []
        self._index = 0
        self.first = self.good_frame()

    def good_frame(self) -> Any:
        """The HandArray of the good image, which is sent until it comes: what was before may still be in work."""
        self._index += 1
        image = copy_of(self.good)
        image.header = stamped(self._index)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.robot.camera_info.publish(self.info)
            self.robot.spin(0.02)
            self.send(image)
            again = time.monotonic() + 0.7
            while time.monotonic() < again:
                self.robot.spin(0.01)
                for answer in self.robot.got["hands"]:
                    if answer.header.stamp == image.header.stamp:
                        self.robot.got["hands"].clear()
                        return answer
        raise AssertionError("no HandArray of a good image within 30 s")

    def send(self, image: Image) -> None:
        """Sends an image, and counts it."""
        self.robot.image.publish(image)
        self.sent += 1

    def attack(self, messages: int, pause: float = 0.004) -> None:
        """Hostile messages, a good frame after every CHECK_EVERY; AssertionError when its answer is wrong."""
        topics = {"camera_info": self.robot.camera_info, "depth": self.robot.depth}
        client = self.robot.create_client(SetParameters, "hands_node/set_parameters")
        for number in range(1, messages + 1):
            topic, message = attack(self.rng, self.good, self.info)
            if topic == "image":
                self.send(message)
            else:
                topics[topic].publish(message)
                self.send(copy_of(self.good))
                self.robot.camera_info.publish(self.info)
            if number % 20 == 0:
                self._set_something(client)
            self.robot.spin(pause)
            if number % CHECK_EVERY == 0 or number == messages:
                self.check()
        self.robot.destroy_client(client)

    def check(self) -> None:
        """A good frame, which must be right."""
        wanted, answer = self.first, self.good_frame()
        assert answer.hands, "a good frame after hostile ones has no hands"
        for a, b in zip(answer.hands[0].joints_2d, wanted.hands[0].joints_2d, strict=True):
            assert abs(a.x - b.x) < MAX_MOVE and abs(a.y - b.y) < MAX_MOVE, "joints of a good frame moved"
        self.answered += 1
        self.memory.append(resident(self.pid))

    def _set_something(self, client: Any) -> None:
        change = wrong_parameter(self.rng, list(NAMES))
        future = client.call_async(SetParameters.Request(parameters=[change]))
        self.robot.until(future.done)
        self.settings += 1
        self.refused += not future.result().results[0].successful

    def counted(self) -> dict[str, int]:
        """Frames that the node has processed, and dropped for each reason, once they are as many as were sent."""

        def counts() -> dict[str, int]:
            values = diagnostics(self.robot.got["/diagnostics"][-1])
            return {key: int(value) for key, value in values.items() if key.startswith(("frames processed", "dropped"))}

        self.robot.until(lambda: sum(counts().values()) == self.sent)
        return counts()


def demo_image() -> np.ndarray:
    """A frame of the clip that ships with the package."""
    return next(iter(open_inputs([str(ROOT / "docs/demo.mp4")])[0])).image


def resident(pid: int) -> float:
    """MB of memory that a process occupies."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def instant_network(path: Path, hands: int = 2) -> Path:
    """Weights that see one or two hands in every image, and take it in the size of the embedded ones."""
    from fake_network import METADATA, answer, write_network

    from handos_model import load_template

    template, camera = load_template(), Camera.from_fov(640, 480)
    answers = [
        answer(template.vertices + place, template.joints + place, camera)
        for place in np.array([[-0.15, 0.05, 0.5], [0.15, 0.05, 0.6]])[:hands]
    ]
    return write_network(path, answers, 640, METADATA | {"size": "192"})


def besiege(messages: int, seed: int = 0) -> dict[str, Any]:
    """A fresh node under `messages` hostile messages; what was sent, counted and refused, and its memory."""
    with NodeProcess("hands_node", *EVERY_IMAGE, *parameters(use_depth=True, threads=1)) as node:
        robot = Robot(NAMESPACE)
        robot.meet()
        siege = Siege(robot, node.process.pid, seed)
        siege.attack(messages)
        counted = siege.counted()
        code, printed = node.stop()
        robot.destroy_node()
    assert "Traceback" not in printed, printed
    return {
        "hostile_messages": messages, "images_sent": siege.sent, "images_counted": sum(counted.values()),
        "counted": counted, "good_frames_right": siege.answered, "parameters_set": siege.settings,
        "parameters_refused": siege.refused, "exit_code": code, "warnings": printed.count("[WARN]"),
        "memory_mb": [round(value, 1) for value in siege.memory],
    }  # fmt: skip


def main() -> None:
    """Runs it and prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    arguments = parser.parse_args()
    os.environ.update(one_machine(os.environ))
    rclpy.init()
    print(json.dumps(besiege(arguments.messages), indent=1))
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
