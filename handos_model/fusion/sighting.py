"""View and Sighting: what one camera sees, and one of its hands as rays and points in the common frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from handos_model.camera import Camera
from handos_model.fusion.extrinsics import Extrinsics
from handos_model.hand import Hand
from handos_model.tracking.mirroring import mirrored_in_depth
from handos_model.wrist_pose import JOINT_DEVIATION, MIN_CONFIDENCE, SCALE_DEVIATION, SHAPE_DEVIATION, WRIST_DEVIATION

RELATIVE_DEPTH = 0.08
"""Standard deviation of a joint's depth relative to the hand's other joints, as a fraction of the hand's extent."""
IDENTITY = np.eye(3)
NEAREST = 0.02
"""m: no joint is closer to a camera."""
SMALLEST = 0.01
"""m: no hand is smaller."""
LARGEST = 1e6
"""px or m: no number of a hand is larger."""
SHARPEST, COARSEST = 1e-6, 1e3
"""m: no camera tells the place of a joint across its ray more finely or less, whatever its intrinsics say."""


@dataclass(frozen=True, eq=False)
class View:
    """The hands that a camera saw at one time, and where it was."""

    name: str
    """Name of the camera, the same in every frame."""
    hands: list[Hand]
    camera: Camera
    extrinsics: Extrinsics


@dataclass(frozen=True, eq=False)
class Sighting:
    """One hand as one camera sees it: each joint sharp across its ray and blurred along it."""

    view: View
    hand: Hand
    reach: np.ndarray
    """(21, 3) m, from the camera to the joints, in the axes of the common frame."""
    precision: np.ndarray
    """(21, 3, 3) 1 / m^2, inverse covariance of the joints if the distance of the whole hand were known."""
    covariance: np.ndarray
    """(21, 3, 3) m^2, its inverse."""
    distance_deviation: float
    """Relative standard deviation of the distance of the whole hand."""

    @property
    def source(self) -> tuple[str, int]:
        """The name of the camera, and the hand's id there."""
        return self.view.name, self.hand.id

    @cached_property
    def points(self) -> np.ndarray:
        """(21, 3) m, joints in the common frame as this camera alone places them."""
        return self.view.extrinsics.position + self.reach

    @cached_property
    def turned(self) -> Sighting | None:
        """The sighting of the other hand that looks most similar (mirrored_in_depth); None if that is unusable."""
        return sighting(self.view, mirrored_in_depth(self.hand))

    def scaled(self, factor: float, source: str, deviation: float) -> Sighting:
        """The sighting with the whole hand nearer or farther, as by Hand.scaled.

        deviation: relative standard deviation of its distance.
        """
        hand = self.hand.scaled(factor, source)
        return replace(self, hand=hand, reach=self.reach * factor, distance_deviation=deviation)


def is_usable(hand: Hand) -> bool:
    """Whether the numbers of a hand that comes from outside are those of one in front of a camera."""
    parts = (hand.joints_2d, hand.joints_3d, hand.vertices, hand.translation, hand.box)
    chances = (hand.score, hand.side_confidence, *hand.joint_confidence)
    if not all((np.abs(part) <= LARGEST).all() for part in parts) or not all(0 <= chance <= 1 for chance in chances):
        return False  # NaN included
    return float(hand.joints_3d[:, 2].min()) >= NEAREST and _extent(hand) >= SMALLEST


def _extent(hand: Hand) -> float:
    return float(np.ptp(hand.joints_3d.astype(np.float64), axis=0).max())


def sighting(view: View, hand: Hand) -> Sighting | None:
    """The Sighting of a hand; None if it is unusable, or if its camera cannot tell where it is."""
    if not is_usable(hand):
        return None
    joints = hand.joints_3d.astype(np.float64)
    rays = view.camera.normalise(hand.joints_2d)
    rays = np.where(np.isfinite(rays), rays, joints[:, :2] / joints[:, 2:])
    reach = np.append(rays, np.ones((21, 1)), axis=1) * joints[:, 2:]  # camera axes
    if not (np.abs(reach) <= LARGEST).all():
        return None
    distance = np.linalg.norm(reach, axis=1)
    confidence = np.clip(hand.joint_confidence.astype(np.float64), MIN_CONFIDENCE, 1)
    edge = float((hand.box[2:] - hand.box[:2]).max())  # px
    across = JOINT_DEVIATION * max(edge, 1.0) / view.camera.focal * distance / confidence
    if not SHARPEST < across.min() <= across.max() < COARSEST:
        return None
    along = RELATIVE_DEPTH * _extent(hand) / confidence
    reach = reach @ view.extrinsics.rotation.T
    rays = reach / distance[:, None]
    precision, covariance = _ellipsoids(rays, across**-2.0, along**-2.0), _ellipsoids(rays, across**2.0, along**2.0)
    return Sighting(view, hand, reach, precision, covariance, _doubt(hand))


def _ellipsoids(directions: np.ndarray, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Matrices (N, 3, 3) with the eigenvalue along (N,) for unit directions (N, 3), and across (N,) twice."""
    lengthwise = directions[:, :, None] * directions[:, None]
    return across[:, None, None] * IDENTITY + (along - across)[:, None, None] * lengthwise


def _doubt(hand: Hand) -> float:
    distance = max(float(np.linalg.norm(hand.translation)), NEAREST)
    shape = WRIST_DEVIATION / distance if hand.scale_source == "depth" else SHAPE_DEVIATION
    return float(np.hypot(SCALE_DEVIATION[hand.scale_source], shape))
