"""Real nodes over Fast DDS, two processes at least. Without ROS, this folder is skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from node_process import one_machine

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
