"""One frame and its hands in plain numbers: a line of JSON, from which other formats are made."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from handos_model.camera import Camera
from handos_model.hand import Hand
from handos_model.io.frame import Frame
from handos_model.kinematics.frames import quaternion
from handos_model.kinematics.mano_parameters import ManoFitter
from handos_model.wrist_pose import wrist_covariance, wrist_rotation

LONGEST_RECORD = 8 * 2**20
"""Maximum bytes of a line that is read again: a hundred hands with meshes."""
INTRINSICS_SOURCES = ("camera", "user", "assumed")
"""Source of the intrinsics: the recording, the user, or an assumption, which makes distances guesses."""

NUMBERED = re.compile(r"(.+)#(\d+)", re.DOTALL)
"""The name of a frame of a video or recording: its file and its number. No image file's suffix is a number."""

NO_PIXELS = {"box": [math.nan] * 4, "joints_2d": [[math.nan] * 2] * 21}
"""The keys that a hand of several cameras lacks, as it belongs to no single image, and values that stand for them."""


@dataclass(frozen=True)
class Detail:
    """The optional parts of a hand that records hold."""

    vertices: bool = False
    mano: ManoFitter | None = None
    fused: bool = False
    """The hands are those of several cameras, so they are without pixels and say which cameras see them."""


def frame_record(
    frame: Frame,
    camera: Camera,
    source: str,
    hands: list[Hand],
    model: dict[str, str],
    detail: Detail | None = None,
    mirrored: bool = False,
) -> dict[str, Any]:
    """The record of a frame: docs/command_line.md explains its keys.

    camera: the one that the hands were found with; source: one of INTRINSICS_SOURCES; model: name and version of the
    weights; detail: what to record of each hand in addition; mirrored: pixels and camera are those of a mirror image,
    sides and metres those of the real hands. Values that the input does not give are None.
    """
    return {
        "image": printable(frame.name),
        "stamp_ns": frame.stamp_ns,
        "frame_id": frame.frame_id or None,
        "topic": frame.topic or None,
        "width": camera.width,
        "height": camera.height,
        "mirrored": mirrored,
        "intrinsics": intrinsics_record(camera, source),
        "model": model,
        "hands": [_hand_record(hand, camera, detail or Detail()) for hand in hands],
    }


def record_line(record: dict[str, Any]) -> str:
    """The record as a line of JSON; ValueError if it holds NaN or Infinity, which JSON cannot express."""
    return json.dumps(record, allow_nan=False) + "\n"


def printable(name: str) -> str:
    r"""A file's name as text: bytes that are not UTF-8 become \xff and the like, since JSON can only hold text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def intrinsics_record(camera: Camera, source: str) -> dict[str, Any]:
    """The camera in the record of a frame; source: one of INTRINSICS_SOURCES."""
    (fx, _, cx), (_, fy, cy) = camera.K[:2].tolist()
    return {
        "source": source,
        **{"fx": fx, "fy": fy, "cx": cx, "cy": cy},
        "distortion_model": camera.distortion_model,
        "distortion": camera.distortion.tolist(),
    }


def wrist_record(record: dict[str, Any], turn: np.ndarray | None, covariance: np.ndarray) -> dict[str, Any]:
    """The wrist's pose in the record of a hand.

    record: that of Hand.to_dict; turn (3, 3): wrist_rotation; covariance (36,).
    """
    return {
        "position": record["translation"],
        "orientation": None if turn is None else quaternion(turn).round(5).tolist(),
        "covariance": covariance.tolist(),
    }


def _hand_record(hand: Hand, camera: Camera, detail: Detail) -> dict[str, Any]:
    turn = wrist_rotation(hand)
    record = hand.to_dict(detail.vertices)
    wrist = wrist_record(record, turn, wrist_covariance(hand, camera, turn is not None))
    mesh = {"vertices": record.pop("vertices")} if detail.vertices else {}
    parameters = {"mano": detail.mano.record(hand)} if detail.mano else {}
    return {**record, "wrist": wrist, **parameters, **mesh}
