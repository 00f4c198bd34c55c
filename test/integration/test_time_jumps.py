"""Transforms after stamps have jumped back: a recording is played in a loop, or a clock is set back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from node_process import NodeProcess, parameters
from rclpy.publisher import Publisher
from robot import Robot, image_message, stamped
from rosgraph_msgs.msg import Clock
from tf2_msgs.msg import TFMessage

SAID = "stamps have jumped back"


def times(robot: Robot, topic: str) -> set[int]:
    """Tenths of a second, as of `stamped`, of the transforms of a topic."""
    stamps = [transform.header.stamp for message in robot.got[topic] for transform in message.transforms]
    return {(stamp.sec - stamped(0).stamp.sec) * 10 + stamp.nanosec // 10**8 for stamp in stamps}


def show(robot: Robot, image: np.ndarray, indices: range) -> None:
    """Sends these images; the first one after a jump is dropped."""
    robot.image.publish(image_message(image, stamped(indices[0])))
    robot.spin(0.5)
    for index in indices[1:]:
        robot.hands_of(image_message(image, stamped(index)))


def set_clock(robot: Robot, clock: Publisher, index: int) -> None:
    """Publishes a time on /clock until a node goes by it, as the stamps of its diagnostics show."""
    stamp = stamped(index).stamp
    robot.got["/diagnostics"].clear()

    def heard() -> bool:
        clock.publish(Clock(clock=stamp))
        return any(message.header.stamp == stamp for message in robot.got["/diagnostics"])

    robot.until(heard)


def doubts(robot: Robot) -> list[str]:
    """The next message of each node about itself."""
    robot.got["/diagnostics"].clear()
    robot.spin(2.5)
    return list({m.status[0].name: m.status[0].message for m in robot.got["/diagnostics"]}.values())


def test_transforms_continue_after_each_jump_and_it_is_said(image: np.ndarray, tmp_path: Path) -> None:
    place = {"translation": [0.0, 0.0, 0.0], "rotation": [0.0, 0.0, 0.0, 1.0]}
    (tmp_path / "cameras.yaml").write_text(yaml.safe_dump({"frame": "table", "cameras": {"lens": place}}))
    fusion = parameters(topics="/jumps/hands", extrinsics=tmp_path / "cameras.yaml")
    with (
        NodeProcess("hands_node", "-r", "__ns:=/jumps", *parameters(threads=1)) as one,
        NodeProcess("fusion_node", "-r", "__ns:=/jumps/all", "-r", "/tf:=tf", *fusion) as other,
    ):
        robot = Robot("jumps")
        robot.listen(TFMessage, "all/tf")
        robot.meet()
        robot.until(lambda: robot.count_publishers("all/hands") and robot.count_subscribers("hands") > 1)
        show(robot, image, range(600, 606))
        assert not any(SAID in doubt for doubt in doubts(robot))
        for _ in range(2):  # the second time, all stamps have been sent before
            for topic in ("hands", "/tf", "all/tf"):
                robot.got[topic].clear()
            show(robot, image, range(6))
            for topic in ("/tf", "all/tf"):
                robot.until(lambda topic=topic: times(robot, topic) >= {4, 5}, timeout=20)
            said = doubts(robot)
            assert len(said) == 2 and all(SAID in doubt for doubt in said)
        show(robot, image, range(700, 706))
        assert not any(SAID in doubt for doubt in doubts(robot))  # what listeners hold is older now
        robot.destroy_node()
        for node in (one, other):
            assert SAID in node.end()
        assert one.printed().count(SAID) <= 2  # once for each jump


def test_a_clock_that_jumps_for_all_is_no_problem(image: np.ndarray) -> None:
    with NodeProcess("hands_node", "-r", "__ns:=/sim", *parameters(threads=1, use_sim_time=True)) as node:
        robot = Robot("sim")
        clock = robot.create_publisher(Clock, "/clock", 10)
        robot.until(lambda: robot.count_subscribers("/clock"))
        for first in (600, 0):
            robot.until(lambda: clock.get_subscription_count())
            set_clock(robot, clock, first)
            robot.meet()
            robot.got["/tf"].clear()
            show(robot, image, range(first, first + 6))
            robot.until(lambda first=first: times(robot, "/tf") >= {first + 4, first + 5}, timeout=20)
        assert not any(SAID in doubt for doubt in doubts(robot))
        robot.destroy_node()
        assert SAID not in node.end()


def test_a_clock_that_jumps_while_an_image_is_processed(image: np.ndarray) -> None:
    with NodeProcess("hands_node", "-r", "__ns:=/race", *parameters(threads=1, use_sim_time=True)) as node:
        robot = Robot("race")
        clock = robot.create_publisher(Clock, "/clock", 10)
        robot.until(lambda: robot.count_subscribers("/clock") and clock.get_subscription_count())
        set_clock(robot, clock, 600)
        robot.meet()
        show(robot, image, range(600, 606))
        robot.image.publish(image_message(image, stamped(606)))  # the last one of a loop
        robot.spin(0.01)
        robot.got["/tf"].clear()
        set_clock(robot, clock, 0)
        show(robot, image, range(6))
        robot.until(lambda: times(robot, "/tf") >= {4, 5}, timeout=20)
        assert not any(SAID in doubt for doubt in doubts(robot))
        robot.destroy_node()
        assert SAID not in node.end()
