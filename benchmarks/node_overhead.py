"""What the node adds to the network: milliseconds from image received to HandArray published, and frames lost.

    python benchmarks/node_overhead.py

A camera in this process sends raw rgb8 images at 30 Hz to hands_node in another one, whose network answers at once with
one hand or two. Overhead is a frame's time from its message to its HandArray, meshes included, without what little that
network takes; frames on /tf follow and are not in it. Frames that do not reach the node, or that it drops, are lost.
Fast DDS has the profile that the package ships. Needs ROS, the package's messages, and onnx.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import rclpy
from abuse import NAMESPACE, demo_image, instant_network
from node_process import NodeProcess, one_machine, parameters
from robot import Robot, diagnostics, image_message, info_message, stamped

from handos_model import Camera

CASES = ((640, 480, 1), (640, 480, 2), (1920, 1080, 2))
"""Width, height and hands."""
RATE = 30.0
BARS = {"640x480": 3.0, "1920x1080": 6.0}
"""ms, median; frames lost at 640x480 must stay below 1 %."""
KEYS = ("decode", "follow", "publish", "network", "received to published", "overhead", "overhead, longest")
BUSY = 0.7  # load average from which other work is in the way


def measure(width: int, height: int, hands: int, seconds: float) -> dict[str, Any]:
    """Sends images for a while; medians over seconds of the node's own medians, in ms, and frames lost."""
    with tempfile.TemporaryDirectory() as folder:
        weights = instant_network(Path(folder) / "instant.onnx", hands)
        with NodeProcess("hands_node", "-r", f"__ns:=/{NAMESPACE}", *parameters(weights=weights, threads=1)) as node:
            robot = Robot(NAMESPACE)
            robot.meet()
            image = image_message(cv2.resize(demo_image(), (width, height)), stamped(0))
            robot.camera_info.publish(info_message(Camera.from_fov(width, height)))
            send(robot, image, 2.0)
            robot.spin(2.0)
            before = diagnostics(robot.got["/diagnostics"][-1])
            for messages in robot.got.values():
                messages.clear()
            sent = send(robot, image, seconds)
            robot.spin(2.5)
            reports = [diagnostics(message) for message in robot.got["/diagnostics"]]
            node.stop()
            arrays = len(robot.got["hands"])
            robot.destroy_node()
    processed = int(reports[-1]["frames processed"]) - int(before["frames processed"])
    late = int(reports[-1]["dropped: late"]) - int(before["dropped: late"])
    times = {key: [float(report[f"{key} (ms)"]) for report in reports if f"{key} (ms)" in report] for key in KEYS}
    return {
        "image": f"{width}x{height}", "hands": hands,
        "sent": sent, "processed": processed, "late": late, "hand_arrays": arrays,
        "lost_percent": round(100 * (1 - processed / sent), 2),
        "ms": {key: round(statistics.median(values), 2) for key, values in times.items()},
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


def main() -> None:
    """Measures all cases; prints Markdown and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"Other work is in the way: the load average is {load:.1f}")
    os.environ.update(one_machine(os.environ))
    rclpy.init()
    results = [measure(*case, arguments.seconds) for case in CASES]
    rclpy.try_shutdown()
    print("| image | hands | " + " | ".join(KEYS) + " | bar | frames lost |\n|---|---|" + "---|" * (len(KEYS) + 2))
    for result in results:
        cells = " | ".join(f"{result['ms'][key]:.2f}" for key in KEYS)
        size, lost = result["image"], f"{result['lost_percent']:g} % of {result['sent']}"
        print(f"| {size} | {result['hands']} | {cells} | {BARS[size]:g} | {lost} |")
    print(json.dumps({"load": load, "cases": results}))


if __name__ == "__main__":
    main()
