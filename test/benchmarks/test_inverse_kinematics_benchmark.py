"""benchmarks/inverse_kinematics.py: what it says of hands that bend as hands do, and as none does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inverse_kinematics import figures
from made_hand import make_hand
from posed_hand import posed_hand

from handos_model.hand import Hand


def bent(curl: float) -> Hand:
    vertices, joints = posed_hand(curl)
    return replace(make_hand(), vertices=vertices, joints_3d=joints)


def test_all_angles_are_within_limits_also_of_impossible_hands() -> None:
    possible, impossible = figures([bent(0.4)]), figures([bent(-0.7)] * 2)
    assert (possible["hands"], impossible["hands"]) == (1, 2)
    assert possible["within"] == impossible["within"] == 1
    assert possible["apart"] < 0.5 and impossible["apart"] > 5
    assert possible["time"] > 0


def test_a_video_without_hands_has_no_figures() -> None:
    with pytest.raises(ValueError, match="no hand whose side is known"):
        figures([])
