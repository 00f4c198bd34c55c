"""Hands in the images of several cameras: hands.launch.py once for each camera of a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource, load_python_launch_file_as_module
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
ERRORS = (ValueError, FileNotFoundError)


def generate_launch_description() -> LaunchDescription:
    """Description that `ros2 launch` runs."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=all_cameras)])


def all_cameras(context: LaunchContext) -> list[GroupAction]:
    """One hands.launch.py for each camera; wrong arguments are reported before any of them has started."""
    path = Path(LaunchConfiguration("cameras").perform(context)).expanduser()
    one_camera = load_python_launch_file_as_module(str(ONE_CAMERA))
    shared = {name: default for name, (default, _) in one_camera.ARGUMENTS.items()}
    shared |= {name: value for name, value in context.launch_configurations.items() if name in shared}
    cameras = read_cameras(path, set(shared), shared["frame_prefix"])
    prefixes: dict[str, str] = {}
    for camera in cameras:
        given, name = shared | camera, camera["namespace"]
        try:
            one_camera.check(given)
        except ERRORS as error:
            raise type(error)(f"camera {name} of {path}: {error}") from error
        other = prefixes.setdefault(given["frame_prefix"], name)
        if other != name and given["frame_prefix"]:  # where it is empty, the parameter file decides
            raise ValueError(
                f"cameras {other} and {name} of {path} have the same frame_prefix {given['frame_prefix']!r}, must each "
                "have one of its own, or the hands of both would have the same frames"
            )
    source = PythonLaunchDescriptionSource(str(ONE_CAMERA))
    return [GroupAction([IncludeLaunchDescription(source, launch_arguments=camera.items())]) for camera in cameras]


def read_cameras(path: Path, known: set[str], frame_prefix: str = "") -> list[dict[str, str]]:
    """Arguments of every camera in the list; ValueError, in one sentence, for anything else. known: their names.

    frame_prefix: that of every camera that does not say otherwise; empty for the namespace of each.
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
        namespace = as_text(camera.get("namespace")).strip("/")
        if not namespace or namespace in taken:
            raise ValueError(f"a camera of {path} has the namespace {namespace!r}, must have one of its own")
        taken.add(namespace)
    return [
        {"frame_prefix": frame_prefix or f"{as_text(camera['namespace']).strip('/')}/", **all_text(camera)}
        for camera in cameras
    ]


def all_text(camera: dict[str, Any]) -> dict[str, str]:
    """Arguments as ros2 launch has them on its command line."""
    return {name: as_text(value) for name, value in camera.items()}


def as_text(value: Any) -> str:
    """True as true, and nothing as an empty text."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
