"""Grasps of hands whose pinch is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_hand import make_hand
from posed_hand import posed_hand

from handos_model.hand import Hand
from handos_model.kinematics import grasp


def reaching_hand(side: str, opening: float) -> Hand:
    """Seen from behind at 0.6 m: fingers into the picture, thumb and index finger ahead, `opening` m apart.

    A right hand's thumb is at the left of its index finger. The back is up.
    """
    joints = np.tile([0.0, 0.0, 0.6], (21, 1))
    thumb = -1 if side == "right" else 1
    joints[1, 0], joints[6, 0] = thumb * 0.02, -thumb * 0.02
    joints[1:5, 2] += [0.03, 0.06, 0.09, 0.12]
    joints[5:9, 2] += [0.08, 0.085, 0.09, 0.12]
    joints[[3, 4], 0] = thumb * (np.array([0.01, 0.0]) + opening / 2)
    joints[[7, 8], 0] = -thumb * (np.array([0.01, 0.0]) + opening / 2)
    joints[2, 0], joints[5, 0] = thumb * 0.03, -thumb * 0.03  # the knuckles are as far to the sides
    for finger, x in ((9, 0.045), (13, 0.06), (17, 0.075)):
        joints[finger : finger + 4, 0] = -thumb * x
        joints[finger : finger + 4, 2] += [0.08, 0.10, 0.11, 0.12]
    confidence = np.full(21, 0.9, np.float32)
    confidence[8] = 0.5
    return replace(make_hand(side, score=0.8), joints_3d=joints, joint_confidence=confidence)


@pytest.mark.parametrize("opening", [0.0, 0.05])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_that_reaches_forward(side: str, opening: float) -> None:
    found = grasp(reaching_hand(side, opening))
    assert found.aperture == pytest.approx(opening, abs=1e-6)
    np.testing.assert_allclose(found.pinch_point, [0, 0, 0.72], atol=1e-6)
    np.testing.assert_allclose(found.approach, [0, 0, 1], atol=1e-6)  # into the picture
    to_index = 1 if side == "right" else -1
    np.testing.assert_allclose(found.rotation[:, 1], [to_index, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found.rotation[:, 2], [0, to_index, 0], atol=1e-6)  # x cross y
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    np.testing.assert_allclose(found.palm_normal, [0, 1, 0], atol=1e-6)  # down
    assert found.confidence == pytest.approx(0.4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_palm_of_a_hand_held_up_looks_at_the_camera(side: str) -> None:
    found = grasp(replace(make_hand(side), joints_3d=posed_hand(0.0, side)[1] + [0, 0, 0.5]))
    assert found.palm_normal[2] < -0.95
    assert found.aperture > 0.08
    outward = 1 if side == "right" else -1
    assert -outward * found.rotation[0, 1] > 0.5  # from the thumb, outside, to the index finger


def test_what_is_no_grasp_is_refused() -> None:
    with pytest.raises(ValueError, match="side is 'unknown'"):
        grasp(make_hand("unknown"))
    hand = reaching_hand("right", 0.05)
    joints = hand.joints_3d.copy()
    joints[[2, 3, 4, 7, 8]] = np.outer([4, 5, 6, 7, 8], [0.01, 0, 0]) + [0, 0, 0.68]  # beside the index finger's MCP
    with pytest.raises(ValueError, match="no grasp"):
        grasp(replace(hand, joints_3d=joints))
