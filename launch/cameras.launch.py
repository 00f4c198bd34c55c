"""Hands in the images of several cameras: hands.launch.py once for each camera of a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

SHARE = Path(get_package_share_directory("handos_ros"))
ONE_CAMERA = SHARE / "launch" / "hands.launch.py"

ARGUMENTS = {
    "cameras": (
        str(SHARE / "config" / "cameras.yaml"),
        "YAML list of cameras: the arguments of hands.launch.py for each, with a unique namespace",
    )
}
"""Name: default and description. Arguments of hands.launch.py are those of every camera that does not say otherwise."""


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` runs."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=all_cameras)])


def all_cameras(context: LaunchContext) -> list[GroupAction]:
    """One hands.launch.py for each camera; what is wrong is said before one of them has started."""
    source = PythonLaunchDescriptionSource(str(ONE_CAMERA))
    known = {argument.name for argument in source.get_launch_description(context).get_launch_arguments()}
    cameras = read_cameras(Path(LaunchConfiguration("cameras").perform(context)), known)
    return [GroupAction([IncludeLaunchDescription(source, launch_arguments=camera.items())]) for camera in cameras]


def read_cameras(path: Path, known: set[str]) -> list[dict[str, str]]:
    """Arguments of every camera in the list; ValueError, in one sentence, for anything else. known: their names.

    The frames of a camera's hands have its namespace as prefix, unless it says otherwise.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no list of cameras {path}")
    try:
        cameras = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"list of cameras {path} is not valid YAML: {error}") from error
    if not isinstance(cameras, list) or not cameras or not all(isinstance(camera, dict) for camera in cameras):
        raise ValueError(f"{path} must hold a list of cameras, each with arguments of hands.launch.py")
    taken: set[str] = set()
    for camera in cameras:
        unknown = sorted(map(str, camera.keys() - known))
        if unknown:
            raise ValueError(f"a camera of {path} has {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        namespace = str(camera.get("namespace", "")).strip("/")
        if not namespace or namespace in taken:
            raise ValueError(f"a camera of {path} has the namespace {namespace!r}, must have one of its own")
        taken.add(namespace)
    return [{"frame_prefix": f"{as_text(camera['namespace']).strip('/')}/", **all_text(camera)} for camera in cameras]


def all_text(camera: dict[str, Any]) -> dict[str, str]:
    """Arguments as ros2 launch has them on its command line."""
    return {name: as_text(value) for name, value in camera.items()}


def as_text(value: Any) -> str:
    """True as true, and nothing as an empty text."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
