"""Agreement of package.xml, CMakeLists.txt, the messages and the files in config/ with each other and with the code."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path

import pytest
from imports import imported

import handos_model
from handos_model.hand import JOINT_NAMES

ROOT = Path(__file__).resolve().parents[2]
NODE_TOPICS = ("image", "hands/debug_image", "hands/markers", "hands/points")
DEPENDENCY_OF = {
    "cv2": "python3-opencv", "numpy": "python3-numpy", "yaml": "python3-yaml", "onnxruntime": "python3-onnxruntime-pip",
}  # fmt: skip
"""rosdep's names of what Python calls otherwise."""
CALLED_NOT_IMPORTED = {"rosidl_default_runtime", "ros2launch", "robot_state_publisher", "rviz2"}


def needed_by(paths: Iterable[Path]) -> set[str]:
    """Top-level packages outside of Python and this repository that the files import."""
    names = set().union(*map(imported, paths))
    return names - set(sys.stdlib_module_names) - {"handos_ros", "handos_model"}


def test_package_xml_names_what_runs_and_no_more() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    declared = {tag.text for kind in ("depend", "exec_depend") for tag in package.findall(kind)}
    folders = [ROOT / "handos_model" / name for name in ("prediction", "drawing")]
    predicting = [path for folder in folders for path in folder.glob("*.py")]
    predicting.append(ROOT / "handos_model" / "io" / "yaml_file.py")  # of calibrations and parameter files
    used = needed_by([*(ROOT / "handos_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py"), *predicting])
    assert declared - CALLED_NOT_IMPORTED == {DEPENDENCY_OF.get(name, name) for name in used} | {
        "geometry_msgs",  # of the messages
        "std_msgs",
    }


def test_package_xml_names_what_the_examples_need() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    declared = {tag.text for kind in ("depend", "exec_depend", "test_depend") for tag in package.findall(kind)}
    needed = {DEPENDENCY_OF.get(name, name) for name in needed_by((ROOT / "examples").glob("*.py"))}
    assert needed - declared == {"dex_retargeting", "lerobot"}  # which pip installs: docs say so


def test_package_xml_names_the_messages_that_tests_use() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    declared = {tag.text for kind in ("depend", "exec_depend", "test_depend") for tag in package.findall(kind)}
    tests = [path for name in ("ros", "integration", "support") for path in (ROOT / "test" / name).glob("*.py")]
    assert {name for name in needed_by(tests) if name.endswith(("_msgs", "_srvs"))} <= declared


@pytest.mark.skipif(not (ROOT / ".github").is_dir(), reason="archives and images have no CI")
def test_ci_runs_what_is_said_to_be_supported() -> None:
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    pythons = [one["python"] for one in jobs["test"]["strategy"]["matrix"]["include"]]
    said = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert pythons == said and said[0] == "3.10"
    distributions = [one["distribution"].title() for one in jobs["colcon"]["strategy"]["matrix"]["include"]]
    said = re.findall(r"<!-- For ROS 2 (.*)\. -->", (ROOT / "package.xml").read_text())
    assert said == [f"{', '.join(distributions[:-1])} and {distributions[-1]}"]


@pytest.mark.skipif((ROOT / "PKG-INFO").is_file(), reason="the source archive has no links")
def test_rosdoc2_is_told_of_its_settings_and_finds_the_pages_in_doc() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert (ROOT / str(package.findtext("export/rosdoc2"))).is_file()
    assert (ROOT / "doc").resolve() == ROOT.resolve() / "docs"


def test_notice_names_every_file_of_weights_with_the_work_of_others() -> None:
    named = re.findall(r"handos_model/weights/[\w.]+", (ROOT / "NOTICE").read_text())
    for path in sorted((ROOT / "handos_model" / "weights").iterdir()):
        if path.suffix in (".onnx", ".npz") and path.name not in ("handos_small.find.npz", "handos_small.see.npz"):
            assert f"handos_model/weights/{path.name}" in named, path


def test_package_xml_has_the_version() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert package.findtext("version") == handos_model.__version__


def test_cmake_builds_every_message_and_installs_every_executable_and_setting() -> None:
    cmake = (ROOT / "CMakeLists.txt").read_text()
    assert sorted(re.findall(r'"msg/(\w+)\.msg"', cmake)) == sorted(path.stem for path in (ROOT / "msg").iterdir())
    assert sorted(re.findall(r"scripts/(\w+)", cmake)) == sorted(path.name for path in (ROOT / "scripts").iterdir())
    settings = [
        f"{folder}/{path.name}" for folder in ("launch", "config", "urdf") for path in (ROOT / folder).glob("*.*")
    ]
    assert sorted(re.findall(r"(?:launch|config|urdf)/\S+", cmake)) == sorted(settings)
    assert re.search(r"install\(FILES LICENSE NOTICE ", cmake) and "install(DIRECTORY licences " in cmake
    examples = sorted(f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py"))
    assert sorted(re.findall(r"examples/\S+\.py", cmake)) == examples


def test_joint_indices_of_the_message_are_those_of_the_code() -> None:
    constants = re.findall(r"^uint8 (\w+) = (\d+)$", (ROOT / "msg" / "Hand.msg").read_text(), re.M)
    assert [(name.lower(), int(value)) for name, value in constants][:21] == [
        (name, index) for index, name in enumerate(JOINT_NAMES)
    ]


@pytest.mark.parametrize("name", ["Hand", "HandArray", "Point2D", "NamedPoseArray", "Grasp"])
def test_every_field_has_a_comment(name: str) -> None:
    lines = (ROOT / "msg" / f"{name}.msg").read_text().splitlines()
    fields = [line for line in lines if line and not line.startswith(("#", " ")) and "=" not in line]
    assert fields and [line for line in fields if " # " not in line] == []


def test_fast_dds_has_room_for_images_and_is_the_default_profile() -> None:
    profile = ElementTree.parse(ROOT / "config" / "fastdds.xml").getroot()
    space = "{http://www.eprosima.com}"
    assert int(profile.find(f".//{space}segment_size").text) > 4 * 1920 * 1080 * 3
    assert profile.find(f".//{space}participant").get("is_default_profile") == "true"
    named = {tag.text for tag in profile.iter(f"{space}transport_id")}
    assert len(named) == 2  # each transport is declared once and used once
    properties = {p.find(f"{space}name").text: p.find(f"{space}value").text for p in profile.iter(f"{space}property")}
    assert properties == {"fastdds.type_propagation": "disabled"}


def test_rviz_shows_topics_of_the_node() -> None:
    yaml = pytest.importorskip("yaml")
    shown = yaml.safe_load((ROOT / "config" / "hands.rviz").read_text())["Visualization Manager"]["Displays"]
    topics = [display["Topic"]["Value"] for display in shown if "Topic" in display]
    assert sorted(topics) == sorted(NODE_TOPICS)
    on = [display["Class"].rpartition("/")[2] for display in shown if display["Enabled"]]
    assert {"Image", "MarkerArray", "TF"} <= set(on)
