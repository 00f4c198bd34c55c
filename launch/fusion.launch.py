"""Hands of several cameras in one frame: fusion_node. Start the cameras' own nodes with cameras.launch.py."""

from __future__ import annotations

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "topics": ("left/hands right/hands", "HandArray topics of the cameras, separated by spaces"),
    "frame": ("", "Common frame, such as base_link; empty uses the one in the extrinsics file"),
    "extrinsics": ("", "YAML file with the poses of the cameras; empty takes them from TF"),
    "slop": ("0.02", "Maximum difference between stamps that belong together, in seconds"),
    "namespace": ("", "Namespace of the node, and of topics without a leading slash"),
    "frame_prefix": ("", "Prefix for the names of the hands' frames, such as robot1/"),
}
"""Name: default and description."""
PARAMETERS = ("topics", "frame", "extrinsics", "slop", "frame_prefix")


def generate_launch_description() -> LaunchDescription:
    """Description that `ros2 launch` runs."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    given = {
        name: ParameterValue(LaunchConfiguration(name), value_type=float if name == "slop" else str)
        for name in PARAMETERS
    }
    node = Node(
        package="handos_ros",
        executable="fusion_node",
        namespace=LaunchConfiguration("namespace"),
        parameters=[given],
        output="screen",
    )
    return LaunchDescription([*arguments, node])
