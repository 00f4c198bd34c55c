"""Hand: the estimate of one hand in one frame."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handos_model.camera import Camera

KNOWN_SIDES = ("left", "right")
SIDES = (*KNOWN_SIDES, "unknown")
OTHER_SIDE = {"left": "right", "right": "left"}

SCALE_SOURCES = ("prior", "user", "depth", "remembered", "triangulated")
"""Source of a hand's metric scale: an average adult's hand, the user, a depth image, an earlier measurement, or several
cameras (handos_model.fusion)."""

FINGERS = ("thumb", "index", "middle", "ring", "little")

JOINT_NAMES = (
    "wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    *(f"{finger}_{joint}" for finger in FINGERS[1:] for joint in ("mcp", "pip", "dip", "tip")),
)  # fmt: skip
"""The 21 joints, in the order of OpenPose and MediaPipe."""
JOINTS = len(JOINT_NAMES)

BONES = tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21))
"""The skeleton as (parent, child) pairs of joint indices; bones 4 i .. 4 i + 3 belong to FINGERS[i]."""

KNUCKLES = (5, 9, 13, 17)
"""The MCP joints of all fingers but the thumb."""

FINGERTIPS = (4, 8, 12, 16, 20)
"""The tips of FINGERS."""

VERTICES = 778
"""Number of vertices of a hand's mesh, whatever its template."""

SHAPES = {"box": (4,), "joints_2d": (21, 2), "joint_confidence": (21,), "joints_3d": (21, 3), "translation": (3,)}
"""Shapes of the arrays that every hand's record has; its vertices (V, 3) may be missing."""


@dataclass(frozen=True, eq=False, slots=True)
class Hand:
    """One hand in one frame.

    Pixels are those of the source image, where (0, 0) is the centre of the first pixel. Metres are in the camera's
    optical frame: x right, y down, z forward.
    The arrays of a hand that HandPredictor or HandFollower returns are its own: changing them changes nothing else.
    """

    score: float
    """Confidence that this is a hand, 0 to 1."""
    side: str
    """"left", "right", or "unknown" if the mesh does not show which."""
    side_confidence: float
    """0..1."""
    box: np.ndarray
    """(4,) x0, y0, x1, y1 in px: extent of joints_2d plus 10 % of its long edge on every side."""
    joints_2d: np.ndarray
    """(21, 2) px, in the order of JOINT_NAMES."""
    joint_confidence: np.ndarray
    """(21,) 0..1."""
    joints_3d: np.ndarray
    """(21, 3) m, camera frame."""
    vertices: np.ndarray
    """(778, 3) m, camera frame; the faces are those of the template."""
    translation: np.ndarray
    """(3,) m, the wrist in the camera frame: joints_3d - translation is relative to the wrist."""
    network_translation: np.ndarray | None = None
    """(3,) m, the wrist where the network itself puts it (`translation` is fitted to joints_2d); None if unknown."""
    id: int = -1
    """Id of the track that this hand belongs to; -1 if it is not tracked."""
    scale_source: str = "prior"
    """One of SCALE_SOURCES."""
    relief: np.ndarray | None = None
    """(21 + 778,) fraction of its distance by which a depth image has moved each joint and vertex along its ray; None
    if no depth image has."""

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise ValueError(f"side is {self.side!r}, must be one of {', '.join(SIDES)}")
        if self.scale_source not in SCALE_SOURCES:
            raise ValueError(f"scale_source is {self.scale_source!r}, must be one of {', '.join(SCALE_SOURCES)}")

    def scaled(self, factor: float, source: str) -> Hand:
        """The hand scaled about the camera, so that it looks the same in the image; source: one of SCALE_SOURCES."""
        by = np.float32(factor)
        by_network = self.network_translation
        return replace(
            self,
            joints_3d=self.joints_3d * by,
            vertices=self.vertices * by,
            translation=self.translation * by,
            network_translation=None if by_network is None else by_network * by,
            scale_source=source,
        )

    def resized(self, factor: float) -> Hand:
        """The hand scaled about the mean of its joints: it stays where it is."""
        middle = self.joints_3d.mean(axis=0)
        joints_3d = middle + np.float32(factor) * (self.joints_3d - middle)
        vertices = middle + np.float32(factor) * (self.vertices - middle)
        return replace(self, joints_3d=joints_3d, vertices=vertices, translation=joints_3d[0].copy())

    def moved_along_rays(self, relief: np.ndarray) -> Hand:
        """The hand in another shape that looks the same in the image: joints and vertices are moved along their rays
        by `relief` (see the field)."""
        joints_3d, vertices = self.joints_3d * (1 + relief[:21, None]), self.vertices * (1 + relief[21:, None])
        wrist = joints_3d[0].copy()
        return replace(self, joints_3d=joints_3d, vertices=vertices, translation=wrist, relief=relief.copy())

    def flipped(self, width: int) -> Hand:
        """The hand with its pixels flipped left to right, in an image of that width; side and metres stay."""
        joints_2d, box = self.joints_2d.copy(), self.box.copy()
        joints_2d[:, 0] = width - 1 - joints_2d[:, 0]
        box[[0, 2]] = width - 1 - box[[2, 0]]
        return replace(self, joints_2d=joints_2d, box=box)

    def to_dict(self, vertices: bool = False) -> dict[str, Any]:
        """Returns plain numbers for JSON, to 0.01 px and 0.01 mm; `vertices` adds the mesh.

        Results of every format are made from this record: recordings, tables and lines.
        """
        record = {
            "id": int(self.id),
            "score": round(float(self.score), 4),
            "side": self.side,
            "side_confidence": round(float(self.side_confidence), 4),
            "box": _rounded(self.box, 2),
            "joints_2d": _rounded(self.joints_2d, 2),
            "joint_confidence": _rounded(self.joint_confidence, 4),
            "joints_3d": _rounded(self.joints_3d, 5),
            "translation": _rounded(self.translation, 5),
            "scale_source": self.scale_source,
        }
        if vertices:
            record["vertices"] = _rounded(self.vertices, 5)
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Hand:
        """The hand of a record made by to_dict; without vertices if the record has none.

        Raises ValueError for wrong shapes and values, KeyError and TypeError for a record of something else.
        """
        arrays = {name: numbers_of(record[name]) for name in SHAPES}
        for name, shape in SHAPES.items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name} has the shape {arrays[name].shape}, must be {shape}")
        return cls(
            score=float(record["score"]),
            side=record["side"],
            side_confidence=float(record["side_confidence"]),
            vertices=mesh_of(record.get("vertices", [])),
            id=int(record["id"]),
            scale_source=record["scale_source"],
            **arrays,
        )


def turned_over(hands: list[Hand], camera: Camera) -> tuple[list[Hand], Camera]:
    """Hands and camera of a mirror image as those of the image before the mirror; pixels change, metres stay."""
    return [hand.flipped(camera.width) for hand in hands], camera.mirrored()


def blank_hand() -> Hand:
    """A hand of zeros: its record shows the names, types and shapes of all records."""
    arrays: dict[str, Any] = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    vertices = np.zeros((VERTICES, 3), np.float32)
    return Hand(score=0.0, side="unknown", side_confidence=0.0, vertices=vertices, **arrays)


def numbers_of(values: Any) -> np.ndarray:
    """Numbers of a hand that comes from outside as float32; those that are too large for it are infinite."""
    with np.errstate(over="ignore"):  # whoever uses the hand refuses it, in a sentence of its own
        return np.array(values, np.float32)


def mesh_of(values: Any) -> np.ndarray:
    """Vertices (778, 3) m of a hand that comes from outside, (0, 3) if it has none; ValueError for another number."""
    mesh = numbers_of(values)
    if mesh.size not in (0, VERTICES * 3):
        raise ValueError(f"vertices are {mesh.size} numbers, must be x, y, z of {VERTICES} vertices, or none")
    return mesh.reshape(-1, 3)


def frame_scale(sources: Iterable[str], default: str = "prior", measured: str = "depth") -> str:
    """The scale source of a frame, from those of its hands: the least certain, which comes first in SCALE_SOURCES.

    default: for a frame without hands; measured: what has measured a hand whose size is remembered.
    """
    least = min(sources, key=SCALE_SOURCES.index, default=default)
    return measured if least == "remembered" else least


def assumed_scale(hand_scale: float) -> str:
    """The scale source of hands that nothing has measured; hand_scale: what the user gave, 1 for an average adult."""
    return "prior" if hand_scale == 1 else "user"


def palm_length(hand: Hand) -> float:
    """Distance in m from the wrist to the knuckles: halfway between the middle finger's and the mean of all four.

    The former is usually called the length of a palm; the latter is less noisy. Neither changes with the pose.
    """
    joints = hand.joints_3d.tolist()
    lengths = [math.dist(joints[0], joints[i]) for i in KNUCKLES]
    return lengths[1] / 2 + sum(lengths) / (2 * len(lengths))


def joints_box(joints_2d: np.ndarray) -> np.ndarray:
    """Returns boxes (..., 4) px of joints (..., 21, 2) px: their extent plus 10 % of its long edge on every side."""
    low, high = joints_2d.min(axis=-2), joints_2d.max(axis=-2)
    margin = 0.1 * (high - low).max(axis=-1, keepdims=True)
    return np.concatenate([low - margin, high + margin], axis=-1)


def _rounded(values: np.ndarray, decimals: int) -> list:
    return np.asarray(values, np.float64).round(decimals).tolist()
