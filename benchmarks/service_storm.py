"""Sends thousands of service requests of every kind, with random types and values, while images arrive.

    python benchmarks/service_storm.py                     # 10,000 requests, images at 30 Hz
    python benchmarks/service_storm.py --requests 500

Each must be answered, the node must live, and the next frame must be right. Needs ROS and the package's messages.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
from attended_node import attended_node, demo_image, print_results
from hostile_messages import NONSENSE, NUMBERS, copy_of
from node_process import parameters
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from robot import Robot, diagnostics, image_message, stamped
from script import at_least, options, run_script
from std_srvs.srv import SetBool

from handos_ros.msg import HandArray

KINDS = {
    "set_parameters": SetParameters,
    "set_parameters_atomically": SetParametersAtomically,
    "get_parameters": GetParameters,
    "get_parameter_types": GetParameterTypes,
    "describe_parameters": DescribeParameters,
    "list_parameters": ListParameters,
}
NAMES = (
    "score_threshold", "hand_scale", "frame_prefix", "weights", "tracking", "track_max_age", "smoothing", "max_hands",
    "tf_names", "use_sim_time", "source", "rate", *NONSENSE,
)  # fmt: skip
NUMBER_OF_TYPES = 10
"""Types of ParameterType, NOT_SET included."""
TOGGLES = 0.02
"""Share of requests that pause or resume: opening the network takes as long as a hundred others."""
PATIENCE = 30.0
"""s in which an answer must come."""


class Storm:
    """Asks the services of nodes in the namespace of a robot, one request after another."""

    def __init__(self, robot: Robot, nodes: list[str], seed: int = 0, toggled: bool = False) -> None:
        """toggled: set_enabled is asked for as well."""
        self.robot, self.rng = robot, np.random.default_rng(seed)
        self.answered, self.refused = 0, 0
        self.kinds: Counter[str] = Counter()
        self._clients = {
            f"{node}/{name}": robot.create_client(kind, f"{node}/{name}")
            for node in nodes
            for name, kind in KINDS.items()
        }
        self._names, self._toggled = list(self._clients), toggled
        if toggled:
            self._clients["hands_node/set_enabled"] = robot.create_client(SetBool, "hands_node/set_enabled")
        for client in self._clients.values():
            assert client.wait_for_service(PATIENCE)

    def ask(self, requests: int) -> None:
        """AssertionError where no answer comes."""
        for _ in range(requests):
            rare = self._toggled and self.rng.random() < TOGGLES
            name = "hands_node/set_enabled" if rare else str(self.rng.choice(self._names))
            kind = KINDS.get(name.rpartition("/")[2], SetBool)
            future = self._clients[name].call_async(any_request(self.rng, kind))
            self.robot.until(future.done, PATIENCE)
            response = future.result()
            results = getattr(response, "results", [response.result] if hasattr(response, "result") else [])
            self.refused += any(not getattr(result, "successful", True) for result in results)
            self.answered += 1
            self.kinds[name] += 1


def any_request(rng: np.random.Generator, kind: type) -> Any:
    """A request of one of KINDS' types or SetBool; empty for another type."""
    request = kind.Request()
    names = [str(rng.choice(NAMES)) for _ in range(int(rng.choice([0, 1, 1, 1, 2, 5])))]
    if kind is SetBool:
        request.data = bool(rng.integers(2))
    elif hasattr(request, "parameters"):
        request.parameters = [_parameter(rng, name) for name in names]
    elif hasattr(request, "prefixes"):
        request.prefixes, request.depth = names, int(rng.integers(0, 2**63))
    elif hasattr(request, "names"):
        request.names = names
    return request


def _parameter(rng: np.random.Generator, name: str) -> Parameter:
    """A value of any type, or of a type that does not exist."""
    kind = int(rng.integers(NUMBER_OF_TYPES))
    if rng.random() < 0.1:
        kind = int(rng.integers(NUMBER_OF_TYPES, 256))
    many = int(rng.integers(0, 4))
    value = ParameterValue(
        type=kind,
        bool_value=bool(rng.integers(2)),
        integer_value=int(rng.choice([rng.integers(-(2**63), 2**63 - 1), rng.integers(-2, 5)])),
        double_value=float(rng.choice([*NUMBERS, 0.5, 1.0])),
        string_value=str(rng.choice(NONSENSE)),
        byte_array_value=[bytes([byte]) for byte in rng.bytes(many)],
        bool_array_value=rng.integers(2, size=many).astype(bool).tolist(),
        integer_array_value=rng.integers(-9, 9, many).tolist(),
        double_array_value=rng.choice(NUMBERS, many).tolist(),
        string_array_value=[str(text) for text in rng.choice(NONSENSE, many)],
    )
    return Parameter(name=name, value=value)


def storm(requests: int, rate: float) -> dict[str, Any]:
    """A fresh node under that many requests while images come at `rate` Hz; the frame after them must be as before."""
    with attended_node(*parameters(threads=1)) as (_, robot):
        image = image_message(demo_image(), stamped(0))
        before = robot.hands_of(image)
        sent = 0

        def send() -> None:
            nonlocal sent
            sent += 1
            picture = copy_of(image)
            picture.header = stamped(sent)
            robot.image.publish(picture)

        timer = robot.create_timer(1 / rate, send)
        asked, begin = Storm(robot, ["hands_node"], toggled=True), time.monotonic()
        asked.ask(requests)
        seconds = time.monotonic() - begin
        robot.destroy_timer(timer)
        answers = len(robot.got["hands"])
        survived = diagnostics(robot.got["/diagnostics"][-1])["errors survived"]
        restore(robot)
        image.header = stamped(sent + 1000)
        check_same(robot.hands_of(image), before)
    return {
        "requests": requests, "answered": asked.answered, "refused": asked.refused, "kinds": dict(asked.kinds),
        "seconds": round(seconds, 1), "images_sent": sent, "hand_arrays": answers, "errors_survived": survived,
    }  # fmt: skip


def restore(robot: Robot) -> None:
    """Enables the node, with the parameters it started with."""
    defaults = {"score_threshold": -1.0, "hand_scale": 1.0, "track_max_age": 0.3}
    wanted = [Parameter(name=name, value=ParameterValue(type=3, double_value=v)) for name, v in defaults.items()]
    wanted += [Parameter(name=n, value=ParameterValue(type=1, bool_value=True)) for n in ("tracking", "smoothing")]
    wanted.append(Parameter(name="max_hands", value=ParameterValue(type=2, integer_value=0)))
    wanted.append(Parameter(name="use_sim_time", value=ParameterValue(type=1, bool_value=False)))
    response = robot.call(SetParameters, "hands_node/set_parameters", SetParameters.Request(parameters=wanted))
    assert all(result.successful for result in response.results), response
    assert robot.call(SetBool, "hands_node/set_enabled", SetBool.Request(data=True)).success
    robot.until(robot.image.get_subscription_count)


def check_same(after: HandArray, before: HandArray) -> None:
    """AssertionError unless both show the same hands."""
    assert len(after.hands) == len(before.hands) > 0
    for a, b in zip(after.hands[0].joints_2d, before.hands[0].joints_2d, strict=True):
        assert abs(a.x - b.x) < 1 and abs(a.y - b.y) < 1, "joints moved"


def main() -> None:
    """Runs it and prints JSON."""
    parser = options(__doc__)
    parser.add_argument("--requests", type=at_least(1), default=10_000)
    parser.add_argument("--rate", type=at_least(1.0), default=30.0)
    arguments = parser.parse_args()
    print_results(lambda: storm(arguments.requests, arguments.rate))


if __name__ == "__main__":
    run_script(main)
