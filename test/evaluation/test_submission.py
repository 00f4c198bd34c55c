"""The files for FreiHAND's and HO-3D's servers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_evaluation import JOINTS, VERTICES, Listed, Predictor, hand, predictions, sample

from handos_model.evaluation.dataset import evaluate_dataset
from handos_model.evaluation.submission import Submission


def submitted(tmp_path: Path, dataset: str, template: str = "webxr") -> tuple[np.ndarray, np.ndarray]:
    """Three images: one hand; none found; two hands, of which the second scores better."""
    answers = [[hand()], [], [hand([0.3, 0, 0], score=0.2), hand([0, 0.1, 0])]]
    submission = Submission(dataset, "evaluation", template)
    evaluate_dataset(Listed([sample(hand())] * 3), Predictor(lambda k: answers[k]), submission=submission)
    submission.write(tmp_path / "pred.zip")
    return predictions(tmp_path / "pred.zip")


def test_freihand_has_our_order_and_frame(tmp_path: Path) -> None:
    joints, vertices = submitted(tmp_path, "freihand")
    assert joints.shape == (3, 21, 3) and vertices.shape == (3, 778, 3)
    np.testing.assert_allclose(joints[0], JOINTS, atol=1e-6)
    np.testing.assert_allclose(vertices[0], VERTICES, atol=1e-6)
    assert not joints[1].any() and not vertices[1].any()
    np.testing.assert_allclose(joints[2], JOINTS + [0, 0.1, 0], atol=1e-6)


def test_ho3d_has_manos_order_and_opengls_frame(tmp_path: Path) -> None:
    joints, vertices = submitted(tmp_path, "ho3d")
    # jointsMapManoToSimple of vis_HO3D.py: wrist, then thumb to little finger
    to_ours = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
    np.testing.assert_allclose(joints[0][to_ours], JOINTS * [1, -1, -1], atol=1e-6)
    np.testing.assert_allclose(vertices[2], (VERTICES + [0, 0.1, 0]) * [1, -1, -1], atol=1e-6)
    assert (joints[[0, 2], :, 2] < 0).all()  # in front of an OpenGL camera
    assert not joints[1].any() and not vertices[1].any()


def test_fingertips_on_manos_mesh_are_the_servers_vertices(tmp_path: Path) -> None:
    joints, vertices = submitted(tmp_path, "ho3d", "mano")
    np.testing.assert_allclose(joints[0, 16:], vertices[0, [744, 333, 444, 555, 672]], atol=1e-6)  # thumb first
    joints, vertices = submitted(tmp_path, "freihand", "mano")
    np.testing.assert_allclose(joints[0, 4::4], vertices[0, [744, 320, 443, 555, 672]], atol=1e-6)


def test_no_image_is_an_empty_list(tmp_path: Path) -> None:
    Submission("ho3d", "evaluation", "mano").write(tmp_path / "empty.zip")
    joints, vertices = predictions(tmp_path / "empty.zip")
    assert joints.size == vertices.size == 0


@pytest.mark.parametrize(
    ("dataset", "split", "message"),
    [
        ("dexycb", "evaluation", "dexycb has no submission file; these have one: freihand, ho3d"),
        ("freihand", "training", "a submission is of the split evaluation, got training"),
    ],
)
def test_submission_refuses(dataset: str, split: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Submission(dataset, split, "mano")
