"""The paper's figures from a network's file to the table: what is projected is what the network itself says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_network import Answer, write_network
from scipy.spatial.transform import Rotation
from small_evaluation import CAMERA, JOINTS, VERTICES, Listed, hand, sample

from handos_model.evaluation.dataset import evaluate_dataset
from handos_model.evaluation.paper.whole_image import WholeImagePredictor
from handos_model.prediction.session import HandSession
from handos_model.template.load import load_template


def pixels(points: np.ndarray) -> np.ndarray:
    seen = points @ CAMERA.K.T
    return seen[:, :2] / seen[:, 2:]


def says(moved: np.ndarray) -> Answer:
    """A network that reads the hand of VERTICES and JOINTS without a fault, but puts it `moved` m (3,) aside.

    It reads it in a view frame: turned so that the ray through the joints' centre is the axis, with the depth given as
    the width in metres that the view has there.
    """
    joints_2d = pixels(JOINTS)
    centre, size, focal = joints_2d.mean(0), np.ptp(joints_2d, axis=0).max(), CAMERA.K[0, 0]
    ray = np.append((centre - CAMERA.K[:2, 2]) / focal, 1)
    ray /= np.linalg.norm(ray)
    axis = np.cross([0, 0, 1], ray)
    turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * np.arccos(ray[2])).as_matrix()
    place = (JOINTS[0] + moved) @ turn * [1, 1, size / focal]
    joints, vertices = (JOINTS - JOINTS[0]) @ turn, (VERTICES - JOINTS[0]) @ turn
    return Answer(0.9, joints_2d, joints, vertices, np.array([*centre, size, 0]), place, np.full(21, 0.8), 1.0)


@pytest.mark.parametrize("moved", [(0, 0, 0), (0.016, 0, 0.03), (0.008, 0, 0.05)])
def test_projected_joints_are_where_the_network_puts_them(tmp_path: Path, moved: tuple[float, ...]) -> None:
    """The paper projects J3D + t with the network's t (section 3). Fitted to its 2D joints the same hand is perfect."""
    weights = write_network(tmp_path / "hands.onnx", [says(np.array(moved))], 64)
    predictor = WholeImagePredictor(HandSession(weights, "cpu"), load_template(), 64)
    figures = evaluate_dataset(Listed([sample(hand())]), predictor)["figures"]
    target = pixels(JOINTS)
    errors = np.linalg.norm(pixels(JOINTS + moved) - target, axis=1) / np.ptp(target, axis=0).max()
    for fraction in (0.05, 0.1, 0.15):
        assert figures[f"pck_proj@{fraction:g}"] == pytest.approx((errors <= fraction).mean())
        assert figures[f"pck_proj_fit@{fraction:g}"] == figures[f"pck_2d@{fraction:g}"] == 1
    assert (figures["pck_proj@0.1"] < 1) == any(moved) and figures["pck_proj@0.15"] == 1
