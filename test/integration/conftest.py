"""Real nodes over Fast DDS, two processes at least. Without ROS, this folder is skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from node_process import ROOT, one_machine

from handos_model.io.inputs import open_inputs

FRAME = 40
"""Number of the clip's frame."""

os.environ.update(one_machine(os.environ))


def pytest_pycollect_makemodule() -> None:
    """Skips this folder where there is no ROS, and says so."""
    for package in ("rclpy", "handos_ros.msg"):
        pytest.importorskip(package, reason=f"no ROS, or the package is not built here: no {package}")


@pytest.fixture(scope="session", autouse=True)
def ros() -> Iterator[None]:
    """rclpy, in this process."""
    import rclpy

    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A frame of the clip that ships with the package, which shows two hands."""
    frames = iter(open_inputs([str(ROOT / "docs/demo.mp4")])[0])
    for _ in range(FRAME):
        next(frames)
    return next(frames).image
