"""The example that both files of tests here load."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def example() -> ModuleType:
    """examples/lerobot_dataset.py, which is no module of a package."""
    path = Path(__file__).resolve().parents[2] / "examples" / "lerobot_dataset.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
