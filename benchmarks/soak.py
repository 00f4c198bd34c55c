"""Sends frames to a node for hours while cameras come and go, clocks jump and parameters change; watches its memory.

    python benchmarks/soak.py                    # 100,000 frames, as fast as the node takes them
    python benchmarks/soak.py --frames 2000

The node runs in its own process, with a network that answers at once. Each frame must be answered or counted as
dropped. Prints a line of JSON after every thousandth of the run; the last line tells whether memory stayed flat. This
needs ROS, the package's messages and onnx.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from abuse import NAMES
from attended_node import (
    EVERY_IMAGE,
    accounted,
    attended_node,
    demo_image,
    instant_network,
    print_results,
    resident,
)
from hostile_messages import copy_of, wrong_parameter
from node_process import parameters
from rcl_interfaces.srv import SetParameters
from robot import EVERY, Robot, image_message, info_message, stamped
from script import at_least, options, run_script
from sensor_msgs.msg import Image

from handos_model import Camera

CAMERA_EVERY, JUMP_EVERY, STORM_EVERY = 1000, 250, 500
"""Frames from one new camera, jump of its clock, storm of parameters to the next."""
STORM = 20  # requests
PATIENCE, BACK_PATIENCE = 2.0, 0.1  # s
MAX_GROWTH = 0.05
"""Share of the memory after the first tenth of a run, which fills caches and pools."""


class Soak:
    """Sends frames one by one and keeps count of them."""

    def __init__(self, robot: Robot, pid: int, seed: int) -> None:
        self.robot, self.pid, self.rng = robot, pid, np.random.default_rng(seed)
        self.good, self.info = image_message(demo_image(), stamped(0)), info_message(Camera.from_fov(640, 480))
        self.setter = robot.create_client(SetParameters, "hands_node/set_parameters")
        self.sent = self.back = self.cameras = self.settings = 0
        self._clock = 0
        self.memory: list[float] = []

    def run(self, frames: int) -> None:
        """So many; AssertionError where one is lost."""
        for number in range(1, frames + 1):
            if number % CAMERA_EVERY == 0:
                self._new_camera()
            if number % STORM_EVERY == 0:
                self._storm()
            self._frame(jump=number % JUMP_EVERY == 0)
            if number % max(frames // 1000, 20) == 0 or number == frames:
                self.memory.append(resident(self.pid))
                print(json.dumps({"frames": number, "memory_mb": round(self.memory[-1], 1)}), flush=True)

    def _frame(self, jump: bool) -> None:
        """One frame, until it is answered, or for a while: one that lies back in time is dropped, and one that comes
        while the node is at another is late.
        """
        back = jump and bool(self.rng.integers(2))
        self._clock += (-100 if back else 36_000) if jump else 1
        image = copy_of(self.good)
        image.header = stamped(self._clock)
        self.robot.got["hands"].clear()
        self.robot.got["/tf"].clear()
        self.robot.camera_info.publish(self.info)
        self.robot.image.publish(image)
        self.sent += 1
        self.back += back
        patience = time.monotonic() + (BACK_PATIENCE if back else PATIENCE)
        while not self.robot.got["hands"] and time.monotonic() < patience:
            self.robot.spin(0.0005)

    def _new_camera(self) -> None:
        """Another publisher in place of the one there was."""
        accounted(self.robot, self.sent)
        self.robot.destroy_publisher(self.robot.image)
        self.robot.image = self.robot.create_publisher(Image, "image", EVERY)
        self.robot.until(self.robot.image.get_subscription_count)
        self.cameras += 1

    def _storm(self) -> None:
        for _ in range(STORM):
            change = wrong_parameter(self.rng, list(NAMES))
            self.robot.until(self.setter.call_async(SetParameters.Request(parameters=[change])).done)
            self.settings += 1

    def growth(self) -> float:
        """Relative growth of memory from the second tenth of the run to the last."""
        tenth = max(len(self.memory) // 10, 1)
        begin, end = self.memory[tenth : 2 * tenth] or self.memory[:1], self.memory[-tenth:]
        return statistics.median(end) / statistics.median(begin) - 1


def soak(frames: int, seed: int = 0) -> dict[str, Any]:
    """Sends `frames` frames to a fresh node and returns what it made of them."""
    with tempfile.TemporaryDirectory() as folder:
        weights = instant_network(Path(folder) / "instant.onnx")
        with attended_node(*EVERY_IMAGE, *parameters(weights=weights, threads=1)) as (node, robot):
            run = Soak(robot, node.process.pid, seed)
            run.run(frames)
            counted = accounted(robot, run.sent)
    return {
        "frames": frames, "counted": counted, "went_back": run.back, "cameras": run.cameras,
        "parameters_set": run.settings, "memory_mb": [round(run.memory[0]), round(run.memory[-1])],
        "growth": round(run.growth(), 4), "flat": run.growth() <= MAX_GROWTH,
    }  # fmt: skip


def main() -> None:
    """Runs it and prints JSON."""
    parser = options(__doc__)
    parser.add_argument("--frames", type=at_least(1), default=100_000)
    parser.add_argument("--seed", type=at_least(0), default=0)
    arguments = parser.parse_args()
    print_results(lambda: soak(arguments.frames, arguments.seed))


if __name__ == "__main__":
    run_script(main)
