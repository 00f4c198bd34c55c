"""benchmarks/covariance.py: what it says of errors whose covariance is known."""

from __future__ import annotations

import numpy as np
import pytest
from covariance import ray_axes, summary
from made_hand import CAMERA, make_hand

from handos_model.wrist_pose import wrist_covariance


def test_errors_that_are_as_foretold() -> None:
    hand = make_hand()
    covariance = wrist_covariance(hand, CAMERA, True).reshape(6, 6)[:3, :3]
    axes = ray_axes(hand)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(axes[2], hand.translation / np.linalg.norm(hand.translation), atol=1e-6)
    own = axes @ covariance @ axes.T  # independent along its axes
    np.testing.assert_allclose(own, np.diag(np.diag(own)), atol=1e-9)
    errors = np.random.default_rng(0).multivariate_normal(np.zeros(3), covariance, 20_000) @ axes.T
    figures = summary(errors / np.sqrt(np.diag(own)))
    assert figures["hands"] == 20_000
    assert (figures["rms"], figures["within_1"], figures["within_2"]) == pytest.approx((1, 0.683, 0.954), abs=0.01)


def test_errors_by_hand() -> None:
    assert summary(np.array([[0.5, -1.5], [-3.0, 1.5]])) == {
        "hands": 2, "rms": pytest.approx(np.sqrt(13.75 / 4)), "within_1": 0.25, "within_2": 0.75,
    }  # fmt: skip
