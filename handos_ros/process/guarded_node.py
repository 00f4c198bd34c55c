"""GuardedNode: a node that survives exceptions in its callbacks."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from copy import copy
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from handos_model.io.files import one_line
from handos_ros.parameters import as_declared, unknown

WARN_EVERY = 5.0
"""Seconds between two warnings about the same thing."""


class GuardedNode(Node):
    """A node that counts and logs what its subscriptions, timers and services raise, answers the request, and lives on.

    That includes the services and subscriptions that rclpy makes for every node, for parameters and for the clock.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """options: those of rclpy.node.Node."""
        self.failure = ""
        """Why the node has finished, if something went wrong."""
        self.finished = False
        """Whether the node has nothing more to do, so that its process is to end."""
        self._made = False
        self.survived = 0
        """Number of errors that did not stop the node."""
        super().__init__(name, automatically_declare_parameters_from_overrides=True, **options)
        self._made = True
        self._finish = self.create_guard_condition(lambda: None)  # wakes the executor
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        """A clock that runs on even if the ROS clock stands still."""
        self.create_timer(WARN_EVERY, self._warn_of_no_clock, clock=self.steady)

    def survive(self, where: str, error: Exception) -> None:
        """Counts and logs an error that nobody else has handled; where: what was running."""
        if not self.context.ok():  # the node is shutting down, and nothing more can be done
            return
        self.survived += 1
        sentence = f"{where} failed ({self.survived} errors so far): {type(error).__name__}: {error}"
        self.get_logger().error(one_line(sentence), throttle_duration_sec=WARN_EVERY)
        self.get_logger().debug(traceback.format_exc())

    def finish(self, failure: str = "") -> None:
        """Ends the process of the node, from any thread; if a sentence is given, it ends as failed."""
        self.failure, self.finished = failure, True
        self._finish.trigger()

    def create_subscription(  # type: ignore[override]
        self, msg_type: type, topic: str, callback: Callable[[Any], None], qos_profile: QoSProfile | int, **options: Any
    ) -> Subscription:
        """As in rclpy.node.Node, with qos_overrides of this topic alone; the callback takes only a message."""

        def guarded(message: Any) -> None:
            try:
                callback(message)
            except Exception as error:
                self.survive(topic, error)

        own = copy(qos_profile)  # rclpy writes the overrides into the profile, which other topics may share
        try:
            self._check_type(msg_type, topic)
            return super().create_subscription(msg_type, topic, guarded, own, **self._with_qos_overrides(options))
        except Exception as error:  # of a different type for each policy
            raise ValueError(f"cannot subscribe to {topic}: {without_places(error)}") from error

    def create_publisher(self, msg_type: type, topic: str, qos_profile: QoSProfile | int, **options: Any) -> Publisher:
        """As in rclpy.node.Node, with qos_overrides of this topic alone."""
        own = copy(qos_profile)  # as for a subscription
        try:
            self._check_type(msg_type, topic)
            return super().create_publisher(msg_type, topic, own, **self._with_qos_overrides(options))
        except Exception as error:
            raise ValueError(f"cannot publish {topic}: {without_places(error)}") from error

    def create_timer(  # type: ignore[override]
        self, timer_period_sec: float, callback: Callable[[], None], *more: Any, **options: Any
    ) -> Timer:
        """As in rclpy.node.Node; the callback takes no arguments."""

        def guarded() -> None:
            try:
                callback()
            except Exception as error:
                self.survive("a timer", error)

        return super().create_timer(timer_period_sec, guarded, *more, **options)

    def create_service(
        self, srv_type: type, srv_name: str, callback: Callable[[Any, Any], Any], *more: Any, **options: Any
    ) -> Service:
        """As in rclpy.node.Node."""

        def guarded(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except Exception as error:
                self.survive(srv_name, error)
                return _refusal(request, response, one_line(f"{type(error).__name__}: {error}"))

        return super().create_service(srv_type, srv_name, guarded, *more, **options)

    def _check_type(self, msg_type: type, topic: str) -> None:
        """Raises ValueError if this node has the topic with another type, of which Jazzy says "invalid allocator"."""
        name = self.resolve_topic_name(topic)
        others: list[Publisher | Subscription] = [*self.publishers, *self.subscriptions]
        for other in others:
            if other.topic_name == name and other.msg_type is not msg_type:
                raise ValueError(f"{name} is a topic of this node already, with messages {other.msg_type.__name__}")

    def _with_qos_overrides(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options of a topic, with every policy that a user may want to set; unchanged for topics that rclpy makes."""
        kinds = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
        return {"qos_overriding_options": QoSOverridingOptions(kinds), **options} if self._made else options

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """As in rclpy.node.Node; an unknown name is refused like any wrong value, and 2 is accepted for 2.0."""
        for parameter in parameter_list:
            if not self.has_parameter(parameter.name):
                return SetParametersResult(successful=False, reason=one_line(unknown(self, parameter.name), 1000))
        return super().set_parameters_atomically([as_declared(self, parameter) for parameter in parameter_list])

    def _warn_of_no_clock(self) -> None:
        if doubt := self.clock_doubt():
            self.get_logger().warning(f"{doubt}: time stays at 0")

    def clock_doubt(self) -> str:
        """A sentence if simulated time is set but has not started; else empty."""
        missing = bool(self.get_parameter("use_sim_time").value) and self.get_clock().now().nanoseconds == 0
        return "use_sim_time is set, but nothing comes on /clock" if missing else ""


def without_places(error: Exception) -> str:
    """The message of an error of rcl, without its references to source lines."""
    return re.sub(r", at [^ ]+:[0-9]+", "", str(error))


def _refusal(request: Any, response: Any, reason: str) -> Any:
    """The response to a failed request, as far as its type can express failure."""
    failed = SetParametersResult(successful=False, reason=reason)
    if isinstance(response, SetParameters.Response):  # one result per parameter; those before the failed one exist
        response.results = [*response.results, *[failed] * (len(request.parameters) - len(response.results))]
    elif isinstance(response, SetParametersAtomically.Response):
        response.result = failed
    elif hasattr(response, "success"):
        response.success, response.message = False, reason
    return response
