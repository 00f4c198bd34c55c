"""The other side of the topics: a node of this process that sends what a camera sends and keeps what comes back."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy.executors
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState, PointCloud2
from shape_msgs.msg import Mesh
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from handos_model.camera import Camera
from handos_model.hand import KNOWN_SIDES
from handos_ros.conversions.images import rgb_message
from handos_ros.msg import Grasp, HandArray, NamedPoseArray

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
EVERY = QoSProfile(history=HistoryPolicy.KEEP_ALL)
"""For a reliable subscription: none is given up."""
SHOWN = {
    "hands/markers": MarkerArray,
    "hands/debug_image": Image,
    "hands/points": PointCloud2,
    "hands/joint_states": JointState,
    **{f"hands/{side}/poses": NamedPoseArray for side in KNOWN_SIDES},
    **{f"hands/{side}/grasp": Grasp for side in KNOWN_SIDES},
}


class Robot(Node):
    """Sends image and camera_info in a namespace; `got` holds the messages of each topic it listens to, in order."""

    def __init__(self, namespace: str, shown: bool = False) -> None:
        super().__init__("robot", namespace=namespace)
        self.got: dict[str, list[Any]] = defaultdict(list)
        self._executor = rclpy.executors.SingleThreadedExecutor()
        self._executor.add_node(self)
        self.image = self.create_publisher(Image, "image", EVERY)
        self.compressed = self.create_publisher(CompressedImage, "image/compressed", 1)
        self.camera_info = self.create_publisher(CameraInfo, "camera_info", 1)
        self.depth = self.create_publisher(Image, "depth", 1)
        topics = {"hands": HandArray, "/tf": TFMessage, "/diagnostics": DiagnosticArray, **(SHOWN if shown else {})}
        for topic, kind in topics.items():
            self.listen(kind, topic)
        if shown:
            self.listen(Mesh, "hands/mesh", LATCHED)

    def destroy_node(self) -> None:
        """Ends the executor first: neither may be left to the garbage collector."""
        self._executor.shutdown()
        super().destroy_node()

    def listen(self, kind: type, topic: str, qos: QoSProfile | int = 50) -> None:
        """Keeps what comes on a topic in got[topic]."""
        self.create_subscription(kind, topic, self.got[topic].append, qos)

    def until(self, done: Callable[[], Any], timeout: float = 180.0) -> Any:
        """Spins until `done` says something true, and returns that; fails after `timeout` s."""
        deadline = time.monotonic() + timeout
        while not (result := done()):
            assert time.monotonic() < deadline, f"nothing after {timeout} s; got {self._counts()}"
            self._executor.spin_once(timeout_sec=0.02)
        return result

    def spin(self, seconds: float) -> None:
        """Spins for a time in which nothing is expected."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)

    def meet(self) -> None:
        """Waits until the node listens to the images and is heard."""
        self.until(lambda: self.image.get_subscription_count() or self.compressed.get_subscription_count())
        self.until(lambda: self.count_publishers("hands") and self.count_publishers("/diagnostics"))
        self.until(lambda: self.got["/diagnostics"])

    def hands_of(self, message: Any, timeout: float = 180.0) -> HandArray:
        """Sends an image until its HandArray comes: best-effort topics promise no delivery."""
        stamp = message.header.stamp
        publisher = self.compressed if isinstance(message, CompressedImage) else self.image
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            publisher.publish(message)
            attempt = time.monotonic() + 2.0
            while time.monotonic() < attempt:
                self._executor.spin_once(timeout_sec=0.02)
                for answer in self.got["hands"]:
                    if answer.header.stamp == stamp:
                        return answer
        raise AssertionError(f"no HandArray after {timeout} s; got {self._counts()}")

    def call(self, kind: type, service: str, request: Any) -> Any:
        """The response of a service."""
        client = self.create_client(kind, service)
        assert client.wait_for_service(180.0)
        future = client.call_async(request)
        self.until(future.done)
        self.destroy_client(client)
        return future.result()

    def set_parameter(self, node: str, name: str, value: object) -> SetParametersResult:
        """The answer of a node of the namespace to one parameter's new value."""
        request = SetParameters.Request(parameters=[Parameter(name=name, value=value).to_parameter_msg()])
        return self.call(SetParameters, f"{node}/set_parameters", request).results[0]

    def _counts(self) -> dict[str, int]:
        return {topic: len(messages) for topic, messages in self.got.items()}


class SendingOrder:
    """Listens to topics and keeps when each message was sent, by the middleware's clock of the sender."""

    def __init__(self, robot: Robot, topics: dict[str, type]) -> None:
        self._sent: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
        self._topics = set(topics)

        def keep(message: Any, info: dict[str, Any], topic: str) -> None:
            stamp = header_of(message).stamp
            self._sent[stamp.sec, stamp.nanosec].setdefault(topic, info["source_timestamp"])

        for topic, kind in topics.items():
            robot.create_subscription(kind, topic, lambda message, info, topic=topic: keep(message, info, topic), 50)

    def complete(self) -> list[list[str]]:
        """For each stamp of which every topic has spoken: the topics in the order of sending."""
        whole = [times for times in self._sent.values() if times.keys() == self._topics]
        return [sorted(times, key=times.__getitem__) for times in whole]


def header_of(message: Any) -> Header:
    """The header of a message, or of the first of its transforms or markers; an empty one without any."""
    if hasattr(message, "header"):
        return message.header
    parts = getattr(message, "transforms", None) or getattr(message, "markers", None)
    return parts[0].header if parts else Header()


def stamped(index: int, frame_id: str = "lens") -> Header:
    """A header whose stamp is `index` tenths of a second after some hour."""
    return Header(stamp=Time(sec=1_700_000_000 + index // 10, nanosec=index % 10 * 100_000_000), frame_id=frame_id)


def image_message(image: np.ndarray, header: Header) -> Image:
    """A raw message of RGB (H, W, 3) uint8."""
    return rgb_message(image, header)


def info_message(camera: Camera) -> CameraInfo:
    """The CameraInfo of an undistorted camera."""
    info = CameraInfo(width=camera.width, height=camera.height, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = camera.K.ravel()
    return info


def diagnostics(message: DiagnosticArray) -> dict[str, str]:
    """Keys and values of the one status."""
    return {pair.key: pair.value for pair in message.status[0].values}
