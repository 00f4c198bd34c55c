"""A hands_node in a separate process, and the robot that talks to it: for benchmarks and tests of the running node."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rclpy

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "test" / "support")]

from node_process import NodeProcess, one_machine  # noqa: E402
from robot import Robot, diagnostics  # noqa: E402

from handos_model import Camera, load_template  # noqa: E402
from handos_model.io.inputs import open_inputs  # noqa: E402

NAMESPACE = "attended"
EVERY_IMAGE = [
    "-p", f"qos_overrides./{NAMESPACE}/image.subscription.reliability:=reliable",
    "-p", f"qos_overrides./{NAMESPACE}/image.subscription.history:=keep_all",
]  # fmt: skip
"""ROS arguments with which every image that is sent also arrives, and can be counted on both sides."""


@contextmanager
def attended_node(*ros_arguments: str, executable: str | Path = "hands_node") -> Iterator[tuple[NodeProcess, Robot]]:
    """The node and a robot that has met it; AssertionError if the node does not end cleanly with the block."""
    with NodeProcess(executable, "-r", f"__ns:=/{NAMESPACE}", *ros_arguments) as node:
        robot = Robot(NAMESPACE)
        try:
            robot.meet()
            yield node, robot
        finally:
            robot.destroy_node()
        code, printed = node.stop()
    assert code == 0 and "Traceback" not in printed, printed


def accounted(robot: Robot, sent: int) -> dict[str, int]:
    """Frames that the node has processed, and dropped for each reason, once they add up to those that were sent."""

    def counts() -> dict[str, int]:
        values = diagnostics(robot.got["/diagnostics"][-1])
        del robot.got["/diagnostics"][:-1]
        return {key: int(value) for key, value in values.items() if key.startswith(("frames processed", "dropped"))}

    robot.until(lambda: sum(counts().values()) == sent)
    return counts()


def demo_image() -> np.ndarray:
    """A frame of the clip that ships with the package, RGB."""
    return next(iter(open_inputs([str(ROOT / "docs/demo.mp4")])[0])).image


def resident(pid: int) -> float:
    """Memory that a process occupies, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def instant_network(path: Path, hands: int = 2) -> Path:
    """Weights that see one or two hands in every image, which they take at the embedded ones' size. Needs onnx."""
    from fake_network import METADATA, answer, write_network

    template, camera = load_template(), Camera.from_fov(640, 480)
    answers = [
        answer(template.vertices + place, template.joints + place, camera)
        for place in np.array([[-0.15, 0.05, 0.5], [0.15, 0.05, 0.6]])[:hands]
    ]
    return write_network(path, answers, 640, METADATA | {"size": "192"})


def print_results(measure: Callable[[], dict[str, Any]]) -> None:
    """Prints as JSON what is measured with ROS running, apart from every other robot."""
    os.environ.update(one_machine(os.environ))
    rclpy.init()
    print(json.dumps(measure()))
    rclpy.try_shutdown()
