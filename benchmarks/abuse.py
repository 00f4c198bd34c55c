"""Sends thousands of hostile messages and parameters to a running node, and watches its memory.

    python benchmarks/abuse.py                      # 20,000 messages
    python benchmarks/abuse.py --messages 500

The node must survive, count every image that it drops, and find the same hands in the next good image. It runs in its
own process with the embedded weights. This needs ROS and the package's messages.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from attended_node import EVERY_IMAGE, accounted, attended_node, demo_image, print_results, resident
from hostile_messages import attack, copy_of, wrong_parameter
from node_process import parameters
from rcl_interfaces.srv import SetParameters
from robot import Robot, image_message, info_message, stamped
from script import at_least, options, run_script
from sensor_msgs.msg import Image

from handos_model import Camera

NAMES = ("score_threshold", "hand_scale", "frame_prefix", "weights", "tracking", "track_max_age", "smoothing")
MAX_MOVE = 5.0
"""px, of a joint: a hand that is found again is seen in a slightly different view than one that has been followed."""
CHECK_EVERY = 250  # messages from one good frame to the next


class Siege:
    """A node under attack, with counts of what was sent and how it was answered."""

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
        """The HandArray of the good image, which is sent until it is answered: earlier messages may still be queued."""
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


def besiege(messages: int) -> dict[str, Any]:
    """A fresh node under `messages` hostile messages; what was sent, counted and refused, and its memory."""
    with attended_node(*EVERY_IMAGE, *parameters(use_depth=True, threads=1)) as (node, robot):
        siege = Siege(robot, node.process.pid)
        siege.attack(messages)
        counted = accounted(robot, siege.sent)
    return {
        "hostile_messages": messages, "images_sent": siege.sent, "images_counted": sum(counted.values()),
        "counted": counted, "good_frames_right": siege.answered, "parameters_set": siege.settings,
        "parameters_refused": siege.refused, "warnings": node.printed().count("[WARN]"),
        "memory_mb": [round(value, 1) for value in siege.memory],
    }  # fmt: skip


def main() -> None:
    """Runs it and prints JSON."""
    parser = options(__doc__)
    parser.add_argument("--messages", type=at_least(1), default=20_000)
    arguments = parser.parse_args()
    print_results(lambda: besiege(arguments.messages))


if __name__ == "__main__":
    run_script(main)
