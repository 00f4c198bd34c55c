"""MANO's theta and beta of hands that were made of known ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_hand import make_hand
from made_mano import made_layer, write_mano

from handos_model.kinematics.mano_parameters import ManoFitter, mano_parameters
from handos_model.template.mano_layer import rotations


def known(side: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pose = np.concatenate([rng.normal(size=3), made_layer(side).mean_pose + rng.normal(0, 0.35, 45)])
    return pose, rng.normal(size=10), np.array([0.1, 0.05, 0.6])


def of_joint(pose: np.ndarray) -> np.ndarray:
    return rotations(pose.reshape(16, 3))


@pytest.mark.parametrize("side", ["right", "left"])
def test_parameters_come_back_from_a_mesh(side: str) -> None:
    layer = made_layer(side)
    pose, shape, place = known(side, 0)
    vertices, joints = layer(pose, shape, place)
    found = mano_parameters(replace(make_hand(side), vertices=vertices, joints_3d=joints), layer, mesh=True)
    assert found.error < 2e-4
    turned = np.einsum("jab,jab->j", of_joint(pose), of_joint(found.pose))
    assert np.degrees(np.arccos(np.clip((turned - 1) / 2, -1, 1))).max() < 3
    np.testing.assert_allclose(found.shape, shape, atol=0.5)  # the made shapes move vertices by 0.2 mm
    np.testing.assert_allclose(layer(found.pose, found.shape, found.translation)[0], vertices, atol=1e-3)


def test_joints_alone_give_a_hand_with_these_joints() -> None:
    layer = made_layer("right")
    pose, shape, place = known("right", 1)
    vertices, joints = layer(pose, shape, place)
    hand = replace(make_hand(), vertices=np.full_like(vertices, 9), joints_3d=joints)  # another template's
    found = mano_parameters(hand, layer)
    again, joints_again = layer(found.pose, found.shape, found.translation)
    assert found.error < 1e-3
    np.testing.assert_allclose(joints_again, joints, atol=2e-3)
    assert np.linalg.norm(again - vertices, axis=1).mean() < 4e-3


def test_a_hand_of_no_side_has_none(tmp_path) -> None:
    hand = replace(make_hand(), side="unknown")
    assert ManoFitter(write_mano(tmp_path / "mano"), mesh=False).record(hand) is None
    with pytest.raises(ValueError, match="side is 'unknown', must be left or right"):
        mano_parameters(hand, made_layer("right"))
    with pytest.raises(ValueError, match="NaN or infinity"):
        mano_parameters(replace(make_hand(), joints_3d=np.full((21, 3), np.nan)), made_layer("right"))
