"""OpenXR's joints: names as the specification's, poses as a hand held up to the camera must have them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_hand import make_hand
from posed_hand import palm_in_one_bone, posed_hand

from handos_model.hand import Hand
from handos_model.kinematics import OPENXR_JOINTS, OPENXR_RADII, HandSkeleton, openxr
from handos_model.template.load import load_template

ENUM = """XR_HAND_JOINT_PALM_EXT XR_HAND_JOINT_WRIST_EXT XR_HAND_JOINT_THUMB_METACARPAL_EXT
XR_HAND_JOINT_THUMB_PROXIMAL_EXT
XR_HAND_JOINT_THUMB_DISTAL_EXT XR_HAND_JOINT_THUMB_TIP_EXT XR_HAND_JOINT_INDEX_METACARPAL_EXT
XR_HAND_JOINT_INDEX_PROXIMAL_EXT XR_HAND_JOINT_INDEX_INTERMEDIATE_EXT XR_HAND_JOINT_INDEX_DISTAL_EXT
XR_HAND_JOINT_INDEX_TIP_EXT XR_HAND_JOINT_MIDDLE_METACARPAL_EXT XR_HAND_JOINT_MIDDLE_PROXIMAL_EXT
XR_HAND_JOINT_MIDDLE_INTERMEDIATE_EXT XR_HAND_JOINT_MIDDLE_DISTAL_EXT XR_HAND_JOINT_MIDDLE_TIP_EXT
XR_HAND_JOINT_RING_METACARPAL_EXT XR_HAND_JOINT_RING_PROXIMAL_EXT XR_HAND_JOINT_RING_INTERMEDIATE_EXT
XR_HAND_JOINT_RING_DISTAL_EXT XR_HAND_JOINT_RING_TIP_EXT XR_HAND_JOINT_LITTLE_METACARPAL_EXT
XR_HAND_JOINT_LITTLE_PROXIMAL_EXT XR_HAND_JOINT_LITTLE_INTERMEDIATE_EXT XR_HAND_JOINT_LITTLE_DISTAL_EXT
XR_HAND_JOINT_LITTLE_TIP_EXT""".split()
"""XrHandJointEXT of the OpenXR 1.1 specification, in order from 0."""


# Of a right hand held up to the camera (x right, y down, z away from it), in mm from the wrist: the middle metacarpal
# begins at (3.4, -29.1, -6.1) and ends at the knuckle (1.7, -91.6, -2.5); the knuckles of index, ring and little finger
# are at (23.6, -88.5, -7.3), (-17.5, -84.7, -6.5) and (-35.1, -73.9, -13.7). Half the cross products of neighbouring
# knuckles add up to the palm's area times the normal of its back, (-0.11, -0.02, 0.99).
PALM_AND_WRIST = (
    # name, -z: from the metacarpal's start to its knuckle, from the wrist to that start; y: the normal, across -z
    ("palm", (-0.027, -0.998, 0.056), (-0.110, 0.059, 0.992)),
    ("wrist", (0.115, -0.973, -0.202), (-0.093, -0.213, 0.973)),
)


def held_up(side: str, curl: float = 0.0) -> Hand:
    """Half a metre in front of the camera, palm towards it, fingers up."""
    vertices, joints = posed_hand(curl, side)
    place = np.array([0.0, 0.0, 0.5])
    return replace(make_hand(side), joints_3d=joints + place, vertices=vertices + place, translation=place)


def test_names_are_those_of_the_specification() -> None:
    assert [f"XR_HAND_JOINT_{name.upper()}_EXT" for name in OPENXR_JOINTS] == ENUM
    assert len(OPENXR_RADII) == 26 and min(OPENXR_RADII) > 0.004


@pytest.mark.parametrize("side", ["left", "right"])
def test_palm_and_wrist_of_a_hand_held_up(side: str) -> None:
    found = openxr(held_up(side), None)
    assert found.valid.all()
    mirror = np.array([1, 1, 1] if side == "right" else [-1, 1, 1])
    for name, ahead, back in PALM_AND_WRIST:
        x, y, z = found.rotations[OPENXR_JOINTS.index(name)].T
        np.testing.assert_allclose([-z, y], [ahead, back] * mirror, atol=0.01, err_msg=name)  # half a degree
        np.testing.assert_allclose(x, np.cross(y, z), atol=1e-9)
    np.testing.assert_allclose(found.positions[OPENXR_JOINTS.index("wrist")], [0, 0, 0.5], atol=1e-6)
    # The middle metacarpal of the template runs from 29 to 92 mm above the wrist: its middle is 60 mm up.
    outward = 1 if side == "right" else -1
    palm = found.positions[OPENXR_JOINTS.index("palm")] - [0, 0, 0.5]
    np.testing.assert_allclose(palm, [outward * 0.0026, -0.0604, -0.0043], atol=2e-3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_every_bone_points_to_its_fingertip(side: str) -> None:
    found = openxr(held_up(side, 0.5))
    np.testing.assert_allclose(found.rotations.transpose(0, 2, 1) @ found.rotations, [np.eye(3)] * 26, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(found.rotations), 1)
    for joint, name in enumerate(OPENXR_JOINTS[:-1]):
        if joint > 1 and not name.endswith("tip"):
            bone = found.positions[joint + 1] - found.positions[joint]
            np.testing.assert_allclose(-found.rotations[joint, :, 2], bone / np.linalg.norm(bone), atol=1e-5)
            if "thumb" not in name and name.endswith(("metacarpal", "proximal")):
                assert found.rotations[joint, 2, 1] > 0.7, name  # away from the camera
    tips = [OPENXR_JOINTS.index(f"{finger}_tip") for finger in ("thumb", "index", "middle", "ring", "little")]
    np.testing.assert_allclose(found.rotations[tips], found.rotations[np.array(tips) - 1])


@pytest.mark.parametrize("side", ["left", "right"])
def test_metacarpals_are_where_the_mesh_has_them(side: str) -> None:
    template = load_template()
    found = openxr(held_up(side, 0.7))
    starts = template.bone_frames[[template.bone_names.index(f"{finger}-finger-metacarpal")
                                   for finger in ("index", "middle", "ring", "pinky")], :3, 3]  # fmt: skip
    to_camera = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
    expected = starts * ([-1, 1, 1] if side == "left" else [1, 1, 1]) @ to_camera.T + [0, 0, 0.5]
    places = [OPENXR_JOINTS.index(f"{finger}_metacarpal") for finger in ("index", "middle", "ring", "little")]
    np.testing.assert_allclose(found.positions[places], expected, atol=1e-5)


def test_what_only_the_mesh_knows_is_invalid_without_it() -> None:
    hand = held_up("right")
    found = openxr(replace(hand, vertices=hand.vertices[:0]))
    unknown = [name for name, valid in zip(OPENXR_JOINTS, found.valid, strict=True) if not valid]
    assert unknown == ["palm", *(f"{finger}_metacarpal" for finger in ("index", "middle", "ring", "little"))]
    np.testing.assert_array_equal(found.positions[~found.valid], 0)
    assert openxr(hand, HandSkeleton(palm_in_one_bone())).valid.tolist() == found.valid.tolist()


def test_a_hand_without_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="side is 'unknown'"):
        openxr(make_hand("unknown"))


def test_a_mesh_that_has_no_metacarpals_to_give_is_refused() -> None:
    hand = held_up("right")
    with pytest.raises(ValueError, match=r"the mesh has the shape \(700, 3\), must be \(778, 3\)"):
        openxr(replace(hand, vertices=hand.vertices[:700]))
    with pytest.raises(ValueError, match="the mesh holds NaN or infinity, must be finite"):
        openxr(replace(hand, vertices=hand.vertices * np.float32(np.nan)))
