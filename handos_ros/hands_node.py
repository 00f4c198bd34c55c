"""hands_node: turns camera images into hands, transforms and visualisations."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool

from handos_model.io.files import one_line
from handos_ros.conversions.stamps import seconds
from handos_ros.diagnostics import Health, StageClock, StatusPublisher
from handos_ros.input.arrivals import Arrivals
from handos_ros.input.newest import Newest
from handos_ros.input.subscriptions import NEWEST, CameraInfoSubscription, compressed_topic, other_types
from handos_ros.parameters import change, declare, refuse_undeclared, take_overrides
from handos_ros.pipeline import FrameDropped, Pipeline, tracker_options
from handos_ros.process.executable import START_ERRORS, run
from handos_ros.process.guarded_node import WARN_EVERY, GuardedNode
from handos_ros.settings import Settings


class HandsNode(GuardedNode):
    """Finds hands in the images of one camera.

    It has two threads: the executor's only stores what arrives, and another one processes the newest image. So the
    network never delays parameters, services, depth images or a signal to stop, images are never queued, and late
    images are counted. Raises executable.START_ERRORS for wrong settings.
    """

    def __init__(self, **options: Any) -> None:
        """options: those of rclpy.node.Node, for example for several nodes in one process."""
        super().__init__("hands_node", **options)
        self._newest: Newest[tuple[Image | CompressedImage, StageClock, int]] = Newest()
        self._worker = threading.Thread(target=self._work, name="hands")
        given = take_overrides(self)
        self._settings = declare(self, Settings(), given)
        self._health = Health()
        self._arrivals = Arrivals()
        self._pipeline = Pipeline(self, self._settings, self._health)
        self._busy = threading.Lock()  # held by whoever uses, opens or closes the pipeline
        self._doubts: dict[str, str] = {}

        self._status = StatusPublisher(self)
        self._camera_info = CameraInfoSubscription(self, self._pipeline.intrinsics.keep)
        self._depth_images: Subscription | None = None
        if self._pipeline.depth is not None:
            self._depth_images = self.create_subscription(Image, "depth", self._pipeline.depth.keep, NEWEST)
        self._images: Subscription | None = self._listen_to_images()
        refuse_undeclared(self, given)
        self._pipeline.open(self._settings)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(SetBool, "~/set_enabled", self._on_set_enabled)
        self.create_timer(1.0, self._publish_status, clock=self.steady)
        self._worker.start()
        where = f"{self._pipeline.network} on {self._pipeline.device}"
        self.get_logger().info(f"{where}, images from {self._images.topic_name}")

    def destroy_node(self) -> None:
        """Waits for the current frame, then destroys the node."""
        self._newest.close()
        if self._worker.is_alive():
            self._worker.join()
        super().destroy_node()

    def on_image(self, message: Image | CompressedImage) -> None:
        """Passes the message to the worker; it replaces one that is still waiting."""
        self._health.received()
        self._arrivals.add(seconds(message.header.stamp))
        jumps = self._pipeline.outputs.transforms.jumps
        if self._newest.put((message, StageClock(time.perf_counter()), jumps)):
            self._health.drop("late")

    def _listen_to_images(self) -> Subscription:
        if self._settings.compressed:
            return self.create_subscription(CompressedImage, compressed_topic(self), self.on_image, NEWEST)
        return self.create_subscription(Image, "image", self.on_image, NEWEST)

    def _work(self) -> None:
        """Processes frames, always the newest, until the node is destroyed."""
        while (waiting := self._newest.take()) is not None:
            message, clock, jumps = waiting
            with self._busy:
                if not self._pipeline.is_open:  # paused since the image arrived
                    self._health.drop("late")
                    continue
                clock.begin()
                try:
                    self._pipeline.process(message, clock, self._settings, jumps)
                except FrameDropped as dropped:
                    self._drop(dropped.reason, str(dropped))
                except Exception as error:  # no input stops the node
                    if self.context.ok():  # else it is shutting down and can no longer publish
                        self._drop("internal error", one_line(f"{type(error).__name__}: {error}", 500))
                        self.get_logger().debug(traceback.format_exc())

    def _drop(self, reason: str, problem: str) -> None:
        self._health.drop(reason, problem)
        self.get_logger().warning(f"Frame dropped, {reason}: {problem}", throttle_duration_sec=WARN_EVERY)

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            settings = change(self._settings, parameters)
            self._pipeline.tracker.options = tracker_options(settings)
            self._settings = settings
        except ValueError as error:
            return SetParametersResult(successful=False, reason=one_line(error))
        return SetParametersResult(successful=True)

    def _on_set_enabled(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """With false, unsubscribes from images and frees memory and device of the network; with true, resumes."""
        try:
            with self._busy:
                if request.data:
                    self._pipeline.open(self._settings)
                else:
                    self._pipeline.close()
        except START_ERRORS as error:
            response.success, response.message = False, str(error)
            return response
        if request.data and self._images is None:
            self._images = self._listen_to_images()
        elif not request.data and self._images is not None:
            self.destroy_subscription(self._images)
            self._images = None
        response.success, response.message = True, f"running on {self._pipeline.device}" if request.data else "paused"
        return response

    def _publish_status(self) -> None:
        """Publishes a DiagnosticArray; new doubts are logged as well."""
        self._camera_info.hear_latched()
        doubts = self._current_doubts() if self._pipeline.is_open else {}
        for subject in doubts.keys() - self._doubts.keys():
            self.get_logger().warning(doubts[subject])
        self._doubts = doubts
        doubt = "; ".join(doubts.values())
        self._status.publish(self._health.status(self._pipeline.is_open, self._facts(), doubt))

    def _facts(self) -> dict[str, str]:
        pipeline, arrivals = self._pipeline, self._arrivals
        return {
            "images received": str(arrivals.received),
            "images lost before the node": str(arrivals.lost),
            "rate of the images' stamps (Hz)": f"{arrivals.rate:.1f}",
            "device": pipeline.device,
            "intrinsics": pipeline.intrinsics.describe(pipeline.camera, self._settings.assumed_fov),
            "tracker resets": str(pipeline.tracker.resets),
            "transforms withheld": str(pipeline.outputs.transforms.withheld),
            "errors survived": str(self.survived),
        }

    def _current_doubts(self) -> dict[str, str]:
        """Reasons why results may be worse than usual, by subject."""
        camera, depth, images = self._pipeline.camera, self._pipeline.depth, self._images
        outputs = self._pipeline.outputs
        doubts = {"image": self._pipeline.doubt, "loss": self._arrivals.doubt(), "jump": outputs.transforms.doubt()}
        doubts |= {"hands": outputs.doubt(), "clock": self.clock_doubt()}
        if camera is not None and camera.assumed:
            fov = self._settings.assumed_fov
            doubts["camera_info"] = (
                f"no calibrated camera_info on {self._camera_info.topic}: a view of {fov:g} degrees is assumed, and "
                "distances are a guess"
            )
        if depth is not None and self._depth_images is not None:
            topic = self._depth_images.topic_name
            missing = depth.doubt(topic)
            doubts["depth"] = missing + other_types(self, topic, Image) if missing else self._health.depth_doubt()
        if images is not None and self._health.silent(sent=(count := self.count_publishers(images.topic_name)) > 0):
            too_large = ": are the images too large for the middleware (docs/troubleshooting.md)?"
            why = other_types(self, images.topic_name, images.msg_type) or too_large
            doubts["silence"] = f"nothing comes on {images.topic_name} (publishers: {count}){why}"
        return {subject: doubt for subject, doubt in doubts.items() if doubt}


def main() -> None:
    """Runs the node until it is stopped."""
    sys.exit(run("hands_node", HandsNode))
