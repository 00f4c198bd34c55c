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
            code, printed = node.stop()
            assert code == 0 and "Traceback" not in printed


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


def set_to(robot: Robot, name: str, value: ParameterValue) -> tuple[bool, str]:
    request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
    result = robot.call(SetParameters, "hands_node/set_parameters", request).results[0]
    return result.successful, result.reason


def test_a_whole_number_is_taken_for_a_number(robot: Robot) -> None:
    two = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=2)
    assert set_to(robot, "hand_scale", two) == (True, "")
    (value,) = robot.call(
        GetParameters, "hands_node/get_parameters", GetParameters.Request(names=["hand_scale"])
    ).values
    assert (value.type, value.double_value) == (ParameterType.PARAMETER_DOUBLE, 2.0)
    six = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=6)
    successful, reason = set_to(robot, "hand_scale", six)
    assert not successful and "6" in reason


def test_an_unknown_name_is_named(robot: Robot) -> None:
    value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=1.0)
    assert set_to(robot, "hand_skale", value) == (False, "there is no parameter hand_skale: did you mean hand_scale?")
    successful, reason = set_to(robot, "n" * 1_000_000, value)
    assert not successful and reason.startswith("there is no parameter nnn") and len(reason) < 1001


def test_a_text_without_end_is_refused(robot: Robot) -> None:
    text = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="x" * 1_000_000)
    assert set_to(robot, "frame_prefix", text) == (
        False, "frame_prefix has 1000000 characters, must have at most 1024",
    )  # fmt: skip
    assert len(set_to(robot, "tf_names", text)[1]) < 301


def test_every_request_of_a_storm_is_answered(robot: Robot) -> None:
    storm = Storm(robot, ["hands_node", "camera_node"], seed=1)
    storm.ask(REQUESTS)
    assert storm.answered == REQUESTS
    robot.got["/diagnostics"].clear()
    values = [diagnostics(message) for message in robot.until(lambda: robot.got["/diagnostics"])]
    assert int(values[0]["errors survived"]) > 0  # the types that are none
