"""Hands in the images of one camera: hands_node, and optionally RViz, or a video or recording instead of the camera."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

CONFIG = Path(get_package_share_directory("handos_ros")) / "config"

ARGUMENTS = {
    "image": ("image", "Topic of the camera images"),
    "camera_info": ("", "Topic of its CameraInfo; empty for camera_info next to the images, where drivers publish it"),
    "depth": ("", "Topic of depth images registered to colour; hands are then placed at the measured depth"),
    "params_file": (str(CONFIG / "hands.yaml"), "Parameter file of hands_node"),
    "namespace": ("", "Namespace of every node started; give each camera its own"),
    "frame_prefix": ("", "Prefix for the names of the hands' frames, such as robot1/; empty uses the parameter file"),
    "device": ("", "Where the network runs: auto, cpu, cuda or tensorrt; empty uses the parameter file"),
    "log_level": (
        "info",
        "Minimum log severity of this package's nodes, or LOGGER:=SEVERITY: debug, info, warn, error, fatal or unset",
    ),
    "respawn": ("false", "If true, restart a node that has ended; if false, everything ends with hands_node"),
    "rviz": ("false", "If true, open RViz with images, markers and TF"),
    "fixed_frame": (
        "",
        "Fixed frame of RViz, and the frame of camera_node's images; empty for camera_optical_frame, but the images of "
        "a recording keep theirs",
    ),
    "video": ("", "Video, folder of images, ROS recording or webcam number, played by camera_node instead of a camera"),
    "video_topic": ("", "Image topic of a recording given as video, if it has several"),
}
"""Name: default and description."""
LEVELS = ("debug", "info", "warn", "error", "fatal", "unset")
NAME = re.compile(r"(~?/)?[a-z_]\w*(/[a-z_]\w*)*", re.ASCII | re.IGNORECASE)
"""A name that a topic can be remapped to."""


def generate_launch_description() -> LaunchDescription:
    """Description that `ros2 launch` runs."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=nodes)])


def nodes(context: LaunchContext) -> list[Node]:
    """The processes that the arguments ask for; wrong arguments are refused before any of them has started."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    check(given)
    about = {"output": "screen", "namespace": given["namespace"], "remappings": topics(given)}
    ours = {"package": "handos_ros", "ros_arguments": ["--log-level", given["log_level"]], **about, **ending(given)}
    started = []
    if wanted(given, "rviz"):  # first, as launch stops at a missing package but does not stop what it has started
        view = ["-f", given["fixed_frame"]] if given["fixed_frame"] else []  # hands.rviz has camera_optical_frame
        view += ["-d", str(CONFIG / "hands.rviz")]
        started.append(Node(package="rviz2", executable="rviz2", arguments=view, **about))
    file = os.path.expanduser(given["params_file"])  # shells do not: ~ comes after :=
    parameters = [one for one in (file, overrides(given)) if one]
    started.append(Node(executable="hands_node", parameters=parameters, **ours))
    if given["video"]:
        started.append(Node(executable="camera_node", parameters=[played(given)], **ours))
    return started


def check(given: dict[str, str]) -> None:
    """Raises ValueError or FileNotFoundError, in one sentence, for arguments with which a process would not start."""
    if not Path(given["params_file"]).expanduser().is_file():  # launch_ros would only warn and start the node
        raise FileNotFoundError(f"there is no params_file {given['params_file']}")
    for name in ("image", "camera_info", "depth"):
        topic = given[name].rstrip("/") if name == "image" else given[name]
        if not NAME.fullmatch(topic) and (topic or name == "image"):
            raise ValueError(f"{name} is {given[name]!r}, must be the name of a topic")
    namespace = given["namespace"].strip("/")
    if namespace and not NAME.fullmatch(f"/{namespace}"):
        raise ValueError(f"namespace is {given['namespace']!r}, must be a name such as left or robot1/left")
    if given["log_level"].split(":=", 1)[-1].lower() not in LEVELS:  # the name of a logger may precede it
        raise ValueError(f"log_level is {given['log_level']!r}, must be one of {', '.join(LEVELS)}")
    for name in ("respawn", "rviz"):
        wanted(given, name)


def ending(given: dict[str, str]) -> dict[str, Any]:
    """Reaction to the end of a node of this package: everything ends, or the node is restarted."""
    if wanted(given, "respawn"):
        return {"respawn": True, "respawn_delay": 2.0}
    return {"on_exit": Shutdown(reason="a node of handos_ros has ended")}


def overrides(given: dict[str, str]) -> dict[str, Any]:
    """Parameters of hands_node that launch arguments override."""
    values: dict[str, Any] = {name: text(given[name]) for name in ("frame_prefix", "device") if given[name]}
    return {**values, "use_depth": True} if given["depth"] else values


def played(given: dict[str, str]) -> dict[str, ParameterValue]:
    """Parameters of camera_node; without frame_id, a recording keeps its own."""
    values = {"source": given["video"], "topic": given["video_topic"], "frame_id": given["fixed_frame"]}
    return {name: text(value) for name, value in values.items() if value}


def text(value: str) -> ParameterValue:
    """A string parameter, even if it looks like a number, as that of a webcam does."""
    return ParameterValue(value, value_type=str)


def topics(given: dict[str, str]) -> list[tuple[str, str]]:
    """Remappings shared by all nodes, so that they use the same topics."""
    image = given["image"].rstrip("/")
    camera_info = given["camera_info"] or image[: image.rfind("/") + 1] + "camera_info"
    pairs = {"image": image, "image/compressed": f"{image}/compressed", "camera_info": camera_info}
    if given["depth"]:
        pairs["depth"] = given["depth"]
    return [(name, topic) for name, topic in pairs.items() if name != topic]


def wanted(given: dict[str, str], name: str) -> bool:
    """Whether a boolean argument is true; ValueError for anything but true and false."""
    if given[name].lower() not in ("true", "false"):
        raise ValueError(f"{name} is {given[name]!r}, must be true or false")
    return given[name].lower() == "true"
