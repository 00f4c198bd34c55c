"""Two cameras whose hands would come on the same topic: each node says so."""

from __future__ import annotations

from node_process import NodeProcess, parameters
from robot import Robot


def test_nodes_of_one_name_are_said() -> None:
    """As when the second camera's node is started without a namespace of its own."""
    given = ["-r", "__ns:=/both", *parameters(threads=1, publish_tf=False)]
    with NodeProcess("hands_node", *given) as one, NodeProcess("hands_node", *given) as two:
        robot = Robot("both")
        said = "2 nodes send /both/hands: give each node its own namespace"
        robot.until(lambda: all(said in node.printed() for node in (one, two)), 60.0)
        robot.got["/diagnostics"].clear()
        assert said in robot.until(lambda: robot.got["/diagnostics"])[0].status[0].message
        robot.destroy_node()
        for node in (one, two):
            code, printed = node.stop()
            assert code == 0 and "Traceback" not in printed
