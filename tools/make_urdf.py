"""Writes urdf/left_hand.urdf and urdf/right_hand.urdf: the embedded template as robots, for joint states of its angles.

    python tools/make_urdf.py

The root link is the wrist's frame that hands_node sends on /tf, <side>_hand. Every other link has x along its bone and
z out of its back, as finger_frames. A joint is called as in hands/joint_states, and has the limits of handos_model.
The wrist's frame follows the knuckles, which cupping the palm moves, but the bones start from the wrist's own bone:
so joints that mimic those that cup the palm turn the link <side>_palm, from which all fingers start, against the root.
"""

from __future__ import annotations

import argparse
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np

from handos_model.hand import FINGERS, FINGERTIPS, KNOWN_SIDES
from handos_model.kinematics.frames import wrist_frame
from handos_model.kinematics.openxr_joints import OPENXR_JOINTS, OPENXR_RADII
from handos_model.template.anatomy import ANGLE_NAMES, HIGHEST, LOWEST, finger_bones
from handos_model.template.hand_template import HandTemplate, skin
from handos_model.template.load import load_template

FOLDER = Path(__file__).resolve().parents[1] / "urdf"
LINKS = ("metacarpal", "proximal", "intermediate", "distal")
TO_LINK = np.array([[0.0, -1, 0], [0, 0, 1], [-1, 0, 0]])  # axes of a link in those of its bone, whose -z is along it
MOTIONS = ("abduction", "flexion", "twist")  # in the order in which they turn a bone
SPEED, EFFORT = 20.0, 5.0  # rad/s and Nm, more than fingers do: URDF wants numbers
SKIN = {"left": "0.35 0.6 0.85 0.8", "right": "0.95 0.6 0.3 0.8"}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(exist_ok=True)
    for side in KNOWN_SIDES:
        (FOLDER / f"{side}_hand.urdf").write_text(hand_urdf(side))


def hand_urdf(side: str) -> str:
    """The text of one hand's URDF."""
    template = load_template() if side == "right" else load_template().mirrored()
    frames = template.bone_frames.astype(np.float64)
    frames[:, :3, :3] = frames[:, :3, :3] @ TO_LINK  # a left hand's stay right-handed: it is mirrored on both sides
    joints = template.joint_regressor.astype(np.float64) @ template.vertices
    robot = ET.Element("robot", name=f"{side}_hand")
    ET.SubElement(ET.SubElement(robot, "material", name="skin"), "color", rgba=SKIN[side])
    root = np.eye(4)
    root[:3, 3], root[:3, :3] = wrist_frame(joints, side)
    ET.SubElement(robot, "link", name=f"{side}_hand")
    palm = _add_palm(robot, side, template, joints)
    for finger, bones in enumerate(finger_bones(template)):
        name, parent, before = f"{side}_{FINGERS[finger]}", palm, root
        there = [level for level, bone in enumerate(bones) if bone >= 0]
        for level in there:
            frame = frames[bones[level]]
            last = level == there[-1]
            end = joints[FINGERTIPS[finger]] if last else frames[bones[there[there.index(level) + 1]], :3, 3]
            link = f"{name}_{LINKS[level]}"
            _add_joints(robot, side, finger, level, parent, link, np.linalg.inv(before) @ frame)
            radius = OPENXR_RADII[OPENXR_JOINTS.index(f"{FINGERS[finger]}_{LINKS[level]}")]
            _add_link(robot, link, (end - frame[:3, 3]) @ frame[:3, :3], min(radius, 0.011))
            parent, before = link, frame
        tip = np.eye(4)
        tip[:3, 3] = (joints[FINGERTIPS[finger]] - before[:3, 3]) @ before[:3, :3]
        _add_joint(robot, f"{name}_tip_fixed", "fixed", parent, f"{name}_tip", tip)
        ET.SubElement(robot, "link", name=f"{name}_tip")
    ET.indent(robot)
    return f'<?xml version="1.0"?>\n<!-- Written by tools/make_urdf.py. -->\n{ET.tostring(robot, "unicode")}\n'


def _add_palm(robot: ET.Element, side: str, template: HandTemplate, joints: np.ndarray) -> str:
    """Links that turn with the fingers' cmc_flexion, so that the root is the wrist's frame; returns the last one."""
    rest, parent = wrist_frame(joints, side)[1], f"{side}_hand"
    for finger, name in enumerate(FINGERS[1:], start=1):
        most = float(np.radians(HIGHEST[finger, ANGLE_NAMES[finger].index(f"{name}_cmc_flexion")]))
        angle = most / 2
        rotations = np.tile(np.eye(3), (len(template.bone_names), 1, 1))
        rotations[finger_bones(template)[finger, 0]] = cv2.Rodrigues(np.array([-angle, 0.0, 0.0]))[0]
        cupped = wrist_frame(template.joint_regressor.astype(np.float64) @ skin(template, rotations), side)[1]
        turn = cv2.Rodrigues(cupped.T @ rest)[0].ravel() / angle  # for each rad: nearly the same for every angle
        factor = float(np.linalg.norm(turn))
        child = f"{side}_palm" if name == FINGERS[-1] else f"{side}_palm_{name}_turned"
        limits = np.array([0, factor * most])
        added = _add_revolute(robot, f"{side}_palm_{name}", parent, child, np.eye(4), turn / factor, limits)
        ET.SubElement(added, "mimic", joint=f"{side}_{name}_cmc_flexion", multiplier=f"{factor:.6f}")
        ET.SubElement(robot, "link", name=child)
        parent = child
    return parent


def _add_joints(
    robot: ET.Element, side: str, finger: int, level: int, parent: str, link: str, place: np.ndarray
) -> None:
    """Revolute joints for all motions of a bone, one after another, with empty links between."""
    joint = (("cmc", "mcp", "", "ip") if finger == 0 else ("cmc", "mcp", "pip", "dip"))[level]
    names = [f"{FINGERS[finger]}_{joint}_{motion}" for motion in MOTIONS]
    names = [name for name in names if name in ANGLE_NAMES[finger]]
    for number, name in enumerate(names):
        child = link if number == len(names) - 1 else f"{link}_{name.rpartition('_')[2]}"
        mirror = -1 if side == "left" else 1
        axis = {"abduction": (0, 0, mirror), "flexion": (0, 1, 0), "twist": (-mirror, 0, 0)}[name.rpartition("_")[2]]
        column = ANGLE_NAMES[finger].index(name)
        limits = np.radians([angles[finger, column] for angles in (LOWEST, HIGHEST)])
        _add_revolute(robot, f"{side}_{name}", parent, child, place, np.array(axis), limits)
        if child != link:
            ET.SubElement(robot, "link", name=child)
        parent, place = child, np.eye(4)


def _add_revolute(
    robot: ET.Element, name: str, parent: str, child: str, place: np.ndarray, axis: np.ndarray, limits: np.ndarray
) -> ET.Element:
    """A joint about an axis (3,) with limits (2,) rad."""
    added = _add_joint(robot, name, "revolute", parent, child, place)
    ET.SubElement(added, "axis", xyz=_text(axis))
    low, high = limits.tolist()
    ET.SubElement(added, "limit", lower=f"{low:.6f}", upper=f"{high:.6f}", effort=f"{EFFORT:g}", velocity=f"{SPEED:g}")
    return added


def _add_joint(robot: ET.Element, name: str, kind: str, parent: str, child: str, place: np.ndarray) -> ET.Element:
    joint = ET.SubElement(robot, "joint", name=name, type=kind)
    ET.SubElement(joint, "parent", link=parent)
    ET.SubElement(joint, "child", link=child)
    ET.SubElement(joint, "origin", xyz=_text(place[:3, 3]), rpy=_text(_roll_pitch_yaw(place[:3, :3])))
    return joint


def _add_link(robot: ET.Element, name: str, end: np.ndarray, radius: float) -> None:
    """A link that looks like a capsule from its origin to `end` (3,) m."""
    link = ET.SubElement(robot, "link", name=name)
    length = float(np.linalg.norm(end))
    z = end / length
    x = np.cross([0.0, 1, 0], z)
    x /= np.linalg.norm(x)
    lying = np.stack([x, np.cross(z, x), z], axis=1)  # a cylinder stands along z
    for place, turn, shape, size in (
        (end / 2, lying, "cylinder", {"radius": f"{radius:g}", "length": f"{length:.6f}"}),
        (end, np.eye(3), "sphere", {"radius": f"{radius:g}"}),
    ):
        visual = ET.SubElement(link, "visual")
        ET.SubElement(visual, "origin", xyz=_text(place), rpy=_text(_roll_pitch_yaw(turn)))
        ET.SubElement(ET.SubElement(visual, "geometry"), shape, size)
        ET.SubElement(visual, "material", name="skin")


def _roll_pitch_yaw(R: np.ndarray) -> np.ndarray:
    """Angles (3,) rad of URDF's rpy: R = Rz(yaw) @ Ry(pitch) @ Rx(roll)."""
    pitch = np.arctan2(-R[2, 0], np.hypot(R[0, 0], R[1, 0]))
    return np.array([np.arctan2(R[2, 1], R[2, 2]), pitch, np.arctan2(R[1, 0], R[0, 0])])


def _text(values: np.ndarray) -> str:
    return " ".join(f"{round(value, 6) + 0.0:g}" for value in values.astype(float))


if __name__ == "__main__":
    main()
