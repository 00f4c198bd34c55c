"""Sections of parameter files: whose names they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS here")

from handos_ros.process.parameter_files import GivenParameters


def given(path: Path, text: str, *more: str, node: str = "/arm/hands_node") -> GivenParameters:
    path.write_text(text)
    return GivenParameters(node, ["program", "--ros-args", "--params-file", str(path), *more])


@pytest.mark.parametrize(
    ("section", "matches"),
    [
        ("/arm/hands_node", True),
        ("arm/hands_node", True),
        ("/**/hands_node", True),
        ("/*/hands_node", True),
        ("/**", True),
        ("/arm/*", True),
        ("/arm/**", True),
        ("/*", False),
        ("hands_node", False),
        ("/leg/*", False),
        ("/arm/hands", False),
    ],
)
def test_a_section_is_for_the_nodes_that_its_name_means(tmp_path: Path, section: str, matches: bool) -> None:
    found = given(tmp_path / "p.yaml", f"{section}:\n  ros__parameters:\n    size: 1\n")
    assert bool(found.ignored) == (not matches)
    assert found.shared == ({"size"} if matches and section.endswith("*") else set())


def test_names_of_both_kinds_of_sections_are_the_nodes_own(tmp_path: Path) -> None:
    text = """
/**:
  ros__parameters: {robot: r2, size: 1, hands: {left: 1}}
/arm:
  hands_node:
    ros__parameters: {size: 2}
"""
    assert given(tmp_path / "p.yaml", text).shared == {"robot", "hands.left"}
    assert given(tmp_path / "p.yaml", text, "-p", "robot:=r3").shared == {"hands.left"}
    assert given(tmp_path / "p.yaml", text, "--param", "hands_node:robot:=r3").shared == {"hands.left"}
    assert given(tmp_path / "p.yaml", text, "--", "-p", "robot:=r3").shared == {"robot", "hands.left"}


def test_a_file_without_a_section_for_the_node_is_said(tmp_path: Path) -> None:
    text = "/cam:\n  ros__parameters: {rate: 1}\nlidar:\n  ros__parameters: {rate: 2}\n"
    (sentence,) = given(tmp_path / "p.yaml", text).ignored
    assert sentence == f"nothing in {tmp_path}/p.yaml is for /arm/hands_node: it has sections for /cam, /lidar"


@pytest.mark.parametrize(
    "text", ["", "just words", "[1, 2", "a: {b: [}", "5:\n  6: 7\n", "x: !!timestamp x", "[" * 5000]
)
def test_what_is_no_parameter_file_says_nothing(tmp_path: Path, text: str) -> None:
    found = given(tmp_path / "p.yaml", text)
    assert (found.shared, found.ignored) == (set(), [])


def test_without_files_there_is_nothing() -> None:
    assert GivenParameters("/hands_node", ["program"]).shared == set()
    assert GivenParameters("/hands_node", ["program", "--ros-args", "--params-file", "/none.yaml"]).ignored == []
