"""demo: plays a video through camera_node and hands_node, prints rates and latencies, writes an annotated video."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from handos_model.commands.parser import Parser
from handos_model.commands.prediction.signals import ending, handled
from handos_model.io.inputs import open_inputs, short_name
from handos_model.output.drawn import DEFAULT_FPS, DRAWN_VIDEO_SUFFIXES, VideoOutput
from handos_model.output.output_file import Inputs, WriteRules, check_files
from handos_model.template.load import load_template
from handos_model.view.viewer import SPELLING, View, Viewer
from handos_ros.conversions.images import rgb_image
from handos_ros.conversions.stamps import seconds
from handos_ros.demo.child import Child
from handos_ros.demo.node_view import NodeView
from handos_ros.demo.topic_times import TopicTimes
from handos_ros.msg import HandArray
from handos_ros.process.executable import HANG, ignore_signals
from handos_ros.process.fast_dds import profile

START = 180.0
"""Seconds that a node may take to start from a cold disk on a busy machine; if it ends, that is noticed at once."""
SILENCE = 2.0
"""Seconds without a message after which nothing more is expected, once the camera is done and hands have come."""
FIRST = 10.0
"""The same until the first message about hands, which a slow machine may take that long for."""
RELIABLE = {f"qos_overrides./{topic}.subscription.reliability": "reliable" for topic in ("image", "camera_info")}
"""Parameters of hands_node: camera_node then waits until it has the images, even if it finds camera_node late."""
TOPICS = {
    "camera_info": CameraInfo,
    "hands": HandArray,
    "hands/markers": MarkerArray,
    "hands/debug_image": Image,
    "/tf": TFMessage,
}


class DemoNode(Node):
    """Listens to everything that the nodes publish, measures times and passes on the debug images."""

    def __init__(self, on_picture: Callable[[Image], None], stopped: Callable[[], bool]) -> None:
        """stopped: whether a signal has come to end the demo."""
        super().__init__("demo")
        self.times = {topic: TopicTimes() for topic in TOPICS}
        self.hands = 0
        """Number of hands in all frames."""
        self.assumed = False
        """True if the intrinsics were assumed."""
        self.diagnostics: dict[str, str] = {}
        """Latest diagnostics of hands_node."""
        self._on_picture, self._stopped = on_picture, stopped
        keep_all = QoSProfile(depth=100)
        for topic, kind in TOPICS.items():
            self.create_subscription(kind, topic, partial(self._on_message, topic), keep_all)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, keep_all)

    def spin(self) -> None:
        """Handles what comes for a moment; KeyboardInterrupt once a signal has come, and not amid a message."""
        rclpy.spin_once(self, timeout_sec=0.1)
        if self._stopped():
            raise KeyboardInterrupt

    @property
    def connected(self) -> bool:
        """True if hands_node is running and listens to images."""
        return self.count_subscribers("image") > 0 and self.count_publishers("hands") > 0

    @property
    def last_received(self) -> float:
        """time.monotonic() at the last message of any topic."""
        return max(times.last_received for times in self.times.values())

    def _on_message(self, topic: str, message: Any) -> None:
        now = self.get_clock().now().nanoseconds * 1e-9
        header = message.header if hasattr(message, "header") else None
        self.times[topic].add(now, header and seconds(header.stamp))
        if topic == "hands":
            self.hands += len(message.hands)
            self.assumed = message.intrinsics_source == HandArray.INTRINSICS_ASSUMED
        elif topic == "hands/debug_image":
            self._on_picture(message)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics = {pair.key: pair.value for pair in message.status[0].values}


class AnnotatedVideo:
    """Writes the debug images at the frame rate of the video: an image is repeated for dropped frames."""

    def __init__(self, path: Path, fps: float) -> None:
        self._video = VideoOutput(path, fps)
        self._first: float | None = None
        self._written = 0

    def add(self, message: Image) -> None:
        """Writes the image as often as its stamp requires."""
        stamp = seconds(message.header.stamp)
        self._first = stamp if self._first is None else self._first
        due = round((stamp - self._first) * self._video.fps) + 1
        image = rgb_image(message)
        for _ in range(max(1, due - self._written)):
            self._video.write("", image)
            self._written += 1

    def close(self, complete: bool) -> None:
        """Finishes the file, and gives it its name if it is complete."""
        self._video.close(complete)


def play(video: str, out: Path, view: View | None) -> None:
    """Plays `video` once, writes `out` and prints the measurements; raises RuntimeError, ValueError or OSError.

    After a signal it raises KeyboardInterrupt, but no number of them keeps it from ending the nodes, which would go on
    for ever. view: shows what the nodes publish.
    """
    sources = open_inputs([video])
    check_files([out], [Path(video)], overwrite=True)
    annotated, stopped = AnnotatedVideo(out, sources[0].fps or DEFAULT_FPS), threading.Event()
    with handled(ending(), lambda *_: stopped.set()):
        node = measured(video, annotated, stopped.is_set, view)
    report(node, sum(map(len, sources)))
    if not node.times["hands"].count:
        raise RuntimeError("hands_node published nothing: see its messages above")


def measured(video: str, annotated: AnnotatedVideo, stopped: Callable[[], bool], view: View | None) -> DemoNode:
    """Plays `video` once through nodes that end with it; returns the node that has heard them."""
    node = DemoNode(annotated.add, stopped)
    hands, camera = Child("hands_node", **RELIABLE), Child("camera_node", source=video, loop=False)
    complete = False  # a demo that was stopped replaces no video of one that was not
    try:
        hands.start()
        wait_until(lambda: node.connected, node, hands, "hands_node did not start to listen")
        if view:
            NodeView(node, view)  # only now, since `connected` counts all subscribers to images
        camera.start()
        sending = node.times["camera_info"]
        wait_until(lambda: camera.ended or sending.count > 0, node, hands, "camera_node sent nothing")
        played = time.monotonic()
        while time.monotonic() - max(played, node.last_received) < (SILENCE if node.times["hands"].count else FIRST):
            node.spin()
            hands.must_run()
            if not camera.ended:
                played = time.monotonic()
        camera.stop()
        hands.stop()
        complete = True
    finally:
        camera.kill()
        hands.kill()
        annotated.close(complete)
        node.destroy_node()
    return node


def wait_until(done: Callable[[], bool], node: DemoNode, needed: Child, problem: str) -> None:
    """Spins until `done`; raises RuntimeError if that takes too long or the needed process ends."""
    deadline = time.monotonic() + START
    while not done():
        needed.must_run()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{problem} within {START:.0f} s")
        node.spin()


def report(node: DemoNode, frames: int) -> None:
    """Prints the measurements; frames: number of frames in the video, 0 if its file does not say."""
    print(f"\n{'topic':<20}{'messages':>10}{'Hz':>8}{'latency, median':>18}{'longest':>10}")
    for topic, times in node.times.items():
        print(f"{topic:<20}{times.count:>10}{times.rate:>8.1f}{times.milliseconds(0.5):>18}{times.milliseconds(1):>10}")
    done = node.times["hands"].count
    print(f"\n{done}{f' of {frames}' if frames else ''} frames processed, {node.hands} hands in them.")
    for reason, count in node.diagnostics.items():
        if reason.startswith("dropped") and count != "0":
            print(f"{reason}: {count}")
    if node.diagnostics.get("dropped: late", "0") != "0":
        print("Late frames came while the network was busy: they are dropped, never queued.")
    print("Latency runs from the image's stamp to the message's arrival here.")
    if node.assumed:
        print("The camera is not calibrated: a field of view is assumed, and distances are a guess.")


def apart(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables that keep the topics of robots away from the demo, and its own topics away from robots."""
    domain = 51 + os.getpid() % 50  # domains that are rarely set by hand, out of the 101 that Linux has ports for
    if environment.get("ROS_DOMAIN_ID", "0") == str(domain):
        domain = 51 + (domain - 50) % 50
    return {
        "ROS_DOMAIN_ID": str(domain),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",  # from Iron on
        "ROS_STATIC_PEERS": "127.0.0.1",  # needed on machines without a network, which have no multicast
    }


def _view(options: argparse.Namespace) -> AbstractContextManager[View | None]:
    if options.view is None:
        return nullcontext()
    viewer = Viewer.named(options.view)
    viewer.check(Inputs([options.video]), WriteRules(overwrite=True))
    return viewer.opened(load_template().faces, stopped=lambda: False)


def main() -> None:
    """`demo --video FILE`: exits with 0 if hands came through."""
    parser = Parser(prog="demo", description=__doc__.partition(": ")[2])
    parser.add_argument("--video", required=True, help="video, image, folder of these, ROS recording or stream")
    parser.add_argument("--out", type=Path, help="video to write; demo/<name of the video>-hands.mp4 without it")
    parser.add_argument("--view", metavar="VIEWER[=FILE]", help=f"show it: {SPELLING}")
    options = parser.parse_args()
    options.out = options.out or Path("demo") / f"{short_name(options.video)}-hands.mp4"
    if options.out.suffix.lower() not in DRAWN_VIDEO_SUFFIXES:
        parser.error(
            f"--out is {options.out}, must end in {', '.join(DRAWN_VIDEO_SUFFIXES[:-1])} or {DRAWN_VIDEO_SUFFIXES[-1]}"
        )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # replaces the handler used during imports
    os.environ.update(apart(os.environ))
    os.environ.update(profile(os.environ))
    # rclpy's own handlers would end its context at any moment, also while a message is being handed over.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        with _view(options) as view:
            play(options.video, options.out, view)
        shown = (options.view or "").partition("=")[2]
        print(f"Look at {options.out}{f' and {shown}' if shown else ''}")
    except (RuntimeError, ValueError, OSError, ModuleNotFoundError) as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit("demo: stopped")
    finally:
        signal.alarm(HANG)
        ignore_signals()
        rclpy.try_shutdown()
