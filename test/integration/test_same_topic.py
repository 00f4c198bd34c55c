"""Two nodes whose hands would come on the same topic: each of them says so."""

from __future__ import annotations

import pytest
from node_process import NodeProcess, parameters
from robot import Robot

GIVEN = {"hands_node": parameters(threads=1, publish_tf=False), "fusion_node": parameters(frame="w", publish_tf=False)}


@pytest.mark.parametrize("executables", [("hands_node", "hands_node"), ("fusion_node", "hands_node")])
def test_nodes_that_send_the_same_topic_are_said(executables: tuple[str, str]) -> None:
    """As when the second camera's node, or the fusion of cameras, is started without a namespace of its own."""
    first, second = ((name, "-r", "__ns:=/both", *GIVEN[name]) for name in executables)
    with NodeProcess(*first) as one, NodeProcess(*second) as two:
        robot = Robot("both")
        said = "2 nodes send /both/hands: give each node its own namespace"
        robot.until(lambda: all(said in node.printed() for node in (one, two)), 60.0)
        robot.got["/diagnostics"].clear()
        assert said in robot.until(lambda: robot.got["/diagnostics"])[0].status[0].message
        robot.destroy_node()
        for node in (one, two):
            node.end()
