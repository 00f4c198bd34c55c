"""hands_node: camera images in; hands, their frames and what shows them out."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool

from handos_model.camera import Camera
from handos_model.hand import Hand
from handos_model.io.files import one_line
from handos_model.prediction.predictor import HandPredictor
from handos_model.template.load import load_template
from handos_model.tracking.follower import HandFollower
from handos_model.tracking.tracker import HandTracker, TrackerOptions
from handos_ros.conversions.hands import hand_array
from handos_ros.conversions.images import depth_image, rgb_image
from handos_ros.depth_pairing import DepthFrames, seconds
from handos_ros.diagnostics import Health, StageClock
from handos_ros.intrinsics import Intrinsics
from handos_ros.msg import HandArray
from handos_ros.newest import Newest
from handos_ros.outputs import Outputs
from handos_ros.parameters import Settings, change, declare, refuse_undeclared, take_overrides
from handos_ros.process.executable import START_ERRORS, run
from handos_ros.process.guarded_node import WARN_EVERY, GuardedNode


class FrameDropped(Exception):
    """A frame gives no HandArray; reason: one of diagnostics.DROP_REASONS."""

    def __init__(self, reason: str, problem: str) -> None:
        super().__init__(one_line(problem))
        self.reason = reason


class HandsNode(GuardedNode):
    """Finds hands in the images of one camera.

    Two threads: the executor's only files what comes, and one works on the newest image. So the network never keeps
    parameters, services, depth images or a signal to stop waiting, no image is ever queued, and those that come too
    late are counted. Raises executable.START_ERRORS for what the user set wrong.
    """

    def __init__(self, **options: Any) -> None:
        """options: of rclpy.node.Node, as for several nodes in one process."""
        super().__init__("hands_node", **options)
        self._newest: Newest[tuple[Image | CompressedImage, StageClock]] = Newest()
        self._worker = threading.Thread(target=self._work, name="hands")
        given = take_overrides(self)
        self._settings = declare(self, Settings(), given)
        self._health = Health()
        self._intrinsics = Intrinsics()
        self._depth = DepthFrames() if self._settings.use_depth else None
        self._template = load_template(self._settings.template or None)
        self._tracker = HandTracker(_tracker_options(self._settings), self._template.faces)
        self._last_stamp = -float("inf")
        self._camera: Camera | None = None
        self._busy = threading.Lock()  # held by whoever uses or replaces the follower

        self._outputs = Outputs(self, self._template)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._listen(CameraInfo, "camera_info", self._intrinsics.keep)
        if self._depth is not None:
            self._listen(Image, "depth", self._depth.keep)
        self._images: Subscription | None = self._listen_to_images()
        refuse_undeclared(self, given)
        predictor = self._open_predictor()
        self._own_threshold = predictor.score_threshold
        self._model = f"{predictor.name} {predictor.version}"
        self._follower: HandFollower | None = HandFollower(predictor, self._tracker)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(SetBool, "~/set_enabled", self._on_set_enabled)
        self.create_timer(1.0, self._report, clock=self.steady)
        self._worker.start()
        self.get_logger().info(f"{self._model} on {self._device}, images from {self._images.topic_name}")

    def destroy_node(self) -> None:
        """Lets the frame in work finish, then destroys the node."""
        self._newest.close()
        if self._worker.is_alive():
            self._worker.join()
        super().destroy_node()

    def on_image(self, message: Image | CompressedImage) -> None:
        """Leaves the message to the worker, in place of one that still waits."""
        self._health.received()
        if self._newest.put((message, StageClock(time.perf_counter()))):
            self._health.drop("late")

    def process(self, message: Image | CompressedImage, clock: StageClock) -> None:
        """One camera frame, from message to messages; FrameDropped when it cannot be used."""
        settings = self._settings
        image, camera, stamp = self._decode(message, settings)
        clock.mark("decode")
        hands, network = self._follow(image, camera, stamp, settings)
        source = _scale_source(hands, settings)
        clock.mark("follow")
        self._outputs.publish(hand_array(hands, message.header, camera, source, self._model, settings.vertices))
        clock.mark("publish")
        published, since_stamp = clock.elapsed, self.get_clock().now().nanoseconds * 1e-9 - stamp
        self._outputs.publish_frames(hands, message.header, settings)
        clock.mark("tf")
        caption = f"{self._health.rate:.1f} Hz, {published * 1e3:.0f} ms"
        if self._outputs.draw(image, camera, hands, message.header, settings.marker_lifetime, caption):
            clock.mark("draw")
        self._health.processed(clock, network, published, since_stamp)

    def _decode(self, message: Image | CompressedImage, settings: Settings) -> tuple[np.ndarray, Camera, float]:
        """RGB image, camera and stamp in s."""
        try:
            image = rgb_image(message)
        except Exception as error:  # ValueError with a sentence, and what OpenCV makes of damaged files
            raise FrameDropped("bad image", str(error)) from error
        try:
            height, width = image.shape[:2]
            camera = self._intrinsics.camera(width, height, settings.assumed_fov, settings.rectified)
        except Exception as error:
            raise FrameDropped("bad camera_info", str(error)) from error
        stamp, last = seconds(message.header.stamp), self._last_stamp
        self._last_stamp, self._camera = stamp, camera
        if stamp < last:  # should time go on from there, the follower finds out, and starts anew
            raise FrameDropped("time jumped back", f"the stamp of an image lies {last - stamp:.3f} s back")
        return image, camera, stamp

    def _follow(self, image: np.ndarray, camera: Camera, stamp: float, settings: Settings) -> tuple[list[Hand], float]:
        """The hands in an image, and the seconds that the network took for them."""
        follower = self._follower
        assert follower is not None  # frames are processed while the node is not paused
        predictor = follower.predictor
        predictor.score_threshold = settings.score_threshold if settings.score_threshold >= 0 else self._own_threshold
        predictor.hand_scale = settings.hand_scale
        follower.tracking, follower.max_hands = settings.tracking, settings.max_hands
        follower.search_rate = settings.search_rate
        before = predictor.network_seconds
        depth = partial(self._depth_image, stamp, settings) if self._depth else None
        hands = follower.follow(image, stamp, camera, depth)
        if follower.problem:
            self._health.depth_unusable(follower.problem)
        return hands, predictor.network_seconds - before

    def _depth_image(self, stamp: float, settings: Settings) -> np.ndarray:
        """(H, W) m, of the colour image of this stamp; ValueError where there is none."""
        assert self._depth is not None
        return depth_image(self._depth.nearest(stamp, settings.depth_max_difference))

    def _work(self) -> None:
        """Frame after frame, always the newest, until the node is destroyed."""
        while (waiting := self._newest.take()) is not None:
            message, clock = waiting
            with self._busy:
                if self._follower is None:  # paused since the image came
                    self._health.drop("late")
                    continue
                clock.begin()
                try:
                    self.process(message, clock)
                except FrameDropped as dropped:
                    self._drop(dropped.reason, str(dropped))
                except Exception as error:  # no input stops the node
                    if self.context.ok():  # else it is going down, and nothing can be published any more
                        self._drop("internal error", f"{type(error).__name__}: {error}")
                        self.get_logger().debug(traceback.format_exc())

    def _drop(self, reason: str, problem: str) -> None:
        self._health.drop(reason, problem)
        self.get_logger().warning(f"Frame dropped, {reason}: {problem}", throttle_duration_sec=WARN_EVERY)

    def _open_predictor(self) -> HandPredictor:
        settings = self._settings
        return HandPredictor(
            settings.weights or None,
            settings.device,
            settings.size or None,
            threads=settings.threads or None,
            template=self._template,
            spinning=False,  # cameras, RViz and planners need the cores between two images
        )

    def _listen(self, kind: type, topic: str, callback: Callable[[Any], None]) -> Subscription:
        """A subscription that keeps the newest message only; ValueError for qos_overrides that ROS does not know."""
        newest = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        overridable = QoSOverridingOptions.with_default_policies()
        try:
            return self.create_subscription(kind, topic, callback, newest, qos_overriding_options=overridable)
        except Exception as error:
            raise ValueError(f"cannot subscribe to {topic} with these qos_overrides: {error}") from error

    def _listen_to_images(self) -> Subscription:
        if self._settings.compressed:
            return self._listen(CompressedImage, "image/compressed", self.on_image)
        return self._listen(Image, "image", self.on_image)

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            settings = change(self._settings, parameters)
            self._tracker.options = _tracker_options(settings)
            self._settings = settings
        except ValueError as error:
            return SetParametersResult(successful=False, reason=one_line(error))
        return SetParametersResult(successful=True)

    def _on_set_enabled(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """False: listens to no image, and gives memory and device of the network back. True: takes them again."""
        try:
            with self._busy:
                if not request.data:
                    self._follower = None
                elif self._follower is None:
                    self._follower = HandFollower(self._open_predictor(), self._tracker)
        except START_ERRORS as error:
            response.success, response.message = False, str(error)
            return response
        if request.data and self._images is None:
            self._images = self._listen_to_images()
        elif not request.data and self._images is not None:
            self.destroy_subscription(self._images)
            self._images = None
        response.success, response.message = True, f"running on {self._device}" if request.data else "paused"
        return response

    @property
    def _device(self) -> str:
        follower = self._follower
        if follower is None:
            return "none: paused"
        return follower.predictor.provider.removesuffix("ExecutionProvider").lower()

    def _report(self) -> None:
        """One DiagnosticArray."""
        camera, fov = self._camera, self._settings.assumed_fov
        facts = {
            "device": self._device,
            "intrinsics": self._intrinsics.describe(camera, fov),
            "tracker resets": str(self._tracker.resets),
            "errors survived": str(self.survived),
        }
        assumed = camera is not None and camera.assumed
        doubt = f"no camera_info: {fov:g} degrees are assumed, and distances are a guess" if assumed else ""
        name = f"{self.get_fully_qualified_name().lstrip('/')}: hands"
        message = DiagnosticArray(status=[self._health.status(name, self._follower is not None, facts, doubt)])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def _scale_source(hands: list[Hand], settings: Settings) -> int:
    """What the scale of all of them comes from, of HandArray's values: the depth image, or less."""
    sources = {hand.scale_source for hand in hands}
    if sources and sources <= {"depth", "remembered"}:
        return HandArray.SCALE_DEPTH
    return HandArray.SCALE_PRIOR if settings.hand_scale == 1 else HandArray.SCALE_USER


def _tracker_options(settings: Settings) -> TrackerOptions:
    return TrackerOptions(
        smoothing=settings.smoothing,
        max_age=settings.track_max_age,
        min_cutoff=settings.smoothing_min_cutoff,
        beta=settings.smoothing_beta,
    )


def main() -> None:
    """Runs the node until it is stopped."""
    sys.exit(run("hands_node", HandsNode))
