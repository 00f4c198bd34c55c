"""The error where an optional package is missing: with the versions that are tested, as pyproject.toml has them."""

from __future__ import annotations

TESTED = {
    "av": ">=17,<19",
    "rosbags": ">=0.9.20,<0.12",
    "lz4": ">=4,<5",
    "backports.zstd": ">=1,<2",
    "pyarrow": ">=14",
    "ray": ">=2.40,<3",
    "rerun-sdk": ">=0.39,<0.42",
    "foxglove-sdk": ">=0.30,<0.31",
}
"""Versions of each package, which may be missing where the nodes are built by colcon or an extra is left out."""


def missing(what: str, package: str) -> ModuleNotFoundError:
    """The error for `what`, with which a sentence begins, where the package that it needs is not installed."""
    hint = f"pip install '{package}{TESTED[package]}'"
    return ModuleNotFoundError(f"{what} needs the package {package}, which is not installed: {hint}")
