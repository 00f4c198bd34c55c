"""Angles of hands that were posed by them, of either side, any shape; and of what is no possible hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_hand import make_hand
from posed_hand import bone_rotations, palm_in_one_bone, rotation

from handos_model.hand import Hand
from handos_model.kinematics import HIGHEST, LOWEST, HandSkeleton, anatomical, fit_hand, joint_angles, openxr
from handos_model.template.hand_template import HandTemplate, skin
from handos_model.template.load import load_template

TEMPLATE = load_template()


def hand_of(
    angles: np.ndarray, side: str, rng: np.random.Generator, template: HandTemplate = TEMPLATE, shaped: bool = True
) -> Hand:
    """A hand of these angles (5, 5) rad, of random shape, turned any way, half a metre from the camera."""
    bones = len(template.bone_names)
    lengths = rng.uniform(0.9, 1.1, bones) if shaped else np.ones(bones)
    girth = rng.uniform(0.85, 1.15) if shaped else 1.0
    vertices = skin(template, bone_rotations(template, angles), lengths * girth, girth).astype(np.float64)
    vertices = vertices * ([-1, 1, 1] if side == "left" else [1, 1, 1])
    vertices = vertices @ rotation(tuple(rng.normal(size=3)), rng.uniform(0, 3)).T + [0.1, -0.05, 0.5]
    joints = template.joint_regressor @ vertices
    return replace(make_hand(side), vertices=vertices, joints_3d=joints, translation=joints[0])


def random_angles(rng: np.random.Generator) -> np.ndarray:
    return np.radians(rng.uniform(LOWEST, HIGHEST))


@pytest.mark.parametrize("side", ["left", "right"])
def test_angles_and_mesh_of_random_poses_come_back(side: str) -> None:
    rng = np.random.default_rng(11)
    wrong, apart = [], []
    for _ in range(100):
        angles = random_angles(rng)
        hand = hand_of(angles, side, rng)
        fit = fit_hand(hand)
        wrong.append(np.degrees(np.abs(fit.angles - angles)))
        apart.append(np.linalg.norm(fit.vertices - hand.vertices, axis=1))
    assert np.median(wrong) < 0.2 and np.max(wrong) < 2
    assert np.median(apart) < 2e-4 and np.max(apart) < 2e-3


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_of_the_template_s_shape_comes_back_with_its_wrist(side: str) -> None:
    rng = np.random.default_rng(12)
    angles = random_angles(rng)
    hand = hand_of(angles, side, rng, shaped=False)
    fit = fit_hand(hand)
    np.testing.assert_allclose(fit.angles, angles, atol=np.radians(0.05))
    np.testing.assert_allclose(fit.position, hand.joints_3d[0], atol=1e-4)
    template = TEMPLATE.mirrored() if side == "left" else TEMPLATE
    wrist_vertices = TEMPLATE.skinning_weights[:, 0] > 0.999
    expected = template.vertices[wrist_vertices] @ fit.rotation.T + fit.position
    np.testing.assert_allclose(expected, hand.vertices[wrist_vertices], atol=2e-4)
    np.testing.assert_allclose(fit.lengths, 1, atol=5e-3)
    np.testing.assert_allclose(fit.thickness, 1, atol=5e-3)


def test_the_mesh_is_that_of_its_angles_lengths_and_girths() -> None:
    rng = np.random.default_rng(13)
    fit = fit_hand(hand_of(random_angles(rng), "right", rng))
    mesh = skin(TEMPLATE, bone_rotations(TEMPLATE, fit.angles), fit.lengths, fit.thickness)
    np.testing.assert_allclose(mesh @ fit.rotation.T + fit.position, fit.vertices, atol=1e-6)


@pytest.mark.parametrize("finger", range(5))
@pytest.mark.parametrize("column", range(5))
def test_one_angle_beyond_its_limit_stays_at_it(finger: int, column: int) -> None:
    angles = np.radians((LOWEST + HIGHEST) / 2)
    angles[finger, column] = np.radians(HIGHEST[finger, column] + 25)
    fit = fit_hand(hand_of(angles, "right", np.random.default_rng(14), shaped=False))
    assert np.degrees(fit.angles[finger, column]) > HIGHEST[finger, column] - 6
    within_limits(fit.angles)


def within_limits(angles: np.ndarray) -> None:
    degrees = np.degrees(angles)
    assert (degrees >= LOWEST - 1e-6).all() and (degrees <= HIGHEST + 1e-6).all()


def test_whatever_comes_is_made_possible() -> None:
    rng = np.random.default_rng(15)
    hands = [hand_of(random_angles(rng) * 3, "left", rng)]
    hands += [replace(hand, vertices=hand.vertices + rng.normal(0, 0.02, (778, 3))) for hand in hands]
    hands += [replace(hands[0], vertices=rng.normal(0, 0.1, (778, 3))), replace(hands[0], side="right")]
    hands += [replace(hands[0], vertices=np.zeros((778, 3)))]
    skeleton = HandSkeleton(TEMPLATE)
    for hand in hands:
        fit = fit_hand(hand, skeleton)
        within_limits(fit.angles)
        assert np.isfinite(fit.vertices).all()


def test_an_anatomical_hand() -> None:
    rng = np.random.default_rng(16)
    angles = random_angles(rng)
    angles[1, 2] = np.radians(-40)  # an index finger bent backwards at its PIP joint
    impossible = hand_of(angles, "right", rng)
    unknown = replace(impossible, side="unknown")
    possible, same = anatomical([impossible, unknown])
    assert same is unknown
    within_limits(joint_angles(possible))
    assert np.degrees(joint_angles(possible)[1, 2]) == pytest.approx(LOWEST[1, 2], abs=1)
    np.testing.assert_allclose(TEMPLATE.joint_regressor @ possible.vertices, possible.joints_3d, atol=1e-6)
    np.testing.assert_array_equal(possible.translation, possible.joints_3d[0])
    np.testing.assert_array_equal(possible.joints_2d, impossible.joints_2d)
    assert possible.vertices.dtype == np.float32
    assert anatomical([]) == []


def test_a_template_without_metacarpals() -> None:
    template, rng = palm_in_one_bone(), np.random.default_rng(17)
    angles = random_angles(rng)
    angles[1:, 4] = 0
    hand = hand_of(angles, "right", rng, template, shaped=False)
    found = joint_angles(hand, HandSkeleton(template))
    np.testing.assert_allclose(found, angles, atol=np.radians(0.1))


def test_a_template_of_other_bones_is_refused() -> None:
    with pytest.raises(ValueError, match="has no bones 'thumb-metacarpal', 'thumb-phalanx-proximal'"):
        HandSkeleton(replace(TEMPLATE, bone_names=tuple(f"bone {number}" for number in range(20))))


@pytest.mark.parametrize("of", [joint_angles, openxr, lambda hand: anatomical([hand])])
def test_a_mesh_of_another_template_is_not_taken_for_the_embedded_one_s(of: Callable) -> None:
    hand = make_hand()
    of(hand)
    other = replace(hand, vertices=hand.vertices[np.random.default_rng(18).permutation(778)])  # MANO's order is another
    with pytest.raises(ValueError, match=r"not of the embedded template: pass skeleton=HandSkeleton\(predictor"):
        of(other)


def test_what_has_no_angles_is_refused() -> None:
    hand = make_hand()
    with pytest.raises(ValueError, match="side is 'unknown', must be left or right"):
        fit_hand(make_hand("unknown"))
    with pytest.raises(ValueError, match=r"the mesh has the shape \(0, 3\), must be \(778, 3\)"):
        joint_angles(replace(hand, vertices=hand.vertices[:0]))
    broken = hand.vertices.copy()
    broken[5] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        fit_hand(replace(hand, vertices=broken))
