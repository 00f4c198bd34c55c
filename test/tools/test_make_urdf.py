"""urdf/: what a URDF parser makes of the hands, and that they bend as the template does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yourdfpy
from make_urdf import hand_urdf
from posed_hand import bone_rotations

from handos_model.hand import FINGERS
from handos_model.kinematics import ANGLE_NAMES, HIGHEST, LOWEST, wrist_frame
from handos_model.template.hand_template import skin
from handos_model.template.load import load_template

FOLDER = Path(__file__).resolve().parents[2] / "urdf"
SIDES = ("left", "right")
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
CUPPED = np.array([name.endswith("_cmc_flexion") for name in np.array(ANGLE_NAMES).ravel()]).reshape(5, 5)
CUPPED[0] = False  # the thumb's bends no palm


@pytest.fixture(params=SIDES)
def side(request) -> str:
    return request.param


@pytest.fixture
def robot(side: str):
    return yourdfpy.URDF.load(str(FOLDER / f"{side}_hand.urdf"))


def test_the_files_are_what_the_script_writes(side: str) -> None:
    """Up to the last digits of numbers, which differ between processors."""
    written, new = (FOLDER / f"{side}_hand.urdf").read_text(), hand_urdf(side)
    assert NUMBER.sub("0", written) == NUMBER.sub("0", new), "run python tools/make_urdf.py"
    numbers = [[float(number.group()) for number in NUMBER.finditer(text)] for text in (written, new)]
    assert numbers[0] == pytest.approx(numbers[1], abs=3e-6), "run python tools/make_urdf.py"


def test_joints_are_those_of_joint_states_with_their_limits(side: str, robot) -> None:
    names = [f"{side}_{name}" for name in np.array(ANGLE_NAMES).ravel()]
    assert set(robot.actuated_joint_names) == set(names)
    assert robot.base_link == f"{side}_hand"
    mimics = {name: joint.mimic.joint for name, joint in robot.joint_map.items() if joint.mimic}
    assert mimics == {f"{side}_palm_{finger}": f"{side}_{finger}_cmc_flexion" for finger in FINGERS[1:]}
    assert robot.validate() or not robot.errors
    low, high = np.radians(LOWEST).ravel(), np.radians(HIGHEST).ravel()
    for name, lowest, highest in zip(names, low, high, strict=True):
        limit = robot.joint_map[name].limit
        assert (limit.lower, limit.upper) == pytest.approx((lowest, highest), abs=1e-6)


def test_it_bends_as_the_template_does(side: str, robot) -> None:
    template, rng = load_template(), np.random.default_rng(5)
    mirror = np.array([-1.0 if side == "left" else 1.0, 1, 1])
    regressor = template.joint_regressor.astype(np.float64)
    for angles in [np.radians(HIGHEST * CUPPED), *np.radians(rng.uniform(LOWEST, HIGHEST, (20, 5, 5)))]:
        joints = regressor @ (skin(template, bone_rotations(template, angles)) * mirror)
        position, rotation = wrist_frame(joints, side)  # as on /tf: it follows the knuckles, which cupping moves
        joints = (joints - position) @ rotation
        names = np.array(ANGLE_NAMES).ravel()
        robot.update_cfg({f"{side}_{name}": angle for name, angle in zip(names, angles.ravel(), strict=True)})
        for number, finger in enumerate(FINGERS):
            tip = robot.get_transform(f"{side}_{finger}_tip", f"{side}_hand")[:3, 3]
            np.testing.assert_allclose(tip, joints[4 * number + 4], atol=4e-3)  # a regressor is no bone: skin slides
            links = ("metacarpal", "proximal", "distal") if number == 0 else ("proximal", "intermediate", "distal")
            for joint, link in enumerate(links, start=1):
                place = robot.get_transform(f"{side}_{finger}_{link}", f"{side}_hand")[:3, 3]
                np.testing.assert_allclose(place, joints[4 * number + joint], atol=2e-3)
