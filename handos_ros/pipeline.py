"""Pipeline: processes camera images one after another, from the message to the outputs."""

from __future__ import annotations

from functools import partial

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from handos_model.camera import Camera
from handos_model.hand import Hand, assumed_scale, frame_scale
from handos_model.io.files import one_line
from handos_model.io.frame import doubt_of
from handos_model.kinematics.inverse import anatomical
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.prediction.predictor import HandPredictor
from handos_model.template.load import load_template
from handos_model.tracking.follower import HandFollower
from handos_model.tracking.tracker import HandTracker, TrackerOptions
from handos_ros.conversions.hands import SCALE_VALUES, hand_array
from handos_ros.conversions.images import depth_image, rgb_image
from handos_ros.conversions.stamps import seconds
from handos_ros.diagnostics import Health, StageClock
from handos_ros.input.depth_frames import DepthFrames
from handos_ros.input.intrinsics import Intrinsics
from handos_ros.outputs import CameraOutputs
from handos_ros.settings import Settings


class FrameDropped(Exception):
    """A frame yields no HandArray; reason: one of diagnostics.DROP_REASONS."""

    def __init__(self, reason: str, problem: str) -> None:
        super().__init__(one_line(problem, 500))
        self.reason = reason


class Pipeline:
    """Decodes an image, finds and tracks its hands, and publishes them.

    Not thread-safe, except for intrinsics and depth. Raises executable.START_ERRORS for wrong settings.
    """

    def __init__(self, node: Node, settings: Settings, health: Health) -> None:
        self.intrinsics = Intrinsics()
        """Another thread stores CameraInfo here."""
        self.depth = DepthFrames() if settings.use_depth else None
        """Another thread stores depth images here; None if depth is not used."""
        self.camera: Camera | None = None
        """The camera of the last frame."""
        self.doubt = ""
        """A sentence if the last image can hardly show hands; else empty."""
        self._template = load_template(settings.template or None)
        self.tracker = HandTracker(tracker_options(settings), self._template.faces)
        self._skeleton = HandSkeleton(self._template)
        self.outputs = CameraOutputs(node, self._skeleton)
        self._follower: HandFollower | None = None
        self._own_threshold = 0.0
        self._last_stamp = self._processed_stamp = -float("inf")
        self._node, self._health = node, health

    def open(self, settings: Settings) -> None:
        """Opens the network, unless it is open."""
        if self._follower is not None:
            return
        predictor = HandPredictor(
            settings.weights or None,
            settings.device,
            settings.size or None,
            threads=settings.threads or None,
            template=self._template,
            spinning=False,  # cameras, RViz and planners need the cores between two images
        )
        self._own_threshold = predictor.score_threshold
        self._follower = HandFollower(predictor, self.tracker, mirrored=settings.mirrored)

    def close(self) -> None:
        """Frees memory and device of the network."""
        self._follower = None

    @property
    def is_open(self) -> bool:
        """Whether the network is open."""
        return self._follower is not None

    @property
    def device(self) -> str:
        """The device of the network."""
        follower = self._follower
        return follower.predictor.provider.removesuffix("ExecutionProvider").lower() if follower else "none: paused"

    @property
    def network(self) -> str:
        """Name and version of the weights."""
        assert self._follower is not None
        return f"{self._follower.predictor.name} {self._follower.predictor.version}"

    def process(self, message: Image | CompressedImage, clock: StageClock, settings: Settings, jumps: int) -> None:
        """Processes one image; FrameDropped if it cannot be used. The pipeline must be open.

        jumps: `outputs.transforms.jumps` when the image arrived. If the clock has jumped back since, no transforms are
        sent: they would fill the buffers that the jump has emptied with what is in the future now.
        Transforms are sent first, so that tf2 has them when the HandArray arrives; neither waits for other outputs.
        """
        image, camera, stamp = self._decode(message, settings)
        clock.mark("decode")
        hands, network = self._follow(image, camera, stamp, settings)
        if settings.anatomical:
            hands = anatomical(hands, self._skeleton)
        sources = (hand.scale_source for hand in hands)
        source = SCALE_VALUES[frame_scale(sources, assumed_scale(settings.hand_scale))]
        clock.mark("follow")
        self.outputs.publish_frames(hands, message.header, settings, self.tracker.ids, jumps)
        clock.mark("tf")
        shown = settings.vertices, settings.mirrored
        self.outputs.publish(hand_array(hands, message.header, camera, source, self.network, *shown))
        clock.mark("publish")
        published, since_stamp = clock.elapsed, self._node.get_clock().now().nanoseconds * 1e-9 - stamp
        caption = f"{self._health.rate:.1f} Hz, {published * 1e3:.0f} ms"
        drawn = self.outputs.publish_rest(hands, message.header, settings.marker_lifetime)
        drawn |= self.outputs.publish_seen(image, camera, hands, message.header, caption, settings.mirrored)
        if drawn:
            clock.mark("draw")
        self._health.processed(clock, network, published, since_stamp)

    def _decode(self, message: Image | CompressedImage, settings: Settings) -> tuple[np.ndarray, Camera, float]:
        """RGB image, camera and stamp in s."""
        try:
            image = rgb_image(message)
        except Exception as error:  # ValueError with a sentence, and OpenCV's errors for damaged files
            raise FrameDropped("bad image", str(error)) from error
        try:
            height, width = image.shape[:2]
            camera = self.intrinsics.camera(width, height, settings.assumed_fov, settings.rectified)
        except Exception as error:
            raise FrameDropped("bad camera_info", str(error)) from error
        self.doubt = doubt_of(image, getattr(message, "encoding", ""))
        stamp, last = seconds(message.header.stamp), self._last_stamp
        self._last_stamp, self.camera = stamp, camera
        if stamp < last:  # if time continues from there, the follower notices and starts over
            raise FrameDropped("time jumped back", f"the stamp of an image lies {last - stamp:.3f} s back")
        if stamp < self._processed_stamp:  # the last image was dropped, and time continues from there
            self.outputs.transforms.restart()
        self._processed_stamp = stamp
        return image, camera, stamp

    def _follow(self, image: np.ndarray, camera: Camera, stamp: float, settings: Settings) -> tuple[list[Hand], float]:
        """The hands in an image, and the seconds that the network took for them."""
        follower = self._follower
        assert follower is not None
        predictor = follower.predictor
        predictor.score_threshold = settings.score_threshold if settings.score_threshold >= 0 else self._own_threshold
        predictor.hand_scale = settings.hand_scale
        follower.tracking, follower.max_hands = settings.tracking, settings.max_hands
        follower.search_rate = settings.search_rate
        before = predictor.network_seconds
        depth = partial(self._depth_image, stamp, settings) if self.depth else None
        hands = follower.follow(image, stamp, camera, depth)
        if depth and hands:
            self._health.depth(follower.problem)
        return hands, predictor.network_seconds - before

    def _depth_image(self, stamp: float, settings: Settings) -> np.ndarray:
        """Depth (H, W) in m for the colour image of this stamp; ValueError if there is none."""
        assert self.depth is not None
        return depth_image(self.depth.nearest(stamp, settings.depth_max_difference))


def tracker_options(settings: Settings) -> TrackerOptions:
    """Tracker options from the settings."""
    return TrackerOptions(
        smoothing=settings.smoothing,
        max_age=settings.track_max_age,
        min_cutoff=settings.smoothing_min_cutoff,
        beta=settings.smoothing_beta,
    )
