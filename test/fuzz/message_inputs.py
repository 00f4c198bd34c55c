"""CDR messages to hands_node, and requests of its services; the first byte says of which kind."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import rclpy
from cdr import parsed
from file_inputs import FOLDER
from fuzz_class import FuzzClass
from hostile_images import SUFFIXES, encoded
from hostile_messages import attack
from hypothesis import strategies as st
from made_files import picture
from node_process import one_machine
from rclpy.serialization import serialize_message
from rclpy.service import Service
from robot import image_message, info_message, stamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from service_storm import any_request
from weight_inputs import PLAIN, small_graph

from handos_model.camera import Camera
from handos_ros.conversions.images import depth_image
from handos_ros.diagnostics import Health, StageClock
from handos_ros.hands_node import HandsNode
from handos_ros.pipeline import FrameDropped, Pipeline
from handos_ros.settings import Settings

os.environ.update(one_machine(os.environ))
WEIGHTS = FOLDER / "node.onnx"
WEIGHTS.write_bytes(small_graph(PLAIN))
rclpy.init(args=["--ros-args", "-p", f"weights:={WEIGHTS}", "-p", "threads:=1", "--log-level", "FATAL"])
NODE = HandsNode()
SETTINGS = Settings(weights=str(WEIGHTS), threads=1, use_depth=True)
PIPELINE = Pipeline(NODE, SETTINGS, Health())
PIPELINE.open(SETTINGS)
KINDS = {"image": Image, "compressed": CompressedImage, "camera_info": CameraInfo, "depth": Image}
TOPICS = list(KINDS)
SMALL = picture(20, 30)
GOOD, INFO = image_message(SMALL, stamped(0)), info_message(Camera.from_fov(30, 20))


def _cdr(topic: str, message: Any) -> bytes:
    return bytes([TOPICS.index(topic)]) + serialize_message(message)


def _raw(encoding: str, data: np.ndarray) -> Image:
    image = Image(header=stamped(0), height=20, width=30, encoding=encoding, step=data.size * data.itemsize // 20)
    image.data = data.tobytes()
    return image


def _seeds() -> list[bytes]:
    raw = [GOOD, _raw("mono8", SMALL[..., 0]), _raw("bayer_rggb8", SMALL[..., 0]), _raw("nv12", np.zeros(900, "u1"))]
    depth = [_raw("16UC1", np.full(600, 500, "<u2")), _raw("32FC1", np.full(600, 0.5, "<f4"))]
    packed = [
        CompressedImage(header=stamped(0), format=f"rgb8; {suffix[1:]} compressed bgr8", data=encoded(suffix, SMALL))
        for suffix in SUFFIXES
    ]
    return [
        *(_cdr("image", image) for image in raw),
        *(_cdr("depth", image) for image in depth),
        *(_cdr("compressed", image) for image in packed),
        _cdr("camera_info", INFO),
    ]


def _hostile(number: int) -> bytes:
    topic, message = attack(np.random.default_rng(number), GOOD, INFO)
    return _cdr(topic, message)


def _send(data: bytes) -> None:
    """As the node takes it; with FrameDropped as a refusal."""
    topic = TOPICS[data[0]]
    message = parsed(data[1:], KINDS[topic])
    if topic == "camera_info":
        PIPELINE.intrinsics.keep(message)
        message = GOOD
    elif topic == "depth":
        depth_image(message)
        return
    try:
        PIPELINE.process(message, StageClock(time.perf_counter()), SETTINGS, PIPELINE.outputs.transforms.jumps)
    except FrameDropped as dropped:
        raise ValueError(str(dropped)) from dropped


def _services() -> list[Service]:
    """Services of the node, those that every rclpy node has included, in a steady order."""
    return sorted(NODE.services, key=lambda service: service.srv_name)


SERVICES = _services()


def _ask(data: bytes) -> None:
    """The response must be one that can be sent, and afterwards the node must still answer."""
    service = SERVICES[data[0] % len(SERVICES)]
    request = parsed(data[1:], service.srv_type.Request)
    response = service.callback(request, service.srv_type.Response())
    serialize_message(response)


def _request(number: int, kind: int) -> bytes:
    request = any_request(np.random.default_rng(number), SERVICES[kind].srv_type)
    return bytes([kind]) + serialize_message(request)


NUMBERS = st.integers(0, 2**62)
MESSAGES = FuzzClass(_send, _seeds(), NUMBERS.map(_hostile), kept=1)
REQUESTS = FuzzClass(
    _ask,
    [_request(number, kind) for kind in range(len(SERVICES)) for number in range(3)],
    st.builds(_request, NUMBERS, st.integers(0, len(SERVICES) - 1)),
    kept=1,
)
