"""Parameters of fusion_node."""

from __future__ import annotations

from dataclasses import dataclass

from handos_model.fusion.frame_sets import SLOP
from handos_model.fusion.hand_fusion import MAX_AGE
from handos_ros.parameters import parameter

MOST_CAMERAS = 16


@dataclass(frozen=True)
class FusionSettings:
    """Parameters of fusion_node."""

    topics: str = parameter(
        "left/hands right/hands", "HandArray topics of the cameras, with spaces between", read_only=True
    )
    frame: str = parameter(
        "", "Common frame, such as base_link; empty uses that of the extrinsics file", read_only=True
    )
    extrinsics: str = parameter("", "YAML file of the cameras' poses; empty takes them from TF", read_only=True)
    slop: float = parameter(
        SLOP, "Greatest difference between stamps that belong together, in seconds", 0.0, 1.0, read_only=True
    )
    max_wait: float = parameter(
        0.05, "Time that one camera's hands wait for another's, in seconds", 0.0, 5.0, read_only=True
    )
    camera_timeout: float = parameter(
        1.0, "Time without a message after which a camera counts as stopped, in seconds", 0.1, 60.0, read_only=True
    )
    track_max_age: float = parameter(
        MAX_AGE, "Time for which a hand that no camera sees keeps its id, in seconds", 0.0, 60.0
    )
    vertices: bool = parameter(True, "Fill Hand.vertices, which takes 9 kB per hand")
    publish_tf: bool = parameter(True, "Publish wrist frames on /tf")
    tf_names: str = parameter(
        "side", "Names of wrist frames: left_hand and right_hand by side, hand_<id> by id", choices=("side", "id")
    )
    tf_fingers: bool = parameter(False, "Also publish a frame for each finger joint")
    frame_prefix: str = parameter("", "Prefix for the names of published frames, such as robot1/")
    marker_lifetime: float = parameter(0.2, "Time after which a marker disappears, in seconds; 0 for never", 0.0, 60.0)

    def __post_init__(self) -> None:
        if self.frame_prefix.startswith("/"):
            raise ValueError(f"frame_prefix is {self.frame_prefix!r}, must not begin with /: tf2 knows no such frames")
        names = self.topics.split()
        if not names or len(names) > MOST_CAMERAS or len(set(names)) < len(names):
            raise ValueError(f"topics is {self.topics!r}, must name 1 to {MOST_CAMERAS} topics, each once")
