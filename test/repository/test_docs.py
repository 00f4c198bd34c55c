"""The pages are true: examples that run, commands and arguments that exist, links that lead somewhere."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from handos_model.camera import Camera
from handos_model.cli import COMMANDS, build_parser, main
from handos_model.hand import blank_hand
from handos_model.io.frame import Frame
from handos_model.io.image_encodings import ENCODINGS
from handos_model.output.frame_record import Detail, frame_record

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"])
README = (ROOT / "README.md").read_text()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced code of a language on a page."""
    return re.findall(rf"^```{language}\n(.+?)^```", page.read_text(), re.M | re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, now the current one, with the files that examples read."""
    video = cv2.VideoCapture(str(ROOT / "docs" / "demo.mp4"))
    cv2.imwrite(str(tmp_path / "photo.jpg"), video.read()[1])
    writer = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (640, 480))
    for _ in range(3):
        writer.write(video.read()[1])
    writer.release()
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


PYTHON = [(page, code) for page in PAGES for code in blocks(page, "python") if "rclpy" not in code]


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=[f"{page.name}-{i}" for i, (page, _) in enumerate(PYTHON)])
def test_python_examples_run(page: Path, code: str, folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "left" in done.stdout or "right" in done.stdout or "print" not in code


def test_the_subscriber_of_the_readme_is_the_example() -> None:
    (shown,) = (code for code in blocks(ROOT / "README.md", "python") if "rclpy" in code)
    example = (ROOT / "examples" / "index_fingertips.py").read_text()
    assert example.partition("\n\n")[2] == shown


SHELL = [line for page in PAGES for code in blocks(page, "sh") for line in code.splitlines()]
COMMAND_LINES = [line.partition("  #")[0].strip() for line in SHELL if line]


@pytest.mark.parametrize("line", [line for line in COMMAND_LINES if line.startswith("handos ")])
def test_commands_run(line: str, folder: Path) -> None:
    for viewer in re.findall(r"--view (\w+)", line):
        pytest.importorskip(viewer)
    assert main(shlex.split(line)[1:]) == 0
    assert any((folder / name).exists() for name in ("drawn", "drawn.mp4", "hands.rrd", "hands.mcap"))


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [line.split()[1] for line in COMMAND_LINES if line.startswith("make ")]
    assert targets and [target for target in targets if f"\n{target}:" not in makefile] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("VIEW=abc", "VIEW is abc, must be rerun, rerun=FILE.rrd, foxglove or foxglove=FILE.mcap"),
        ("VIEW=foxglove=clip.mp4", "VIEW is foxglove=clip.mp4, must be rerun, "),
        ("ROS=humble", "ROS is humble, must be kilted or jazzy"),
    ],
)
def test_make_refuses_a_wrong_word_before_it_installs_anything(asked: str, said: str) -> None:
    done = subprocess.run(["make", "--dry-run", "demo", asked], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def launch_arguments(name: str) -> set[str]:
    tree = ast.parse((ROOT / "launch" / name).read_text())
    table = next(n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "ARGUMENTS")
    return {key.value for key in table.keys}


@pytest.mark.parametrize(
    ("name", "more"), [("hands.launch.py", ""), ("cameras.launch.py", "hands.launch.py"), ("fusion.launch.py", "")]
)
def test_launch_lines_use_arguments_that_exist(name: str, more: str) -> None:
    known = launch_arguments(name) | (launch_arguments(more) if more else set())
    lines = [line for line in COMMAND_LINES if line.startswith(f"ros2 launch handos_ros {name}")]
    used = {word.partition(":=")[0] for line in lines for word in shlex.split(line, comments=True)[4:]}
    assert used and used <= known


def heading(text: str) -> str:
    """The anchor that GitHub and MkDocs make of a heading."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.+?^```", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in {heading(line) for line in re.findall(r"^#+ (.+)$", linked.read_text(), re.M)}, target


def test_every_benchmark_is_listed() -> None:
    folder = ROOT / "benchmarks"
    listed = re.findall(r"^\| `(\w+\.py)", (folder / "README.md").read_text(), re.M)
    run = {path.name for path in folder.glob("*.py") if "__main__" in path.read_text()}
    assert sorted(listed) == sorted(run - {"mediapipe_server.py"})  # which the others start


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(docs/(\w+\.md)", README))
    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")} - {"releasing.md"}


FIGURES = {
    "2D joints in labelled photos, PCK@.1": (
        "\n| annotated | PCK@.1 | {ours} |",
        "MediaPipe Hands reaches a PCK@.1 of {theirs} on",
    ),
    "hands of 40 px in a 1280x720 image found within ten frames": (
        "Of the hands of 40 px, {ours} are found within ten frames, and {theirs} by MediaPipe.",
    ),
    "one tracked hand, CPU time on one core": ("\n| 1, followed | {ours} | {theirs} |",),
}
"""Rows of docs/accuracy.md with the figures of each row of the README."""


def test_figures_of_the_readme_stand_in_accuracy() -> None:
    table = README.partition("| | handos_ros |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([^-|].*?) \| (.+?) \| (.+?) \|$", table, re.M)
    accuracy = (ROOT / "docs" / "accuracy.md").read_text()
    assert [name for name, *_ in rows] == list(FIGURES)
    for name, ours, theirs in rows:
        for passage in FIGURES[name]:
            assert passage.format(ours=ours, theirs=theirs) in accuracy, name


def test_the_readme_is_a_first_page() -> None:
    assert len(README.splitlines()) <= 120


def test_every_command_is_listed() -> None:
    page = (ROOT / "docs" / "command_line.md").read_text()
    assert sorted(set(re.findall(r"^\| `handos (\w+)", page, re.M))) == sorted(COMMANDS)


def test_every_encoding_of_images_is_listed() -> None:
    """By name, or, where each comes with 8 and with 16 bits, by what precedes the number."""
    row = re.search(r"^\| `image` \| sensor_msgs/Image.*$", (ROOT / "docs" / "ros.md").read_text(), re.M)
    assert row is not None
    families = {re.sub(r"^(bayer_|[a-z]+(?=(8|16)$)).*", r"\1", name) for name in ENCODINGS}
    assert families == set(re.findall(r"`(\w+)`", row[0])) - {"image"}


def test_options_that_pages_name_exist() -> None:
    (commands,) = build_parser()._subparsers._group_actions
    help_of = {name: command.format_help() for name, command in commands.choices.items()}
    rows = re.findall(r"^\| `handos (\w+)[^|]*\|(.+)\|$", (ROOT / "docs" / "command_line.md").read_text(), re.M)
    for name, about in rows:
        for option in re.findall(r"`(--[\w-]+)", about):
            assert option in help_of[name], (name, option)


def test_the_keys_that_are_written_are_shown() -> None:
    """Those of a hand that are its attributes need not be: docs/python.md has all of them."""
    (shown,) = blocks(ROOT / "docs" / "command_line.md", "json")
    record = frame_record(
        Frame("a", None), Camera.from_fov(640, 480), "assumed", [blank_hand()], {"name": "n", "version": "1"},
        Detail(vertices=True),
    )  # fmt: skip
    written = json.loads(shown)
    assert list(written) == list(record)
    for part in ("intrinsics", "model"):
        assert list(written[part]) == list(record[part])
    (of_hand,), (example,) = record["hands"], written["hands"]
    assert list(example) == [key for key in of_hand if key in example]
    assert list(example["wrist"]) == list(of_hand["wrist"])
    assert set(of_hand) - set(example) <= set(blank_hand().to_dict())


def test_the_reference_is_that_of_the_code() -> None:
    pytest.importorskip("handos_ros.msg", reason="no ROS, or the package is not built here")
    import generate_reference

    for path, text in generate_reference.reference().items():
        assert path.read_text() == text, "run python tools/generate_reference.py"
