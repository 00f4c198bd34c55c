"""The hands as robots for RViz: a robot_state_publisher for each side, moved by hands/joint_states of hands_node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

MODELS = Path(get_package_share_directory("handos_ros")) / "urdf"


def generate_launch_description() -> LaunchDescription:
    """Description that `ros2 launch` runs."""
    arguments = [
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of hands_node"),
        DeclareLaunchArgument("frame_prefix", default_value="", description="The frame_prefix of hands_node"),
    ]
    return LaunchDescription([*arguments, *(hand_model(side) for side in ("left", "right"))])


def hand_model(side: str) -> Node:
    """Sends the links of one hand on /tf, under the frame that hands_node gives to that side."""
    return Node(
        package="robot_state_publisher",
        executable="robot_state_publisher",
        name=f"{side}_hand_model",
        namespace=LaunchConfiguration("namespace"),
        parameters=[model_parameters(side)],
        remappings=[("joint_states", "hands/joint_states"), ("robot_description", f"hands/{side}/robot_description")],
        output="screen",
    )


def model_parameters(side: str) -> dict[str, Any]:
    """The model of one hand, and the prefix of its frames, which is text even if it looks like a number."""
    description = (MODELS / f"{side}_hand.urdf").read_text()
    prefix = ParameterValue(LaunchConfiguration("frame_prefix"), value_type=str)
    return {"robot_description": description, "frame_prefix": prefix}
