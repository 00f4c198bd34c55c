"""Parameters of fusion_node."""

from __future__ import annotations

from dataclasses import dataclass

from handos_model.fusion.frame_sets import SLOP
from handos_model.fusion.hand_fusion import MAX_AGE
from handos_ros.parameters import parameter
from handos_ros.settings import OutputSettings

MAX_CAMERAS = 16
"""The hands of every two cameras are compared before each HandArray."""


@dataclass(frozen=True)
class FusionInputSettings:
    """Inputs of fusion_node, and which of them belong together."""

    topics: str = parameter(
        "left/hands right/hands", "HandArray topics of 1 to 16 cameras, separated by spaces", read_only=True
    )
    frame: str = parameter(
        "", "Common frame, such as base_link; empty uses the one in the extrinsics file", read_only=True
    )
    extrinsics: str = parameter("", "YAML file with the poses of the cameras; empty takes them from TF", read_only=True)
    template: str = parameter(
        "", "MANO_RIGHT.pkl, if the hands_nodes have that template; empty uses the embedded one", read_only=True
    )
    slop: float = parameter(
        SLOP, "Maximum difference between stamps that belong together, in seconds", 0.0, 1.0, read_only=True
    )
    max_wait: float = parameter(
        0.05, "Time that the hands of one camera wait for those of another, in seconds", 0.0, 5.0, read_only=True
    )
    camera_timeout: float = parameter(
        1.0, "Time without a message after which a camera is considered stopped, in seconds", 0.1, 60.0, read_only=True
    )
    track_max_age: float = parameter(
        MAX_AGE, "Time for which a hand that no camera sees keeps its id, in seconds", 0.0, 60.0
    )


@dataclass(frozen=True)
class FusionSettings(OutputSettings, FusionInputSettings):
    """Parameters of fusion_node, those of its cameras first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < len(self.topics.split()) <= MAX_CAMERAS or "," in self.topics:
            raise ValueError(f"topics is {self.topics!r}, must name 1 to {MAX_CAMERAS} topics, separated by spaces")
