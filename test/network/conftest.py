"""Small detectors of every kind, saved and opened."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Every kind in a folder of its name."""
    from small_detectors import MODELS, save, save_tokenizer, small_model

    root = tmp_path_factory.mktemp("detectors")
    for kind in MODELS:
        save(small_model(kind), root / kind)
    save_tokenizer(root / "grounding_dino")
    return root


@pytest.fixture(scope="module")
def detectors(folder) -> dict:
    """Every kind, opened from its folder."""
    from small_detectors import MODELS

    from handos_model.network.detectors.build import build_detector

    return {kind: build_detector(kind, str(folder / kind)) for kind in MODELS}
