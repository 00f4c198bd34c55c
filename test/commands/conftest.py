"""Fixtures of the tests of `handos predict`."""

from pathlib import Path

import pytest


@pytest.fixture
def weights(tmp_path) -> str:
    """A network that sees one hand in every image of predicted.PHOTO's size."""
    pytest.importorskip("onnx")
    from predicted import write_weights

    return write_weights(tmp_path / "fake.onnx")


@pytest.fixture
def video(tmp_path) -> Path:
    """Six frames."""
    from made_files import write_video
    from predicted import PHOTO

    return write_video(tmp_path / "in.avi", [PHOTO] * 6)
