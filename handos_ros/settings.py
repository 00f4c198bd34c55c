"""Parameters of hands_node, and those of every node that publishes hands."""

from __future__ import annotations

from dataclasses import dataclass

from handos_model.camera import DEFAULT_FOV
from handos_model.prediction.session import DEVICES
from handos_model.tracking.follower import SEARCH_RATE
from handos_model.tracking.tracker import TrackerOptions
from handos_ros.parameters import parameter


@dataclass(frozen=True)
class OutputSettings:
    """Parameters that determine which outputs are published, and how."""

    anatomical: bool = parameter(False, "Publish the nearest anatomically possible hand instead of the measured one")
    vertices: bool = parameter(True, "Fill Hand.vertices, which takes 9 kB per hand")
    publish_tf: bool = parameter(True, "Publish wrist frames on /tf")
    tf_names: str = parameter(
        "side", "Names of the wrist frames: side for left_hand and right_hand, id for hand_<id>", choices=("side", "id")
    )
    tf_fingers: bool = parameter(False, "Also publish a frame for each finger joint")
    frame_prefix: str = parameter("", "Prefix for the names of published frames, such as robot1/")
    marker_lifetime: float = parameter(0.2, "Time after which a marker disappears, in seconds; 0 for never", 0.0, 60.0)

    def __post_init__(self) -> None:
        if self.frame_prefix.startswith("/"):
            raise ValueError(f"frame_prefix is {self.frame_prefix!r}, must not start with /: tf2 refuses such frames")


@dataclass(frozen=True)
class SeeingSettings:
    """Inputs of hands_node, and how it detects and tracks hands."""

    weights: str = parameter(
        "", "ONNX file from `handos export`, or either file of a pair; empty uses the embedded weights", read_only=True
    )
    template: str = parameter(
        "", "MANO_RIGHT.pkl, for weights trained on MANO; empty uses the embedded template", read_only=True
    )
    device: str = parameter(
        "auto",
        "Device of the network; auto uses CUDA if it is available, tensorrt stores its engines for the next start",
        choices=DEVICES,
        read_only=True,
    )
    threads: int = parameter(0, "CPU threads of the network; 0 uses one per core", 0, 256, read_only=True)
    size: int = parameter(
        0, "Long edge of the network's input in pixels, at least 64; 0 uses the size it was trained at", 0, 4096,
        read_only=True,
    )  # fmt: skip
    score_threshold: float = parameter(-1.0, "Minimum detection score; negative uses the weights' default", -1.0, 1.0)
    max_hands: int = parameter(
        0, "Maximum number of hands: tracked hands first, then the best scores; 0 for no limit", 0, 100
    )
    hand_scale: float = parameter(1.0, "Size of the user's hand relative to an average adult's", 0.2, 5.0)
    compressed: bool = parameter(False, "Subscribe to image/compressed instead of image", read_only=True)
    assumed_fov: float = parameter(
        DEFAULT_FOV, "Field of view (degrees, long edge) assumed when there is no CameraInfo", 10.0, 170.0
    )
    rectified: bool = parameter(False, "Images are already rectified: use P instead of K and D")
    mirrored: bool = parameter(False, "Images and depth are mirrored, as of selfies and some webcams", read_only=True)
    use_depth: bool = parameter(False, "Subscribe to depth and place the hands at it", read_only=True)
    depth_max_difference: float = parameter(0.02, "Maximum time between colour and depth stamps, in seconds", 0.0, 1.0)
    tracking: bool = parameter(True, "Track hands from frame to frame: assign ids, decide left or right over time")
    search_rate: float = parameter(
        SEARCH_RATE, "Rate of searches for further hands while some are tracked, in Hz", 0.0, 1000.0
    )
    smoothing: bool = parameter(True, "Smooth tracked hands with a One Euro filter, and keep the size of each constant")
    smoothing_min_cutoff: float = parameter(
        TrackerOptions().min_cutoff,
        "Cutoff frequency for a hand at rest, in Hz; lower is smoother but lags more",
        0.01,
        100.0,
    )
    smoothing_beta: float = parameter(
        TrackerOptions().beta,
        "Increase of the cutoff with speed, in Hz per m/s; higher reduces the lag in motion",
        0.0,
        1000.0,
    )
    track_max_age: float = parameter(
        TrackerOptions().max_age, "Time for which a lost hand keeps its id, in seconds; at least 2.5 frames", 0.0, 60.0
    )


@dataclass(frozen=True)
class Settings(OutputSettings, SeeingSettings):
    """Parameters of hands_node, those of SeeingSettings first."""
