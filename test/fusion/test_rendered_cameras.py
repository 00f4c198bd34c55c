"""From the pictures of two cameras to one hand, through the network that ships."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="renders hands")
from cameras import error, seen

from handos_model import HandPredictor
from handos_model.synthetic.body.person import make_studio
from handos_model.synthetic.several_cameras import make_scene


def test_two_cameras_halve_the_absolute_error_of_one() -> None:
    predictor, rng = HandPredictor(threads=1), np.random.default_rng(3)
    studio = make_studio(predictor.template)
    errors = []
    for _ in range(6):
        scene = make_scene(rng, studio)
        views = [seen(predictor, scene, rng, number) for number in range(2)]
        errors.append([*(error([view], scene) for view in views), error(views, scene)])
    found = np.array([row for row in errors if np.isfinite(row).all()])
    assert len(found) >= 2
    assert found[:, 2].mean() < found[:, :2].mean() / 2
    assert found[:, 2].mean() < 0.03
