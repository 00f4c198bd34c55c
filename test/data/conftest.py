"""Fixtures that readers of several data sets need."""

from pathlib import Path

import pytest
from made_mano import write_mano


@pytest.fixture(scope="module")
def mano(tmp_path_factory) -> Path:
    """A folder with MANO-shaped files of both sides."""
    return write_mano(tmp_path_factory.mktemp("mano"))
