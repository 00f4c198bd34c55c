"""fusion_node: combines the hands of several cameras into one set in a common frame."""

from __future__ import annotations

import itertools
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from handos_model.fusion.camera_poses import CameraPoses
from handos_model.fusion.frame_sets import FrameSet, FrameSets
from handos_model.fusion.hand_fusion import HandFusion, possible
from handos_model.io.files import one_line
from handos_model.io.frame import SECOND
from handos_model.io.recording.transforms import transforms_of
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.template.load import load_template
from handos_ros.conversions.stamps import nanoseconds, stamp_of
from handos_ros.diagnostics import Status, StatusPublisher
from handos_ros.fusion.cameras import camera_inputs, same_place
from handos_ros.fusion.fused_array import fused_array
from handos_ros.fusion.fusion_report import FusionReport
from handos_ros.fusion.fusion_settings import FusionSettings
from handos_ros.input.subscriptions import other_types
from handos_ros.msg import HandArray
from handos_ros.outputs import HandOutputs
from handos_ros.parameters import change, declare, refuse_undeclared, take_overrides
from handos_ros.process.executable import run
from handos_ros.process.guarded_node import GuardedNode

CHECK_EVERY = 0.005
"""Interval in s at which the node checks for hands that have waited long enough."""
RIVAL_AGE = 5.0
"""Time in s for which a frame that another node has published is a doubt."""
STATIC_TRANSFORMS = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class FusionNode(GuardedNode):
    """Fuses the HandArrays of several hands_nodes. Raises executable.START_ERRORS for wrong settings."""

    def __init__(self, **options: Any) -> None:
        """options: those of rclpy.node.Node, for example for several nodes in one process."""
        super().__init__("fusion_node", **options)
        given = take_overrides(self)
        self._settings = settings = declare(self, FusionSettings(), given)
        self._inputs = camera_inputs(self, settings.topics.split())
        self._cameras = CameraPoses(settings.frame, Path(settings.extrinsics) if settings.extrinsics else None)
        self._frame, self._tree = self._cameras.frame, self._cameras.tree
        template = load_template(settings.template or None)
        self._fusion = HandFusion(template.faces, settings.track_max_age)
        self._skeleton = HandSkeleton(template)
        self._outputs = HandOutputs(self, self._skeleton)
        waits = (settings.slop, settings.max_wait, settings.camera_timeout)
        self._sets: FrameSets[HandArray] = FrameSets(self._inputs, *waits)
        self._report, self._restarts = FusionReport(), 0
        self._late = dict(self._sets.late)
        self._placed, self._warned_of = "", set[str]()
        if self._cameras.known is None:
            self.create_subscription(TFMessage, "/tf_static", self.on_static, STATIC_TRANSFORMS)
        self.create_subscription(TFMessage, "/tf", self.on_moving, 100)
        for topic in self._inputs:
            self.create_subscription(HandArray, topic, partial(self.on_hands, topic), 5)
        self._status = StatusPublisher(self)
        refuse_undeclared(self, given)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_timer(CHECK_EVERY, self._fuse, clock=self.steady)
        self.create_timer(1.0, self._publish_status, clock=self.steady)
        where = settings.extrinsics or "/tf"
        self.get_logger().info(f"hands of {', '.join(self._inputs)} in {self._frame}, cameras placed by {where}")

    def on_static(self, message: TFMessage) -> None:
        """Keeps transforms of /tf_static."""
        self._tree.keep_static(transforms_of(message))

    def on_moving(self, message: TFMessage) -> None:
        """Keeps transforms of /tf."""
        self._tree.keep(transforms_of(message))

    def on_hands(self, topic: str, message: HandArray) -> None:
        """Keeps the hands of a camera until those of the others have arrived."""
        self._inputs[topic].received += 1
        self._sets.add(topic, nanoseconds(message.header.stamp), message, time.monotonic())
        if self._sets.restarts > self._restarts:
            self._restarts = self._sets.restarts
            self._outputs.transforms.restart()
        self._fuse()

    def _fuse(self) -> None:
        for found in self._sets.ready(time.monotonic()):
            self._publish(found)

    def _publish(self, found: FrameSet[HandArray]) -> None:
        seen = [self._inputs[topic].view(message, self._cameras.pose) for topic, message in found.frames.items()]
        views = [view for view in seen if view is not None]
        if not views:  # no camera has a pose in the common frame
            return
        self._placed = same_place(views)
        fused = self._fusion.update(views, found.stamp_ns / SECOND)
        if self._settings.anatomical:
            fused = possible(fused, self._skeleton)
        header = Header(stamp=stamp_of(found.stamp_ns), frame_id=self._frame)
        inputs = [self._inputs[view.name] for view in views]
        models = ", ".join(dict.fromkeys(camera.model for camera in inputs))
        assumed = any(camera.assumed for camera in inputs)
        hands = [one.hand for one in fused]
        self._outputs.publish_frames(hands, header, self._settings, self._fusion.ids)
        self._outputs.publish(fused_array(fused, header, assumed, models, self._settings))
        self._outputs.publish_rest(hands, header, self._settings.marker_lifetime)
        self._report.add(views, fused)

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            self._settings = change(self._settings, parameters)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=one_line(error))
        self._fusion.max_age = self._settings.track_max_age
        return SetParametersResult(successful=True)

    def _publish_status(self) -> None:
        """Publishes a DiagnosticArray; new doubts are logged as well."""
        doubts, report = self._doubts(), self._report
        if new := [doubt for doubt in doubts if doubt not in self._warned_of]:
            self.get_logger().warning(one_line("; ".join(new), 1000))
        self._warned_of, summary = set(doubts), one_line("; ".join(doubts), 1000)
        level = DiagnosticStatus.WARN if doubts else DiagnosticStatus.OK
        if not report.sets and any(camera.problem for camera in self._inputs.values()):
            level = DiagnosticStatus.ERROR
        self._status.publish(Status(level, summary or "OK", self._facts()))
        report.begin()
        self._late = dict(self._sets.late)

    def _facts(self) -> dict[str, str]:
        report, now = self._report, time.monotonic()
        facts = {
            "common frame": self._frame,
            "HandArrays published": str(report.published),
            "cameras that send": str(sum(self._sets.sends(topic, now) for topic in self._inputs)),
            "HandArrays by number of cameras": _counts(report.sets),
            "hands by number of cameras": _counts(report.hands),
            "disagreement of the cameras (mm)": f"{report.gap * 1e3:.1f}",
            "unusable hands": str(self._fusion.unusable),
            "restarts": str(self._sets.restarts),
            "errors survived": str(self.survived),
        }
        for topic, camera in self._inputs.items():
            facts[f"{topic}: received"] = str(camera.received)
            facts[f"{topic}: used"] = str(camera.used)
            facts[f"{topic}: late"] = str(self._sets.late[topic])
            facts[f"{topic}: frame"] = camera.frame
            facts[f"{topic}: problem"] = camera.problem
        return facts

    def _doubts(self) -> list[str]:
        """Reasons why there are fewer or less accurate hands than usual."""
        now = time.monotonic()
        sending = [topic for topic in self._inputs if self._sets.sends(topic, now)]
        doubts = []
        for topic, camera in self._inputs.items():
            if topic not in sending:
                why = other_types(self, topic, HandArray)
                doubts.append(f"nothing comes on {topic} (publishers: {self.count_publishers(topic)}){why}")
            if camera.problem:
                doubts.append(f"{topic} is left out: {camera.problem}")
            elif camera.assumed:
                doubts.append(f"{topic} has no camera_info: its rays are a guess")
            if (late := self._sets.late[topic] - self._late[topic]) > 1:
                doubts.append(f"{late} messages of {topic} came too late: increase max_wait, or check its clock")
        if len(self._inputs) > 1 and len(sending) == 1:
            doubts.append(f"{sending[0]} is the only camera that sees hands: distances come from one camera")
        doubts += [self._placed, self._report.doubt(), self._clocks(sending), self._tree.refused, self._rivals()]
        doubts += [self._outputs.doubt(), self._outputs.transforms.doubt(), self.clock_doubt()]
        return [doubt for doubt in doubts if doubt]

    def _clocks(self, sending: list[str]) -> str:
        """A sentence if the stamps of different cameras never lie within slop; else empty."""
        if len(sending) < 2 or max(self._report.sets, default=2) > 1:
            return ""
        pairs = itertools.combinations(sending, 2)
        one, other = max(pairs, key=lambda pair: abs(self._sets.offset(pair[0]) - self._sets.offset(pair[1])))
        ahead = self._sets.offset(one) - self._sets.offset(other)
        return (
            f"no stamps of different cameras lie within slop ({self._settings.slop:g} s), those of {other} are "
            f"{ahead:+.3f} s from those of {one}: are their clocks synchronised, and slop half a frame?"
        )

    def _rivals(self) -> str:
        """A sentence if the frame of a hand is also published by another node; else empty."""
        prefix, since = self._settings.frame_prefix, time.monotonic() - RIVAL_AGE
        sent = self._settings.publish_tf and self._settings.tf_names == "side"
        for name in (f"{prefix}left_hand", f"{prefix}right_hand"):
            if sent and (others := self._tree.parents(name, since) - {self._frame}):
                return f"{name} is also published by {', '.join(sorted(others))}: give each node its own frame_prefix"
        return ""


def _counts(counter: dict[int, int]) -> str:
    return ", ".join(f"{cameras}: {count}" for cameras, count in sorted(counter.items()))


def main() -> None:
    """Runs the node until it is stopped."""
    sys.exit(run("fusion_node", FusionNode))
