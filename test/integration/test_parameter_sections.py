"""Parameter files of whole robots, with real nodes."""

from __future__ import annotations

from pathlib import Path

import pytest
from node_process import ROOT, NodeProcess
from robot import Robot


def warned_with(file: Path, text: str, namespace: str) -> list[str]:
    """Warnings of a node that runs with this parameter file about parameters and sections."""
    file.write_text(text)
    with NodeProcess("hands_node", "-r", f"__ns:=/{namespace}", "--params-file", str(file)) as node:
        robot = Robot(namespace)
        robot.meet()
        code, printed = node.stop()
        robot.destroy_node()
    assert code == 0
    return [line for line in printed.splitlines() if "parameter" in line or "section" in line]


SHARED = "/**:\n  ros__parameters: {robot_name: r2, frame_prefix: 'r2/', hand_skale: 2.0}\n"


def test_names_in_a_shared_section_may_be_those_of_others(tmp_path: Path) -> None:
    lines = warned_with(tmp_path / "robot.yaml", SHARED, "shared")
    assert len(lines) == 2
    assert "there is no parameter hand_skale: did you mean hand_scale?" in lines[0] and "WARN" in lines[0]
    assert "parameters of other nodes in shared sections: robot_name" in lines[1]


def test_a_section_for_another_node_is_one_warning(tmp_path: Path) -> None:
    lines = warned_with(tmp_path / "hands.yaml", "hands:\n  ros__parameters: {hand_scale: 2.0}\n", "other")
    assert len(lines) == 1
    assert f"nothing in {tmp_path}/hands.yaml is for /other/hands_node: it has sections for /hands" in lines[0]


@pytest.mark.parametrize("section", ["/own/hands_node", "/**/hands_node"])
def test_a_misspelt_name_in_the_nodes_own_section_is_refused(tmp_path: Path, section: str) -> None:
    file = tmp_path / "hands.yaml"
    file.write_text(SHARED + f"{section}:\n  ros__parameters: {{robot_name: r2}}\n")
    with NodeProcess("hands_node", "-r", "__ns:=/own", "--params-file", str(file)) as node:
        code, printed = node.wait()
    assert code == 1 and printed.splitlines()[-1].startswith("hands_node: there is no parameter robot_name: ")


@pytest.mark.parametrize("namespace", ["/", "/arm", "/robot/arm"])
def test_the_parameter_file_of_the_package_is_for_the_node_in_every_namespace(tmp_path: Path, namespace: str) -> None:
    file = tmp_path / "hands.yaml"
    file.write_text((ROOT / "config/hands.yaml").read_text().replace("hand_scale: 1.0", "hand_scale: 9.0"))
    with NodeProcess("hands_node", "-r", f"__ns:={namespace}", "--params-file", str(file)) as node:
        assert node.wait() == (1, "hands_node: hand_scale is 9, must lie between 0.2 and 5\n")
