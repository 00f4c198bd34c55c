"""Shows what the nodes publish in Rerun or Foxglove, without RViz."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from handos_model.io.frame import Frame
from handos_model.view.viewer import View
from handos_ros.conversions.images import rgb_image
from handos_ros.conversions.received import camera_from, hands_from
from handos_ros.conversions.stamps import nanoseconds
from handos_ros.msg import HandArray

KEPT = 60
"""Number of images that may wait for their hands; hands_node drops images that arrive while it is busy."""


class NodeView:
    """Shows the images of `image` with the hands of `hands` that have the same stamp."""

    def __init__(self, node: Node, view: View) -> None:
        """node: the one that subscribes."""
        self._view = view
        self._waiting: dict[int, Image] = {}
        node.create_subscription(Image, "image", self._on_image, QoSProfile(depth=KEPT))
        node.create_subscription(HandArray, "hands", self._on_hands, QoSProfile(depth=KEPT))

    def _on_image(self, message: Image) -> None:
        self._waiting[nanoseconds(message.header.stamp)] = message
        if len(self._waiting) > KEPT:
            del self._waiting[min(self._waiting)]

    def _on_hands(self, message: HandArray) -> None:
        stamp = nanoseconds(message.header.stamp)
        image = self._waiting.pop(stamp, None)
        if image is not None:
            frame = Frame("image", rgb_image(image), stamp_ns=stamp, frame_id=message.header.frame_id)
            self._view.write(frame, camera_from(message), hands_from(message))
