"""launch/: what arguments make of topics, parameters and processes, and when it all ends."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("launch_ros", reason="no ROS installation: PyPI has no launch_ros")

from launch import LaunchContext, LaunchDescription, LaunchService  # noqa: E402
from launch.actions import (  # noqa: E402
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnShutdown  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_ros.actions import Node  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name.replace(".", "_"), ROOT / "launch" / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def launch_file() -> ModuleType:
    return loaded("hands.launch.py")


@pytest.fixture(scope="module")
def cameras_file() -> ModuleType:
    return loaded("cameras.launch.py")


def started(launch_file: ModuleType, **given: str) -> list[Node]:
    """The processes for arguments given on the command line, the others at their defaults."""
    context = LaunchContext()
    defaults = {name: default for name, (default, _) in launch_file.ARGUMENTS.items()}
    context.launch_configurations.update(defaults | given)
    return launch_file.nodes(context)


def executables(nodes: list[Node]) -> list[str]:
    return [node.node_executable for node in nodes]


@pytest.mark.parametrize("name", ["hands.launch.py", "cameras.launch.py", "fusion.launch.py"])
def test_every_argument_is_declared_with_default_and_description(name: str) -> None:
    file = loaded(name)
    description: LaunchDescription = file.generate_launch_description()
    declared = {entity.name: entity for entity in description.entities if isinstance(entity, DeclareLaunchArgument)}
    assert list(declared) == list(file.ARGUMENTS)
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


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"video": "0"}, {"source": "0"}),
        ({"video": "bag", "fixed_frame": "lens"}, {"source": "bag", "frame_id": "lens"}),
        ({"video": "bag", "video_topic": "/left/image"}, {"source": "bag", "topic": "/left/image"}),
    ],
)
def test_a_recording_keeps_its_frame_unless_one_is_given(
    launch_file: ModuleType, given: dict[str, str], wanted: dict[str, str]
) -> None:
    found = launch_file.played({name: default for name, (default, _) in launch_file.ARGUMENTS.items()} | given)
    assert {name: value.evaluate(LaunchContext()) for name, value in found.items()} == wanted


@pytest.mark.parametrize("level", ["WARN", "unset", "hands_node:=debug", "hands_node:=Error"])
def test_a_log_level_as_ros_takes_it(launch_file: ModuleType, level: str) -> None:
    assert executables(started(launch_file, log_level=level)) == ["hands_node"]


def test_rviz_on_request(launch_file: ModuleType) -> None:
    # First, so that no node is left running where there is no RViz.
    assert executables(started(launch_file, rviz="true")) == ["rviz2", "hands_node"]


def test_a_wrong_answer_is_said(launch_file: ModuleType) -> None:
    with pytest.raises(ValueError, match="rviz is 'yes', must be true or false"):
        started(launch_file, rviz="yes")


def test_parameters_of_arguments_that_are_given(launch_file: ModuleType) -> None:
    given = {name: default for name, (default, _) in launch_file.ARGUMENTS.items()}
    assert launch_file.overrides(given) == {}
    values = launch_file.overrides(given | {"frame_prefix": "1", "device": "cpu", "depth": "/depth"})
    assert values.pop("use_depth") is True
    assert {name: value.evaluate(LaunchContext()) for name, value in values.items()} == {
        "frame_prefix": "1", "device": "cpu",
    }  # fmt: skip


def ended_after(path: Path, seconds: float, **arguments: str) -> bool:
    """Whether a launch ends by itself within that time."""
    source = PythonLaunchDescriptionSource(str(path))
    include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    late = TimerAction(period=seconds, actions=[Shutdown(reason="too late")])
    service, reasons = LaunchService(noninteractive=True), []
    said = RegisterEventHandler(OnShutdown(on_shutdown=lambda event, _: reasons.append(event.reason)))
    service.include_launch_description(LaunchDescription([said, include, late]))
    service.run()
    return reasons[0] != "too late"


def test_the_launch_ends_with_its_node_unless_that_is_started_anew(tmp_path: Path) -> None:
    wrong = {"device": "none", "video": str(ROOT / "docs/demo.mp4")}
    assert ended_after(ROOT / "launch/hands.launch.py", 60.0, **wrong)
    assert not ended_after(ROOT / "launch/hands.launch.py", 10.0, respawn="true", **wrong)


def test_the_launch_ends_with_the_video(tmp_path: Path) -> None:
    assert ended_after(ROOT / "launch/hands.launch.py", 60.0, video=str(tmp_path / "absent.mp4"))


def fusion_parameters(**given: str) -> list[Any]:
    """Parameters of fusion_node for these launch arguments: files by their paths, values by their names."""
    file, context = loaded("fusion.launch.py"), LaunchContext()
    context.launch_configurations.update({name: default for name, (default, _) in file.ARGUMENTS.items()} | given)
    assert executables(file.nodes(context)) == ["fusion_node"]
    found = file.parameters(dict(context.launch_configurations))
    return [
        one if isinstance(one, str) else {name: value.evaluate(context) for name, value in one.items()} for one in found
    ]


def test_arguments_come_before_fusion_nodes_parameter_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    mine, given = str(tmp_path / "mine.yaml"), {"frame": "1", "slop": "0.01", "topics": "a/hands b/hands"}
    Path(mine).write_text("/**/fusion_node: {ros__parameters: {frame: table, max_wait: 0.2}}")
    assert fusion_parameters() == []
    assert fusion_parameters(params_file=mine) == fusion_parameters(params_file="~/mine.yaml") == [mine]
    assert fusion_parameters(params_file=mine, **given) == [mine, given | {"slop": 0.01}]
    with pytest.raises(FileNotFoundError, match=f"there is no params_file {tmp_path}/none.yaml"):
        fusion_parameters(params_file=str(tmp_path / "none.yaml"))


def test_the_prefix_of_a_hand_model_is_text() -> None:
    context = LaunchContext()
    context.launch_configurations.update({"frame_prefix": "1", "namespace": ""})
    for side in ("left", "right"):
        prefix = loaded("hand_models.launch.py").model_parameters(side)["frame_prefix"]
        assert prefix.evaluate(context) == "1"


CAMERAS = """
- {namespace: left, image: /left/image_raw, rviz: false}
- {namespace: /right/, image: /right/image_raw, frame_prefix: r_, video: 0, depth: }
"""


def test_a_launch_for_each_camera_of_a_list(cameras_file: ModuleType, launch_file: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "cameras.yaml").write_text(CAMERAS)
    assert cameras_file.read_cameras(tmp_path / "cameras.yaml", set(launch_file.ARGUMENTS)) == [
        {"namespace": "left", "image": "/left/image_raw", "rviz": "false", "frame_prefix": "left/"},
        {"namespace": "/right/", "image": "/right/image_raw", "frame_prefix": "r_", "video": "0", "depth": ""},
    ]
    known = set(launch_file.ARGUMENTS)
    assert len(cameras_file.read_cameras(ROOT / "config/cameras.yaml", known)) == 2


def test_every_camera_has_its_own_arguments(cameras_file: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "cameras.yaml").write_text(CAMERAS)
    context = LaunchContext()
    context.launch_configurations.update({"cameras": str(tmp_path / "cameras.yaml"), "log_level": "warn"})
    started: list[Node] = []
    waiting = list(cameras_file.all_cameras(context))
    while waiting:
        entity = waiting.pop(0)
        if isinstance(entity, Node):
            started.append((entity.node_executable, dict(context.launch_configurations)))
        else:
            waiting = list(entity.visit(context) or []) + waiting
    assert [name for name, _ in started] == ["hands_node", "hands_node", "camera_node"]
    assert [given["frame_prefix"] for _, given in started] == ["left/", "r_", "r_"]
    assert [given["video"] for _, given in started] == ["", "0", "0"]
    assert {given["log_level"] for _, given in started} == {"warn"}


def asked(cameras_file: ModuleType, folder: Path, text: str, **given: str) -> list[Any]:
    """Actions that the launch of a list of cameras starts with these arguments."""
    (folder / "cameras.yaml").write_text(text)
    context = LaunchContext()
    context.launch_configurations.update({"cameras": str(folder / "cameras.yaml"), **given})
    return cameras_file.all_cameras(context)


@pytest.mark.parametrize(
    ("text", "given", "sentence"),
    [
        ("- {namespace: a, image: }", {}, "image is '', must be the name of a topic"),
        ("- {namespace: a}\n- {namespace: b, image: /}", {}, "camera b of"),
        ("- {namespace: a, depth: [b, c]}", {}, "must be the name of a topic"),
        ("- {namespace: a, camera_info: b//c}", {}, "camera_info is 'b//c', must be the name of a topic"),
        ("- {namespace: a b}", {}, "namespace is 'a b', must be a name"),
        ("- {namespace: a}\n- {namespace: b, rviz: maybe}", {}, "rviz is 'maybe', must be true or false"),
        ("- {namespace: a}\n- {namespace: b, respawn: }", {}, "respawn is '', must be true or false"),
        ("- {namespace: a, log_level: }", {}, "log_level is '', must be one of debug"),
        ("- {namespace: a, log_level: 'b:=loud'}", {}, "log_level is 'b:=loud', must be one of debug"),
        ("- {namespace: a, log_level: 'b:=c:=info'}", {}, "log_level is 'b:=c:=info', must be one of debug"),
        ("- {namespace: a}", {"image": ""}, "image is '', must be the name of a topic"),
        ("- {namespace: a}\n- {namespace: b}", {"frame_prefix": "all/"}, "have the same frame_prefix 'all/'"),
        ("- {namespace: a, frame_prefix: b/}\n- {namespace: b}", {}, "cameras a and b of"),
    ],
)
def test_what_is_wrong_is_said_before_any_camera_has_started(
    cameras_file: ModuleType, tmp_path: Path, text: str, given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        asked(cameras_file, tmp_path, text, **given)


def test_empty_prefixes_are_left_to_the_parameter_files(cameras_file: ModuleType, tmp_path: Path) -> None:
    text = "- {namespace: a, frame_prefix: }\n- {namespace: b, frame_prefix: }"  # a file may name both nodes
    assert len(asked(cameras_file, tmp_path, text)) == 2


def test_a_prefix_for_the_camera_that_does_not_say_otherwise(
    cameras_file: ModuleType, launch_file: ModuleType, tmp_path: Path
) -> None:
    text = "- {namespace: a}\n- {namespace: b, frame_prefix: b_}"
    assert len(asked(cameras_file, tmp_path, text, frame_prefix="all/")) == 2
    known = set(launch_file.ARGUMENTS)
    for prefix, prefixes in (("all/", ["all/", "b_"]), ("", ["a/", "b_"])):
        cameras = cameras_file.read_cameras(tmp_path / "cameras.yaml", known, prefix)
        assert [camera["frame_prefix"] for camera in cameras] == prefixes


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold a list of cameras"),
        ("namespace: left", "must hold a list of cameras"),
        ("- left", "must hold a list of cameras"),
        ("[1, 2", "is not valid YAML"),
        ("- {image: a}", "has the namespace '', must have one of its own"),
        ("- {namespace: a}\n- {namespace: /a}", "has the namespace 'a', must have one of its own"),
        ("- {namespace: , image: a}", "has the namespace '', must have one of its own"),
        ("- {namespace: a, topic: b}", "has topic; known are camera_info, depth"),
    ],
)
def test_a_list_of_cameras_that_is_none(
    cameras_file: ModuleType, launch_file: ModuleType, tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "cameras.yaml").write_text(text)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        cameras_file.read_cameras(tmp_path / "cameras.yaml", set(launch_file.ARGUMENTS))


def test_a_list_of_cameras_that_is_not_there(cameras_file: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no list of cameras"):
        cameras_file.read_cameras(tmp_path / "none.yaml", set())


def test_a_file_of_parameters(launch_file: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").touch()
    for other in ("~/other.yaml", f"{tmp_path}/other.yaml"):
        with pytest.raises(FileNotFoundError, match=f"there is no params_file {other}"):
            started(launch_file, params_file=other)
    monkeypatch.setattr(launch_file, "Node", dict)
    assert started(launch_file, params_file="~/mine.yaml")[0]["parameters"] == [str(tmp_path / "mine.yaml")]
