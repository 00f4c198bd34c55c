"""Two cameras whose hands would come on the same topic, or have TF frames of the same names: each node says so."""

from __future__ import annotations

from node_process import NodeProcess, parameters
from robot import Robot

SAID = "left_hand and right_hand on /tf also come from"


def test_nodes_with_the_same_frames_are_said_until_one_has_a_prefix() -> None:
    remapped = ["-r", "__ns:=/apart", "-r", "/tf:=tf"]
    with (
        NodeProcess("hands_node", "-r", "__ns:=/one", *parameters(threads=1)) as one,
        NodeProcess("hands_node", "-r", "__ns:=/two", *parameters(threads=1)) as two,
        NodeProcess("hands_node", *remapped, *parameters(threads=1)) as apart,
    ):
        robot = Robot("one")

        def doubts() -> dict[str, str]:
            """The last words of each node."""
            return {m.status[0].name.partition("/")[0]: m.status[0].message for m in robot.got["/diagnostics"]}

        robot.until(lambda: SAID in doubts().get("one", "") and SAID in doubts().get("two", ""), 60.0)
        assert f"{SAID} two/hands_node: give each node its own frame_prefix" in doubts()["one"]
        robot.until(lambda: "apart" in doubts(), 60.0)
        assert robot.set_parameter("hands_node", "frame_prefix", "one/").successful
        robot.until(lambda: not any(SAID in said for said in doubts().values()), 30.0)
        robot.destroy_node()
        for node, expected in ((one, 1), (two, 1), (apart, 0)):
            code, printed = node.stop()
            assert code == 0 and "Traceback" not in printed and printed.count(SAID) == expected


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
