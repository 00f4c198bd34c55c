"""Writes config/hands.yaml and the tables of docs/ros.md from the code.

    python tools/generate_reference.py

config/hands.yaml is the reference of hands_node's parameters; those of the other nodes have tables in docs/ros.md, as
have messages and launch arguments. There, whatever stands between <!-- NAME --> and <!-- end --> is replaced. Needs
rclpy and the built messages.
"""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from handos_model.template.anatomy import ANGLE_NAMES, HIGHEST, LOWEST
from handos_ros.camera_node import CameraSettings
from handos_ros.fusion.settings import FusionSettings
from handos_ros.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ros.md"
PARAMETER_FILE = ROOT / "config" / "hands.yaml"
MESSAGES = ("HandArray", "Hand", "Point2D", "NamedPoseArray", "Grasp")


def allowed(row: Any) -> str:
    """The values that a parameter may have; empty for any text."""
    about = row.metadata
    if about["choices"]:
        return ", ".join(about["choices"])
    if about["low"] is not None:
        return f"{about['low']:g} to {about['high']:g}"
    return "true, false" if isinstance(row.default, bool) else ""


def default(row: Any) -> str:
    """A parameter's default, as YAML writes it."""
    text = yaml.safe_dump(row.default, default_style='"' if isinstance(row.default, str) else None)
    return text.removesuffix("...\n").strip()


def parameter_table(settings: type) -> str:
    """A Markdown table of the parameters of a node."""
    lines = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    for row in fields(settings):
        meaning = row.metadata["description"].replace("hand_<id>", "`hand_<id>`")
        note = " (read-only)" if row.metadata["read_only"] else ""
        lines.append(f"| `{row.name}` | `{default(row)}` | {allowed(row)} | {meaning}{note} |")
    return "\n".join(lines)


def parameter_file() -> str:
    """config/hands.yaml: every parameter of hands_node at its default, with its meaning beside it."""
    lines = [
        "# Parameters of hands_node at their defaults. Allowed values are in [brackets]; * marks those that cannot",
        "# change while the node runs. Written by tools/generate_reference.py.",
        "# ros2 launch handos_ros hands.launch.py params_file:=yours.yaml",
        "",
        "/**/hands_node:",
        "  ros__parameters:",
    ]
    for row in fields(Settings):
        limits = "" if isinstance(row.default, bool) or not allowed(row) else f" [{allowed(row)}]"
        star = " *" if row.metadata["read_only"] else ""
        lines.append(f"    {row.name + ': ' + default(row):<27} # {row.metadata['description']}{limits}{star}")
    return "\n".join(lines) + "\n"


def launch_table() -> str:
    """A Markdown table of the arguments of hands.launch.py, read without running it."""
    tree = ast.parse((ROOT / "launch" / "hands.launch.py").read_text())
    table = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARGUMENTS"
    )
    assert isinstance(table, ast.Dict)
    lines = ["| argument | default | meaning |", "|---|---|---|"]
    for key, value in zip(table.keys, table.values, strict=True):
        assert isinstance(key, ast.Constant) and isinstance(value, ast.Tuple)
        first, meaning = value.elts
        assert isinstance(meaning, ast.Constant)
        shown = first.value if isinstance(first, ast.Constant) else "config/hands.yaml"
        lines.append(f"| `{key.value}` | {f'`{shown}`' if shown else ''} | {meaning.value} |")
    return "\n".join(lines)


def limits_table() -> str:
    """A Markdown table of how far joints turn, in degrees."""
    lines = ["| joint | lowest | highest |", "|---|---|---|"]
    for row in zip(ANGLE_NAMES, LOWEST.tolist(), HIGHEST.tolist(), strict=True):
        lines += [f"| `{name}` | {low:g} | {high:g} |" for name, low, high in zip(*row, strict=True)]
    return "\n".join(lines)


def message_table(name: str) -> str:
    """A Markdown table of the fields of a message, with the comments that stand behind them."""
    lines = ["| field | type | meaning |", "|---|---|---|"]
    for line in (ROOT / "msg" / f"{name}.msg").read_text().splitlines():
        if row := re.match(r"(\S+)\s+(\w+)\s+# (.+)$", line):
            kind, field, meaning = row.groups()
            lines.append(f"| `{field}` | {kind} | {meaning} |")
        elif (more := re.match(r"\s+# (.+)$", line)) and len(lines) > 2:
            lines[-1] = f"{lines[-1].removesuffix(' |')} {more[1]} |"
    return "\n".join(lines)


def page(text: str) -> str:
    """docs/ros.md with its tables written anew."""
    tables = {
        "parameters of camera_node": parameter_table(CameraSettings),
        "parameters of fusion_node": parameter_table(FusionSettings),
        "arguments of hands.launch.py": launch_table(),
        "limits of joint angles": limits_table(),
        **{f"fields of {name}": message_table(name) for name in MESSAGES},
    }
    for name, table in tables.items():
        text, count = re.subn(
            rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)",
            lambda mark, table=table: f"{mark[1]}{table}\n{mark[2]}",
            text,
            flags=re.S,
        )
        if count != 1:
            raise ValueError(f"docs/ros.md has {count} places for {name}, must have one")
    return text


def main() -> None:
    PAGE.write_text(page(PAGE.read_text()))
    PARAMETER_FILE.write_text(parameter_file())


if __name__ == "__main__":
    main()
