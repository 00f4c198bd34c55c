"""The tools as they are called with options that they do not have, and with folders that do not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def called(*command: str, folder: Path) -> tuple[int, str]:
    """Exit code and last line of a tool that is started in a folder."""
    tool, *options = command
    argv = [sys.executable, str(ROOT / "tools" / tool), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=180)
    return done.returncode, (done.stdout + done.stderr).splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make_urdf.py --side left", "unrecognized arguments: --side left"),
        ("make_pictures.py nowhere", "there is no folder nowhere"),
        ("label_photos.py photos out --source mine", "no photo (.bmp, .jpeg, .jpg, .png, .webp) below photos"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(command: str, said: str, tmp_path: Path) -> None:
    tool = command.split()[0]
    assert called(*command.split(), folder=tmp_path) == (2, f"{tool}: error: {said}")
    assert list(tmp_path.iterdir()) == []


def test_the_reference_is_not_written_by_a_request_for_help(tmp_path: Path) -> None:
    pytest.importorskip("handos_ros.msg", reason="no ROS, or the package is not built here")
    page = ROOT / "config" / "hands.yaml"
    before = page.stat().st_mtime_ns
    assert called("generate_reference.py", "--help", folder=tmp_path)[0] == 0
    assert page.stat().st_mtime_ns == before
