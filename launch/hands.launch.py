"""Hands in the images of one camera: hands_node, and where asked for RViz or a video in place of the camera."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

CONFIG = Path(get_package_share_directory("handos_ros")) / "config"

ARGUMENTS = {
    "image": ("image", "Topic of the camera's images"),
    "camera_info": ("", "Topic of its CameraInfo; empty for camera_info next to the images, where drivers publish it"),
    "depth": ("", "Topic of depth images registered to colour; hands are then scaled to the measured depth"),
    "params_file": (str(CONFIG / "hands.yaml"), "Parameter file of hands_node"),
    "namespace": ("", "Namespace of every node started; give each camera its own"),
    "rviz": ("false", "If true, open RViz with images, markers and TF"),
    "fixed_frame": ("camera_optical_frame", "Fixed frame of RViz, and the frame of camera_node's images"),
    "video": ("", "Video, folder of images or number of a webcam, played by camera_node instead of a camera"),
}
"""Name: default and description."""


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` runs."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=nodes)])


def nodes(context: LaunchContext) -> list[Node]:
    """The processes that the arguments ask for; what is wrong is said before one of them has started."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    about = {"output": "screen", "namespace": given["namespace"], "remappings": topics(given)}
    if not Path(given["params_file"]).is_file():  # a warning for launch_ros, which starts the node without it
        raise FileNotFoundError(f"there is no params_file {given['params_file']}")
    started = []
    if wanted(given["rviz"]):  # comes first: launch stops at a package that is missing, but leaves running what runs
        view = ["-d", str(CONFIG / "hands.rviz"), "-f", given["fixed_frame"]]
        started.append(Node(package="rviz2", executable="rviz2", arguments=view, **about))
    parameters: list = [given["params_file"]]
    if given["depth"]:
        parameters.append({"use_depth": True})
    started.append(Node(package="handos_ros", executable="hands_node", parameters=parameters, **about))
    if given["video"]:
        source = {"source": ParameterValue(given["video"], value_type=str), "frame_id": given["fixed_frame"]}
        started.append(Node(package="handos_ros", executable="camera_node", parameters=[source], **about))
    return started


def topics(given: dict[str, str]) -> list[tuple[str, str]]:
    """Remappings of every node here: what one publishes, the others read."""
    image = given["image"].rstrip("/")
    camera_info = given["camera_info"] or image[: image.rfind("/") + 1] + "camera_info"
    pairs = {"image": image, "image/compressed": f"{image}/compressed", "camera_info": camera_info}
    if given["depth"]:
        pairs["depth"] = given["depth"]
    return [(name, topic) for name, topic in pairs.items() if name != topic]


def wanted(answer: str) -> bool:
    """ValueError for anything but true and false."""
    if answer.lower() not in ("true", "false"):
        raise ValueError(f"rviz is {answer!r}, must be true or false")
    return answer.lower() == "true"
