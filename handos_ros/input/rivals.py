"""Rivals: other nodes that send the same frames or hands, between which a hand would seem to jump."""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from handos_model.io.files import one_line
from handos_ros.diagnostics import status_name

FRAMES = "frames"
"""Key of a status whose value says which frames a node sends, and on which topic; empty if it sends none."""
HEARD = 5.0
"""Seconds for which the status of another node counts."""
MOST = 100
"""Maximum number of characters of the frames, and of nodes that are remembered."""


class Rivals:
    """Listens to what other nodes say on /diagnostics about their frames."""

    def __init__(self, node: Node) -> None:
        self._node, self._own = node, status_name(node)
        self._heard: dict[str, tuple[str, float]] = {}  # frames by name of the status, and when that came
        node.create_subscription(DiagnosticArray, "/diagnostics", self.keep, 10)

    def keep(self, message: DiagnosticArray) -> None:
        """Keeps what the statuses of other nodes say about frames."""
        now = time.monotonic()
        heard = {name: last for name, last in self._heard.items() if now - last[1] < HEARD}
        for status in message.status:
            frames = next((pair.value for pair in status.values if pair.key == FRAMES), "")
            if frames and status.name != self._own:
                heard[status.name] = frames, now
        self._heard = dict(list(heard.items())[-MOST:])

    def doubt(self, hands: str, frames: str) -> str:
        """A sentence if another node sends hands on the same topic, or has just said that it sends the same frames."""
        if (nodes := self._node.count_publishers(hands)) > 1:
            return f"{nodes} nodes send {hands}: give each node its own namespace"
        now = time.monotonic()
        same = [name for name, (theirs, came) in self._heard.items() if theirs == frames and now - came < HEARD]
        if not frames or not same:
            return ""
        others = one_line(", ".join(name.removesuffix(": hands") for name in sorted(same)), MOST)
        return f"{frames} also come from {others}: give each node its own frame_prefix"
