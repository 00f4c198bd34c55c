"""The tools as they are called with options that they do not have, and with folders that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import called

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make_urdf.py --side left", "unrecognized arguments: --side left"),
        ("make_pictures.py nowhere", "there is no folder nowhere"),
        ("label_photos.py photos out --source mine", "no photo (.bmp, .jpeg, .jpg, .png, .webp) below photos"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(command: str, said: str, tmp_path: Path) -> None:
    tool, *options = command.split()
    assert called(f"tools/{tool}", *options, folder=tmp_path) == (2, f"{tool}: error: {said}")
    assert list(tmp_path.iterdir()) == []


def test_the_reference_is_not_written_by_a_request_for_help(tmp_path: Path) -> None:
    pytest.importorskip("handos_ros.msg", reason="no ROS, or the package is not built here")
    page = ROOT / "config" / "hands.yaml"
    before = page.stat().st_mtime_ns
    assert called("tools/generate_reference.py", "--help", folder=tmp_path)[0] == 0
    assert page.stat().st_mtime_ns == before
