"""The first things that a newcomer meets: packages, hints, missing tools, a picture to try."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from handos_model import HandPredictor
from handos_model.io.image_file import read_image
from handos_model.optional_package import TESTED, missing

ROOT = Path(__file__).resolve().parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text()
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
SOURCES = [path for folder in ("handos_model", "handos_ros") for path in (ROOT / folder).rglob("*.py")]
NEEDED = {
    "c++": "A C++ compiler is needed for the ROS messages: apt install g++",
    "ensurepip": "Python's venv is needed: apt install python3-venv",
    "Python.h": "Python's headers are needed for the ROS messages: apt install python3-dev",
}


def test_opencv_needs_no_window_system() -> None:
    assert set(re.findall(r"opencv[a-z-]*", PROJECT)) == {"opencv-python-headless"}
    if "opencv_python_headless" in str(list(Path(cv2.__file__).parents[1].glob("opencv*"))):
        assert re.search(r"GUI:\s+NONE", cv2.getBuildInformation())


def test_onnx_runtime_is_in_no_extra_as_its_packages_have_the_same_files() -> None:
    assert re.findall(r'"(onnxruntime[a-z-]*)', PROJECT) == ["onnxruntime"]


@pytest.mark.parametrize("package", TESTED)
def test_a_hint_installs_the_versions_that_are_tested(package: str) -> None:
    """Whatever is hinted at without the checkout, where its extras have no name."""
    assert set(re.findall(rf'"{re.escape(package)}([^";]*)[";]', PROJECT)) == {TESTED[package]}
    assert missing("It", package).args[0].endswith(f": pip install '{package}{TESTED[package]}'")


def test_onnx_runtime_is_told_to_call_nobody_before_it_is_imported() -> None:
    code = """
import os, sys
class Watch:
    def find_spec(self, name, *_):
        if name == "onnxruntime":
            print(os.environ.get("ORT_DISABLE_TELEMETRY"))
sys.meta_path.insert(0, Watch())
import handos_model
"""
    bare = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], env=bare, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["1"], done.stderr


def names_of(lines: str) -> set[str]:
    """Modules of the packages that a part of pyproject.toml requires."""
    called = {"opencv-python-headless": "cv2", "pyyaml": "yaml", "pillow": "PIL"}
    found = re.findall(r'^(?:\w+ = \[)?\s*"([\w.-]+)', lines, re.M)
    return {called.get(name, name.replace("-", "_")) for name in found}


@pytest.mark.parametrize("command", ["predict", "fuse"])
def test_hands_and_their_fusion_need_what_is_always_installed_alone(tmp_path: Path, command: str) -> None:
    base = PROJECT.partition("\ndependencies = [")[2].partition("\n]")[0]
    extras = PROJECT.partition("[project.optional-dependencies]")[2].partition("[project.scripts]")[0]
    assert {"numpy", "cv2", "tqdm"} < names_of(base) and {"torch", "rosbags"} < names_of(extras)
    code = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in sys.argv[1].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from handos_model.cli import main
sys.exit(main(sys.argv[2:]))
"""
    (tmp_path / "cameras.yaml").write_text("cameras: [")
    given = {
        "predict": [str(ROOT / "docs/images/try.jpg"), "--out", str(tmp_path / "o.npz"), "--threads", "1"],
        "fuse": [
            "a.jsonl",
            "b.jsonl",
            "--extrinsics",
            str(tmp_path / "cameras.yaml"),
            "--out",
            str(tmp_path / "o.jsonl"),
        ],
    }
    argv = [sys.executable, "-c", code, " ".join(names_of(extras) - names_of(base)), command, *given[command]]
    done = subprocess.run(
        argv, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    if command == "predict":
        assert (done.returncode, (tmp_path / "o.npz").exists()) == (0, True), done.stderr
    else:
        assert f"extrinsics file {tmp_path / 'cameras.yaml'} cannot be read: " in done.stderr, done.stderr


def test_no_hint_names_a_project_that_is_not_ours_on_pypi() -> None:
    for path in [*PAGES, *SOURCES]:
        for command in re.findall(r"pip install [^`\n]*", path.read_text()):
            assert "handos" not in command, f"{path}: {command}"


def test_the_peer_of_the_benchmarks_is_in_no_extra() -> None:
    assert "mediapipe" not in PROJECT


def test_the_picture_to_try_has_hands() -> None:
    (named,) = set(re.findall(r"handos predict (docs/images/\S+)", (ROOT / "README.md").read_text()))
    assert HandPredictor(threads=1).predict(read_image(ROOT / named))


@pytest.mark.parametrize("missing", NEEDED)
def test_a_missing_tool_is_said_before_anything_is_built(tmp_path: Path, missing: str) -> None:
    """A Python of a script stands in for one without a part."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "touch"):
        (tools / name).symlink_to(str(shutil.which(name)))
    if missing != "c++":
        (tools / "c++").touch(mode=0o755)
    python = tools / "python3"
    python.write_text(f'#!/bin/sh\ncase "$2" in *{missing}*) exit 1;; *venv*) echo built; exit 1;; *) exit 0;; esac\n')
    python.chmod(0o755)
    make = [str(shutil.which("make")), "--file", str(ROOT / "Makefile"), "PYTHON=python3", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(
        [*make, "demo"], cwd=ROOT, env={"PATH": str(tools)}, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 2
    assert NEEDED[missing] in done.stdout and "built" not in done.stdout
    assert not (tmp_path / "venv").exists()


def test_a_virtual_environment_that_was_made_by_half_is_made_again(tmp_path: Path) -> None:
    """A Python of a script stands in for one that the disk has no room for."""
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\n[ "$2" = venv ] || exit 0\nmkdir -p "$3/bin"\ntouch "$3/bin/python"\nexit 1\n')
    python.chmod(0o755)
    venv = tmp_path / "venv"
    make = ["make", f"PYTHON={python}", f"VENV={venv}", f"{venv}/bin/python"]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 2 and (venv / "bin").is_dir() and not (venv / "bin" / "python").exists()


@pytest.mark.parametrize(
    ("made_in", "goal", "code"), [("elsewhere", "demo", 2), ("elsewhere", "clean", 0), ("", "demo", 0)]
)
def test_a_virtual_environment_of_another_place_is_named(tmp_path: Path, made_in: str, goal: str, code: int) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "activate").write_text(f'VIRTUAL_ENV="{tmp_path / made_in / "venv"}"\n')
    make = ["make", "--dry-run", goal, f"VENV={venv}"]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code
    says = f"{venv} was made in another place, as before a checkout was moved: remove it (rm -r {venv}) and call "
    assert (says in done.stderr) == (code == 2)


def test_a_path_may_hold_spaces() -> None:
    make = ["make", "--dry-run", "demo", "VIDEO=my clips/hand one.mp4"]
    commands = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert shlex.split(commands[-1])[1:] == ["scripts/demo", "--video", "my clips/hand one.mp4"]


@pytest.mark.parametrize("name", ["my robots", "röbots", "a:b", "it's"])
def test_a_folder_in_which_messages_cannot_be_built_is_refused_before_anything_is_installed(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    done = subprocess.run(["make", "--dry-run", "demo"], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"This folder is {folder}, its path must have only ASCII letters, digits and . _ + @ ~ -" in done.stderr


def test_the_apt_line_of_the_readme_brings_what_the_makefile_asks_for() -> None:
    (line,) = re.findall(r"apt install (python3-venv [^`]*)`", (ROOT / "README.md").read_text())
    asked = re.findall(r"apt install ([\w+-]+)", (ROOT / "Makefile").read_text())
    assert {*asked, "make", "git"} == set(line.split())
