"""Overhead of the node over the network: milliseconds from image received to HandArray published, and frames lost.

    python benchmarks/node_overhead.py
    python benchmarks/node_overhead.py --clock cpu

A camera in this process sends raw rgb8 images at 30 Hz to hands_node in another one, whose network answers at once with
one hand or two. Overhead is a frame's time from its message to its HandArray, transforms and meshes included, without
what little that network takes. By the CPU clock, the stages are timed by the CPU time of the thread that works on the
frame, and overhead is their sum. "process" is the CPU time of the whole node per frame, the middleware's threads
included. Frames that do not reach the node, or that it drops, are lost. Fast DDS has the profile that the package
ships. Needs ROS, the package's messages, and onnx.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
from attended_node import attended_node, demo_image, instant_network, print_results
from clocks import add_clock, cpu_seconds, warn_when_busy
from node_process import parameters
from robot import Robot, diagnostics, image_message, info_message, stamped
from script import at_least, options, run_script

from handos_model import Camera

CASES = ((640, 480, 1), (640, 480, 2), (1920, 1080, 2))
"""Width, height and hands."""
RATE = 30.0
BARS = {"640x480": 3.0, "1920x1080": 6.0}
"""ms, median; frames lost at 640x480 must stay below 1 %."""
STAGES = ("decode", "follow", "tf", "publish")
KEYS = {
    "wall": (*STAGES, "network", "received to published", "overhead", "overhead, longest"),
    "cpu": (*STAGES, "network"),
}
"""Values of the node's diagnostics, by clock."""
EXECUTABLES = {"wall": "hands_node", "cpu": Path(__file__).with_name("cpu_timed_node.py")}


def measure(width: int, height: int, hands: int, seconds: float, clock: str) -> dict[str, Any]:
    """Sends images for a while; in ms the medians over seconds of the node's own medians; and frames lost."""
    with tempfile.TemporaryDirectory() as folder:
        ros_arguments = parameters(weights=instant_network(Path(folder) / "instant.onnx", hands), threads=1)
        with attended_node(*ros_arguments, executable=EXECUTABLES[clock]) as (node, robot):
            image = image_message(cv2.resize(demo_image(), (width, height)), stamped(0))
            robot.camera_info.publish(info_message(Camera.from_fov(width, height)))
            send(robot, image, 2.0)
            robot.spin(2.0)
            before = diagnostics(robot.got["/diagnostics"][-1])
            for messages in robot.got.values():
                messages.clear()
            used = cpu_seconds(node.process.pid)
            sent = send(robot, image, seconds)
            used = cpu_seconds(node.process.pid) - used
            robot.spin(2.5)
            reports = [diagnostics(message) for message in robot.got["/diagnostics"]]
            arrays = len(robot.got["hands"])
    processed = int(reports[-1]["frames processed"]) - int(before["frames processed"])
    late = int(reports[-1]["dropped: late"]) - int(before["dropped: late"])
    times = {
        key: [float(report[f"{key} (ms)"]) for report in reports if f"{key} (ms)" in report] for key in KEYS[clock]
    }
    ms = {key: statistics.median(values) for key, values in times.items()}
    if clock == "cpu":
        ms["overhead"] = sum(ms[stage] for stage in STAGES) - ms["network"]
    ms["process"] = 1000 * used / processed
    return {
        "image": f"{width}x{height}", "hands": hands,
        "sent": sent, "processed": processed, "late": late, "hand_arrays": arrays,
        "lost_percent": round(100 * (1 - processed / sent), 2),
        "ms": {key: round(value, 2) for key, value in ms.items()},
    }  # fmt: skip


def send(robot: Robot, image: Any, seconds: float) -> int:
    """Sends the image at RATE with stamps of the clock, and returns how often."""
    start, count = time.monotonic(), 0
    while (due := start + count / RATE) < start + seconds:
        robot.spin(max(due - time.monotonic(), 0))
        image.header.stamp = robot.get_clock().now().to_msg()
        robot.image.publish(image)
        count += 1
    return count


def markdown(results: list[dict[str, Any]]) -> str:
    """The table of results."""
    keys = list(results[0]["ms"])
    lines = ["| image | hands | " + " | ".join(keys) + " | bar | frames lost |", "|---" * (len(keys) + 4) + "|"]
    for result in results:
        cells = " | ".join(f"{value:.2f}" for value in result["ms"].values())
        size, lost = result["image"], f"{result['lost_percent']:g} % of {result['sent']}"
        lines.append(f"| {size} | {result['hands']} | {cells} | {BARS[size]:g} | {lost} |")
    return "\n".join(lines)


def run(seconds: float, clock: str) -> dict[str, Any]:
    """Measures all cases, and prints them as Markdown."""
    results = [measure(*case, seconds, clock) for case in CASES]
    print(markdown(results))
    return {"clock": clock, "cases": results}


def main() -> None:
    """Prints Markdown and JSON."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=at_least(1.0), default=30.0)
    add_clock(parser)
    arguments = parser.parse_args()
    warn_when_busy(arguments.clock)
    print_results(lambda: run(arguments.seconds, arguments.clock))


if __name__ == "__main__":
    run_script(main)
