"""Whether the transforms of a hand are there when its HandArray is: for 1,000 hands of a real node on real images.

    python benchmarks/transforms_first.py                  # 1,000 hands
    python benchmarks/transforms_first.py --hands 50

hands_node sees the clip that ships with the package, again and again. A node in another process listens to /tf and to
the hands on one executor. `received` counts the hands whose transform of the same stamp the middleware received no
later than the HandArray, `looked_up` those for which a lookup at that stamp in the HandArray's callback finds it: in
tf2's buffer, or in a set of what has come if tf2_ros cannot be imported, which is not on PyPI. Needs ROS and the
package's messages.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from attended_node import ROOT, attended_node, print_results
from geometry_msgs.msg import TransformStamped
from node_process import parameters
from rclpy.time import Time
from robot import Robot, image_message, stamped
from script import at_least, options, run_script
from tf2_msgs.msg import TFMessage

from handos_model.io.inputs import open_inputs
from handos_ros.msg import HandArray

PATIENCE = 2.0
"""s after which the next image is sent although none has been answered: the first ones may be lost."""


class Received:
    """The frames that have come on /tf, and in how many hands' frames a lookup works."""

    def __init__(self, robot: Robot) -> None:
        try:
            from tf2_ros import Buffer
        except ModuleNotFoundError:
            self.buffer = None
        else:
            self.buffer = Buffer()
        self.hands = self.received = self.looked_up = self.frames = 0
        self._times: dict[tuple[str, int, int], int] = {}  # ns, when a transform was received
        self._waiting: list[tuple[tuple[str, int, int], int]] = []
        robot.create_subscription(TFMessage, "/tf", self._keep, 100)
        robot.create_subscription(HandArray, "hands", self._count, 100)

    def _keep(self, message: TFMessage, info: dict[str, Any]) -> None:
        for transform in message.transforms:
            self._times[key(transform.child_frame_id, transform)] = info["received_timestamp"]
            if self.buffer is not None:
                self.buffer.set_transform(transform, "benchmark")

    def _count(self, message: HandArray, info: dict[str, Any]) -> None:
        self.frames += 1
        for hand in message.hands:
            if not hand.wrist_valid:  # it has no frame
                continue
            self.hands += 1
            name = f"hand_{hand.id}"
            if self.buffer is None:
                self.looked_up += key(name, message) in self._times
            else:
                stamp = Time.from_msg(message.header.stamp)
                self.looked_up += self.buffer.can_transform(message.header.frame_id, name, stamp)
            self._waiting.append((key(name, message), info["received_timestamp"]))

    def results(self) -> dict[str, Any]:
        """Once everything has come."""
        received = sum(self._times.get(name, time + 1) <= time for name, time in self._waiting)
        where = "none: tf2_ros cannot be imported" if self.buffer is None else "tf2_ros"
        counts = {"frames": self.frames, "hands": self.hands, "received": received, "looked_up": self.looked_up}
        return {**counts, "buffer": where}


def key(child: str, stamped_message: TransformStamped | HandArray) -> tuple[str, int, int]:
    """A frame at a time."""
    stamp = stamped_message.header.stamp
    return child, stamp.sec, stamp.nanosec


def images() -> Iterator[np.ndarray]:
    """The frames of the clip for ever, RGB."""
    frames = [frame.image for frame in open_inputs([str(ROOT / "docs/demo.mp4")])[0] if frame.image is not None]
    return itertools.cycle(frames)


def measure(hands: int) -> dict[str, Any]:
    """Counts of so many hands, or a few more."""
    given = parameters(threads=1, tf_names="id")
    with attended_node(*given) as (_, robot):
        received = Received(robot)
        for number, image in enumerate(images()):
            if received.hands >= hands:
                break
            before = received.frames
            robot.image.publish(image_message(image, stamped(number)))
            try:
                robot.until(lambda before=before: received.frames > before, PATIENCE)
            except AssertionError:
                continue
        robot.spin(1.0)
        return received.results()


def main() -> None:
    """Prints the counts as JSON."""
    parser = options(__doc__)
    parser.add_argument("--hands", type=at_least(1), default=1000)
    hands = parser.parse_args().hands
    print_results(lambda: measure(hands))


if __name__ == "__main__":
    run_script(main)
