"""Fast DDS settings for large images and clean shutdown: config/fastdds.xml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

BEFORE_KILTED = ("humble", "iron", "jazzy")
"""Distributions with a Fast DDS before version 3, which renamed the variable."""
VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""Environment variables that name a settings file, from Fast DDS 3 on and before it."""


def profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns what to add to `environment` for a process that sends images: nothing if the user has set a file."""
    if any(name in environment for name in VARIABLES):
        return {}
    name = VARIABLES[environment.get("ROS_DISTRO") in BEFORE_KILTED]
    return {name: str(Path(get_package_share_directory("handos_ros")) / "config" / "fastdds.xml")}
