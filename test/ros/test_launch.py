"""launch/hands.launch.py: what its arguments make of topics, parameters and processes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("launch_ros", reason="no ROS installation: PyPI has no launch_ros")

from launch import LaunchContext, LaunchDescription  # noqa: E402
from launch.actions import DeclareLaunchArgument  # noqa: E402
from launch_ros.actions import Node  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def launch_file() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hands_launch", ROOT / "launch" / "hands.launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def started(launch_file: ModuleType, **given: str) -> list[Node]:
    """The processes for arguments given on the command line, the others at their defaults."""
    context = LaunchContext()
    defaults = {name: default for name, (default, _) in launch_file.ARGUMENTS.items()}
    context.launch_configurations.update(defaults | given)
    return launch_file.nodes(context)


def executables(nodes: list[Node]) -> list[str]:
    return [node.node_executable for node in nodes]


def test_every_argument_is_declared_with_default_and_description(launch_file: ModuleType) -> None:
    description: LaunchDescription = launch_file.generate_launch_description()
    declared = {entity.name: entity for entity in description.entities if isinstance(entity, DeclareLaunchArgument)}
    assert list(declared) == list(launch_file.ARGUMENTS)
    assert all(argument.description and argument.default_value is not None for argument in declared.values())


def test_alone_the_node_hears_its_own_topics(launch_file: ModuleType) -> None:
    assert executables(started(launch_file)) == ["hands_node"]
    assert launch_file.topics({"image": "image", "camera_info": "", "depth": ""}) == []


def test_camera_info_lies_beside_the_image(launch_file: ModuleType) -> None:
    remapped = dict(launch_file.topics({"image": "/arm/color/image_raw", "camera_info": "", "depth": ""}))
    assert remapped == {
        "image": "/arm/color/image_raw",
        "image/compressed": "/arm/color/image_raw/compressed",
        "camera_info": "/arm/color/camera_info",
    }


def test_topics_that_are_named_are_taken(launch_file: ModuleType) -> None:
    remapped = dict(launch_file.topics({"image": "rgb/image", "camera_info": "/calibrated", "depth": "/depth/image"}))
    assert (remapped["camera_info"], remapped["depth"]) == ("/calibrated", "/depth/image")


def test_a_video_takes_the_place_of_the_camera(launch_file: ModuleType) -> None:
    assert executables(started(launch_file, video="0")) == ["hands_node", "camera_node"]


def test_rviz_on_request(launch_file: ModuleType) -> None:
    # First, so that no node is left running where there is no RViz.
    assert executables(started(launch_file, rviz="true")) == ["rviz2", "hands_node"]


def test_a_wrong_answer_is_said(launch_file: ModuleType) -> None:
    with pytest.raises(ValueError, match="rviz is 'yes', must be true or false"):
        started(launch_file, rviz="yes")


def test_a_file_of_parameters_that_is_not_there_is_said(launch_file: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no params_file {tmp_path}/mine.yaml"):
        started(launch_file, params_file=str(tmp_path / "mine.yaml"))
