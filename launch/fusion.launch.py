"""Hands of several cameras in one frame: fusion_node. Start the cameras' own nodes with cameras.launch.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "topics": ("", "HandArray topics of 1 to 16 cameras, separated by spaces; empty for left/hands right/hands"),
    "frame": ("", "Common frame, such as base_link; empty uses the one in the extrinsics file"),
    "extrinsics": ("", "YAML file with the poses of the cameras; empty takes them from TF"),
    "slop": ("", "Maximum difference between stamps that belong together, in seconds; empty for 0.02"),
    "frame_prefix": ("", "Prefix for the names of the hands' frames, such as robot1/"),
    "params_file": ("", "Parameter file of fusion_node, for all its parameters; the arguments above take precedence"),
    "namespace": ("", "Namespace of the node, and of topics without a leading slash"),
}
"""Name: default and description."""
PARAMETERS = ("topics", "frame", "extrinsics", "slop", "frame_prefix")


def generate_launch_description() -> LaunchDescription:
    """Description that `ros2 launch` runs."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=nodes)])


def nodes(context: LaunchContext) -> list[Node]:
    """The node with what the arguments give it."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    about = {"package": "handos_ros", "executable": "fusion_node", "namespace": given["namespace"], "output": "screen"}
    return [Node(parameters=parameters(given), **about)]


def parameters(given: dict[str, str]) -> list[Any]:
    """The parameter file, and what arguments set in place of it; FileNotFoundError for a file that is not there."""
    file = os.path.expanduser(given["params_file"])  # shells do not: ~ comes after :=
    if file and not Path(file).is_file():  # launch_ros would only warn and start the node without it
        raise FileNotFoundError(f"there is no params_file {file}")
    values = {  # slop is a number, and the others are text, even if they look like one
        name: ParameterValue(LaunchConfiguration(name), value_type=None if name == "slop" else str)
        for name in PARAMETERS
        if given[name]
    }
    return [one for one in (file, values) if one]
