"""Writes config/hands.yaml and the tables of docs/ros.md and docs/command_line.md from the code.

    python tools/generate_reference.py

config/hands.yaml is the reference of hands_node's parameters; those that only other nodes have are in tables of
docs/ros.md, as are messages and launch arguments. docs/command_line.md has the options of every command. On these
pages, whatever stands between <!-- NAME --> and <!-- end --> is replaced. Needs rclpy and the built messages.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from handos_model.cli import build_parser
from handos_model.template.anatomy import ANGLE_NAMES, HIGHEST, LOWEST
from handos_ros.camera_node import CameraSettings
from handos_ros.fusion.fusion_settings import FusionInputSettings
from handos_ros.settings import OutputSettings, Settings

ROOT = Path(__file__).resolve().parents[1]
PARAMETER_FILE = ROOT / "config" / "hands.yaml"
LAUNCH_FILES = ("hands.launch.py", "fusion.launch.py")
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
        note = " (read-only)" if row.metadata["read_only"] else ""
        lines.append(f"| `{row.name}` | `{default(row)}` | {allowed(row)} | {row.metadata['description']}{note} |")
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
    shared = fields(OutputSettings)[0].name
    for row in fields(Settings):
        if row.name == shared:
            lines.append("    # Outputs: fusion_node has these parameters as well.")
        limits = "" if isinstance(row.default, bool) or not allowed(row) else f" [{allowed(row)}]"
        star = " *" if row.metadata["read_only"] else ""
        lines.append(f"    {row.name + ': ' + default(row):<27} # {row.metadata['description']}{limits}{star}")
    return "\n".join(lines) + "\n"


def launch_table(name: str) -> str:
    """A Markdown table of the arguments of a launch file, read without running it."""
    tree = ast.parse((ROOT / "launch" / name).read_text())
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


def commands(parser: argparse.ArgumentParser, name: str = "handos") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its parser; of a command that has actions, each of these."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, command in action.choices.items():
                yield from commands(command, f"{name} {word}")
            return
    yield name, parser


def option_table(parser: argparse.ArgumentParser) -> str:
    """A Markdown table of the arguments of a command; empty if it has none."""
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        value = "" if action.nargs == 0 else action.metavar or "|".join(action.choices or [action.dest.upper()])
        usage = " ".join([*action.option_strings, str(value).replace("|", " or ")]).strip()
        rows.append(f"| `{usage}{'...' if action.nargs in ('+', '*') else ''}` | {action.help} |")
    return "\n".join(["| argument | meaning |", "|---|---|", *rows]) if rows else ""


def option_tables() -> str:
    """A table for every command that has arguments, under its name."""
    tables = {name: option_table(parser) for name, parser in commands(build_parser())}
    return "\n\n".join(f"### {name}\n\n{table}" for name, table in tables.items() if table)


def filled(page: Path, tables: dict[str, str]) -> str:
    """The text of a page with its tables written anew."""
    text = page.read_text()
    for name, table in tables.items():
        text, count = re.subn(
            rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)",
            lambda mark, table=table: f"{mark[1]}{table}\n{mark[2]}",
            text,
            flags=re.S,
        )
        if count != 1:
            raise ValueError(f"{page} has {count} places for {name}, must have one")
    return text


def reference() -> dict[Path, str]:
    """Every file that is written, with its contents."""
    of_ros = {
        "parameters of camera_node": parameter_table(CameraSettings),
        "parameters of fusion_node": parameter_table(FusionInputSettings),
        **{f"arguments of {name}": launch_table(name) for name in LAUNCH_FILES},
        "limits of joint angles": limits_table(),
        **{f"fields of {name}": message_table(name) for name in MESSAGES},
    }
    docs = ROOT / "docs"
    return {
        PARAMETER_FILE: parameter_file(),
        docs / "ros.md": filled(docs / "ros.md", of_ros),
        docs / "command_line.md": filled(docs / "command_line.md", {"arguments of the commands": option_tables()}),
    }


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for path, text in reference().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
