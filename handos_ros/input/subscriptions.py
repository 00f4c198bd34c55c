"""Subscriptions of hands_node: to the newest message, to latched messages, and to topics of image_transport."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

from handos_model.io.files import one_line

NEWEST = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Matches every publisher, and keeps only the newest message."""
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Keeps the last message for those who subscribe later."""


class CameraInfoSubscription:
    """Receives a camera_info that comes with every image, and one that was sent once and latched.

    A latched message needs a separate subscription, about which a publisher that latches nothing complains on its
    driver's console: so it is made only once there is a publisher that latches.
    """

    def __init__(self, node: Node, callback: Callable[[CameraInfo], None]) -> None:
        self._node, self._callback = node, callback
        self.topic = node.create_subscription(CameraInfo, "camera_info", callback, NEWEST).topic_name
        self._latched: Subscription | None = None

    def hear_latched(self) -> None:
        """Subscribes to latched messages if there are any; call it regularly, as publishers come and go."""
        if self._latched is None and any(map(_latches, self._node.get_publishers_info_by_topic(self.topic))):
            self._latched = self._node.create_subscription(
                CameraInfo, self.topic, self._callback, LATCHED, qos_overriding_options=None
            )


def compressed_topic(node: Node) -> str:
    """The topic on which image_transport publishes compressed images: next to `image`, wherever that is remapped to.

    A remapping of image/compressed itself takes precedence.
    """
    own = node.resolve_topic_name("image/compressed")
    if own != node.resolve_topic_name("image/compressed", only_expand=True):
        return own
    return f"{node.resolve_topic_name('image')}/compressed"


def other_types(node: Node, topic: str, kind: type) -> str:
    """Types that a topic carries in place of such messages, as the end of a sentence; empty if there are none."""
    own = f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}"
    types = {publisher.topic_type for publisher in node.get_publishers_info_by_topic(topic)}
    if not types or own in types:
        return ""
    return f": it carries {one_line(', '.join(sorted(types)), 200)}, not {own}"


def _latches(publisher: object) -> bool:
    return publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL  # type: ignore[attr-defined]
