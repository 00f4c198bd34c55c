"""Whatever is asked of the nodes: each request is answered, and the node lives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node_process import ROOT, NodeProcess, parameters
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from robot import Robot, diagnostics
from service_storm import Storm

REQUESTS = 300


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    with (
        NodeProcess("hands_node", "-r", "__ns:=/asked", *parameters(threads=1)) as hands,
        NodeProcess("camera_node", "-r", "__ns:=/asked", *parameters(source=ROOT / "docs/demo.mp4")) as camera,
    ):
        robot = Robot("asked")
        robot.meet()
        yield robot
        robot.destroy_node()
        for node in (hands, camera):
            node.end()


@pytest.mark.parametrize("node", ["hands_node", "camera_node"])
@pytest.mark.parametrize("kind", [SetParameters, SetParametersAtomically])
def test_a_value_of_an_unknown_type_is_refused(robot: Robot, node: str, kind: type) -> None:
    odd = Parameter(name="frame_id", value=ParameterValue(type=77))
    request = kind.Request(parameters=[odd, odd])
    name = "set_parameters" if kind is SetParameters else "set_parameters_atomically"
    response = robot.call(kind, f"{node}/{name}", request)
    results = response.results if kind is SetParameters else [response.result]
    assert [result.successful for result in results] == [False] * (2 if kind is SetParameters else 1)
    assert all("77" in result.reason for result in results)


def test_a_whole_number_is_taken_for_a_number(robot: Robot) -> None:
    assert robot.set_parameter("hands_node", "hand_scale", 2).successful
    (value,) = robot.call(
        GetParameters, "hands_node/get_parameters", GetParameters.Request(names=["hand_scale"])
    ).values
    assert (value.type, value.double_value) == (ParameterType.PARAMETER_DOUBLE, 2.0)
    refused = robot.set_parameter("hands_node", "hand_scale", 6)
    assert not refused.successful and "6" in refused.reason


def test_an_unknown_name_is_named(robot: Robot) -> None:
    refused = robot.set_parameter("hands_node", "hand_skale", 1.0)
    assert (refused.successful, refused.reason) == (
        False, "there is no parameter hand_skale: did you mean hand_scale?",
    )  # fmt: skip
    refused = robot.set_parameter("hands_node", "n" * 1_000_000, 1.0)
    assert not refused.successful and refused.reason.startswith("there is no parameter nnn")
    assert len(refused.reason) < 1001


def test_a_text_without_end_is_refused(robot: Robot) -> None:
    refused = robot.set_parameter("hands_node", "frame_prefix", "x" * 1_000_000)
    assert refused.reason == "frame_prefix has 1000000 characters, must have at most 1024"
    assert len(robot.set_parameter("hands_node", "tf_names", "x" * 1_000_000).reason) < 301


def test_every_request_of_a_storm_is_answered(robot: Robot) -> None:
    storm = Storm(robot, ["hands_node", "camera_node"], seed=1)
    storm.ask(REQUESTS)
    assert storm.answered == REQUESTS
    robot.got["/diagnostics"].clear()
    values = [diagnostics(message) for message in robot.until(lambda: robot.got["/diagnostics"])]
    assert int(values[0]["errors survived"]) > 0  # the types that are none
