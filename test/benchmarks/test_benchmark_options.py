"""The scripts of benchmarks/ as their users call them: what they say of wrong options and of data that is not there."""

from __future__ import annotations

import argparse
import re
import runpy
import sys
from pathlib import Path

import pytest
from command_line import called

ROOT = Path(__file__).resolve().parents[2]


def benchmarked(line: str) -> tuple[int, str]:
    """Exit code and last line of a script of benchmarks/."""
    name, *options = line.split()
    return called(f"benchmarks/{name}.py", *options)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("accuracy --json nowhere/a.json", "--json: is nowhere/a.json, and there is no folder nowhere: make it first"),
        ("covariance --renders -3", "--renders: is -3, must be 1 or more"),
        ("hand_range --sizes 80 0", "--sizes: is 0, must be 1 or more"),
        ("jitter --frames 2", "--frames: is 2, must be 3 or more"),
        ("mirrored --limit 1.5", "--limit: invalid int value: '1.5'"),
        ("rendered_hand --distances 0.5 0", "--distances: is 0, must be 0.1 or more"),
        ("rendered_hand --noise nan", "--noise: is nan, must be 0.0 or more"),
        ("speed --cores 0", "--cores: is 0, must be 1 or more"),
    ],
)
def test_an_option_outside_its_limits_is_refused(line: str, said: str) -> None:
    assert benchmarked(line) == (2, f"{line.split()[0]}.py: error: argument {said}")


def test_a_script_without_options_takes_none() -> None:
    assert benchmarked("translation --seed 3") == (2, "translation.py: error: unrecognized arguments: --seed 3")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("covariance --data nowhere", "covariance.py: no photo at nowhere/train/backgrounds/"),
        ("inverse_kinematics nowhere.mp4", "inverse_kinematics.py: there is no nowhere.mp4"),
        ("mirrored --data nowhere", "mirrored.py: there is no file nowhere/annotated/annotations.json: "),
        ("mirrored --data nowhere --weights nowhere.onnx", "mirrored.py: there is no "),
    ],
)
def test_data_that_is_not_there_is_named_in_one_sentence(line: str, said: str) -> None:
    code, last = benchmarked(line)
    assert code == 1 and last.startswith(said)


PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"]
COMMANDS = {line for page in PAGES for line in re.findall(r"python (benchmarks/\w+\.py[^`\n]*)", page.read_text())}


class Understood(Exception):
    """The options of a script were read without an error."""


@pytest.mark.parametrize("line", sorted(COMMANDS))
def test_a_script_understands_what_pages_give_it(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = argparse.ArgumentParser.parse_args

    def parsed(parser: argparse.ArgumentParser) -> None:
        read(parser)
        raise Understood

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    monkeypatch.setattr(sys, "argv", line.split())
    try:
        with pytest.raises(Understood):
            runpy.run_path(str(ROOT / sys.argv[0]), run_name="__main__")
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def test_every_script_reads_its_options_and_says_its_errors_in_the_same_way() -> None:
    scripts = [path for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text()]
    for path in scripts:
        if path.name != "mediapipe_server.py":  # which the others start
            text = path.read_text()
            assert "options(__doc__)" in text and text.endswith("    run_script(main)\n"), path.name
