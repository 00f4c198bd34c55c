"""Hand poses within anatomical limits, with more of those that are hard to see.

A pose is an array (5,5) of angles in degrees, in the rows and columns of anatomy.ANGLE_NAMES.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handos_model.kinematics.frames import rotation_matrix
from handos_model.template.anatomy import HIGHEST, LOWEST

OPEN_THUMB, OUT_THUMB = (-8, -6, 4, 4, 0), (-16, -14, 0, -8, 0)
SIDE_THUMB, ACROSS_THUMB = (20, -14, 14, 10, 0), (26, 14, 34, 38, 8)
OPPOSED_THUMB, TUCKED_THUMB = (16, 24, 16, 18, 16), (34, 4, 48, 46, 8)
THUMBS = np.array([OPEN_THUMB, OUT_THUMB, SIDE_THUMB, ACROSS_THUMB, OPPOSED_THUMB, TUCKED_THUMB], float)


def _fingers(rng: np.random.Generator, mcp, pip, dip=None, spread: float = 0.0) -> np.ndarray:
    """Pose with the given flexions (4,), where DIP follows PIP unless given; spread: degrees between fingers."""
    pose = np.zeros((5, 5))
    pose[1:, 0] = mcp
    pose[1:, 2] = pip
    pose[1:, 3] = np.asarray(pip) * rng.uniform(0.45, 0.75) if dip is None else dip
    pose[1:, 1] = np.array([1.0, 0.15, -0.8, -1.9]) * spread
    pose[1:, 4] = np.array([0.0, 0.02, 0.06, 0.12]) * pose[1:, 0]
    return pose


def _thumb(rng: np.random.Generator, pose: np.ndarray, weights) -> np.ndarray:
    """Sets the thumb to a mix of two of the named positions; weights: over THUMBS."""
    weights = np.asarray(weights, float) / np.sum(weights)
    first, second = rng.choice(len(THUMBS), 2, p=weights)
    mix = rng.random() * 0.5
    pose[0] = THUMBS[first] * (1 - mix) + THUMBS[second] * mix
    return pose


def _open(rng: np.random.Generator) -> np.ndarray:
    spread = rng.uniform(-2, 9)
    return _thumb(rng, _fingers(rng, rng.normal(0, 6), rng.uniform(0, 15), spread=spread), [3, 2, 1, 0, 0.3, 0.2])


def _relaxed(rng: np.random.Generator) -> np.ndarray:
    lag = np.array([0.7, 0.9, 1.0, 1.05])
    pose = _fingers(rng, lag * rng.uniform(10, 45), lag * rng.uniform(15, 60), spread=rng.uniform(-1, 4))
    return _thumb(rng, pose, [2, 0.5, 2, 0, 2, 0])


def _fist(rng: np.random.Generator) -> np.ndarray:
    tight = rng.uniform(0.8, 1.0)
    pose = _fingers(rng, tight * 82, tight * 102, tight * rng.uniform(35, 72))
    return _thumb(rng, pose, [0, 0.5, 1.5, 5, 0, 0.3])


def _thumbs_up(rng: np.random.Generator) -> np.ndarray:
    pose = _fingers(rng, rng.uniform(62, 85), rng.uniform(85, 105), rng.uniform(30, 65))
    pose[0] = np.array(OUT_THUMB) + rng.normal(0, 6, 5)
    return pose


def _claw(rng: np.random.Generator) -> np.ndarray:
    pose = _fingers(rng, rng.uniform(-15, 35), rng.uniform(35, 100), spread=rng.uniform(0, 8))
    return _thumb(rng, pose, [2, 1, 1, 0.5, 2, 0])


def _table(rng: np.random.Generator) -> np.ndarray:
    pose = _fingers(rng, rng.uniform(50, 90), rng.uniform(0, 35), spread=rng.uniform(-1, 3))
    return _thumb(rng, pose, [1, 0.5, 2, 0, 3, 0])


def _grip(rng: np.random.Generator) -> np.ndarray:
    width = rng.uniform(0, 1)  # 0 a thin rod, 1 a wide cup
    pose = _fingers(rng, 62 - 36 * width, 88 - 52 * width, 55 - 32 * width, spread=5 * width)
    pose[0] = np.array(OPPOSED_THUMB) * (1.1 - 0.3 * width) + rng.normal(0, 5, 5)
    return pose


def _counting(rng: np.random.Generator) -> np.ndarray:
    """Any subset of fingers up, the rest folded: pointing, victory, horns, three, four, the little finger."""
    up = rng.random(4) < 0.5
    if rng.random() < 0.35:
        up = np.array([True, False, False, False])
    elif rng.random() < 0.35:
        up = np.array([True, True, False, False])
    tight = rng.uniform(0.75, 1.0)
    mcp = np.where(up, rng.normal(2, 10, 4), 78 * tight)
    pip = np.where(up, rng.uniform(0, 18, 4), 102 * tight)
    pose = _fingers(rng, mcp, pip, np.where(up, pip * 0.5, rng.uniform(30, 70)), spread=rng.uniform(-1, 9))
    pose[1:, 1] *= np.where(up, 1, 0.2)
    return _thumb(rng, pose, [1, 1.2, 1, 4 * (~up[:2]).mean() + 0.2, 0.2, 1.5])


def _pinch(rng: np.random.Generator) -> np.ndarray:
    """Thumb against one fingertip or several, the other fingers open (OK sign), half open or folded."""
    partner = int(rng.choice([1, 2, 3, 4], p=[0.62, 0.22, 0.1, 0.06]))
    style = rng.random()
    mcp, pip = (rng.uniform(0, 22), rng.uniform(0, 25)) if style < 0.4 else (rng.uniform(20, 75), rng.uniform(25, 100))
    pose = _fingers(rng, mcp, pip, spread=rng.uniform(0, 6))
    together = [partner] + ([partner + 1] if style > 0.8 and partner < 4 else [])
    base = PINCHES[partner]
    for finger in together:
        pose[finger, :4] = base[1] + rng.normal(0, 3, 4)
    pose[0] = base[0] + rng.normal(0, 3, 5)
    return pose


def _free(rng: np.random.Generator) -> np.ndarray:
    """Every finger bent independently."""
    curl = rng.beta(0.9, 1.1, 4)
    pose = _fingers(rng, np.clip(curl * 85 + rng.normal(0, 18, 4), -20, 90), curl * 100, spread=rng.uniform(-1, 8))
    return _thumb(rng, pose, [1, 1, 1, 1, 1, 0.5])


# thumb row and finger row of a touching pair, found by minimising the distance of the tip pads on the template
PINCHES: dict[int, tuple[np.ndarray, np.ndarray]] = {
    1: (np.array([12.0, 22, 12, 28, 12]), np.array([46.0, 0, 52, 30])),
    2: (np.array([20.0, 26, 14, 24, 16]), np.array([52.0, 2, 50, 28])),
    3: (np.array([28.0, 28, 18, 22, 20]), np.array([58.0, 4, 52, 28])),
    4: (np.array([36.0, 30, 24, 24, 24]), np.array([62.0, 10, 52, 28])),
}
GESTURES: tuple[tuple[float, Callable[[np.random.Generator], np.ndarray]], ...] = (
    (0.11, _open),
    (0.11, _relaxed),
    (0.13, _fist),
    (0.05, _thumbs_up),
    (0.09, _claw),
    (0.05, _table),
    (0.13, _grip),
    (0.14, _counting),
    (0.11, _pinch),
    (0.08, _free),
)


def sample_pose(rng: np.random.Generator) -> np.ndarray:
    """A random pose (5,5) in degrees within the limits; a quarter are mixes of two gestures."""
    weights = np.array([w for w, _ in GESTURES])
    picks = rng.choice(len(GESTURES), 2, p=weights / weights.sum())
    pose = GESTURES[picks[0]][1](rng)
    if rng.random() < 0.25:
        mix = rng.uniform(0.1, 0.6)
        pose = pose * (1 - mix) + GESTURES[picks[1]][1](rng) * mix
    pose += rng.normal(0, 1, (5, 5)) * np.array([[4, 4, 5, 6, 4]] + [[5, 2, 6, 5, 1]] * 4)
    return np.clip(pose, LOWEST, HIGHEST)


def sample_orientation(rng: np.random.Generator) -> np.ndarray:
    """Rotation (3,3) from the wrist frame (-z to the fingers, +y out of the back) to the camera frame.

    Half of the hands point up or down in the picture with palm or back to the camera, the rest are side views, hands
    that point at the camera or away from it, and any rotation.
    """
    kind = rng.choice(4, p=[0.48, 0.17, 0.15, 0.20])
    if kind == 3:
        q = rng.standard_normal(4)
        return rotation_matrix((q / np.linalg.norm(q))[[1, 2, 3, 0]])
    if kind == 2:  # fingers along the line of sight, mostly towards the camera
        tilt = rng.normal(0, 0.4)
        pitch = np.pi / 2 * (1 if rng.random() < 0.75 else -1) + tilt
        return turn(2, rng.uniform(-np.pi, np.pi)) @ turn(0, pitch) @ turn(1, rng.normal(0, 0.4)) @ UPRIGHT
    yaw = rng.normal(0, 0.5) + (np.pi if rng.random() < 0.5 else 0.0)
    if kind == 1:
        yaw = rng.normal(0, 0.35) + np.pi / 2 * (1 if rng.random() < 0.6 else -1)
    roll = rng.normal(0, 0.75) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi)
    return turn(2, roll) @ turn(0, rng.normal(0, 0.45)) @ turn(1, yaw) @ UPRIGHT


def turn(axis: int, angle: float) -> np.ndarray:
    """Rotation (3,3) by an angle in rad about a coordinate axis."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


# fingers (-z) up in the picture (-y of the camera), back of the hand (+y) towards the camera (-z); a right hand's
# little finger (+x) is then on the right
UPRIGHT = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
