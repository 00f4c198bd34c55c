"""The package's messages for recordings, made without ROS from their definitions in msg/."""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.hand import KNOWN_SIDES, Hand, frame_scale
from handos_model.io.frame import DEFAULT_FRAME, SECOND
from handos_model.output.frame_record import NO_PIXELS
from handos_model.tracking.side_frames import SideFrames
from handos_model.tracking.track_clock import TrackClock
from handos_model.tracking.tracker import TrackerOptions

PACKAGE = "handos_ros"
MESSAGES = ("Point2D", "Hand", "HandArray")
HAND_ARRAY, TF_MESSAGE = f"{PACKAGE}/msg/HandArray", "tf2_msgs/msg/TFMessage"
FRAMES = tuple(f"{side}_hand" for side in KNOWN_SIDES)
"""The TF frames that recordings get, below that of the camera."""
_NO_LENS = {"fx": 0.0, "fy": 0.0, "cx": 0.0, "cy": 0.0, "distortion_model": "none", "distortion": []}


def open_types() -> Any:
    """A typestore of rosbags with the messages of ROS 2 and of this package."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    folder = next((folder for folder in _folders() if (folder / f"{MESSAGES[0]}.msg").is_file()), None)
    if folder is None:
        raise FileNotFoundError("the definitions of the package's messages are missing: reinstall it")
    for name in MESSAGES:
        text = (folder / f"{name}.msg").read_text(encoding="utf-8")
        store.register(get_types_from_msg(text, f"{PACKAGE}/msg/{name}"))
    return store


def _folders() -> Iterator[Path]:
    """Possible locations of msg/: next to the package in its repository, else where pip or ament installed it."""
    yield Path(__file__).resolve().parents[2] / "msg"
    for prefix in (sys.prefix, *os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        yield Path(prefix, "share", PACKAGE, "msg")


@dataclass(frozen=True)
class Origin:
    """How the hands of one input were made, as far as their records do not say."""

    scale: str = "prior"
    """Scale source of frames without hands."""
    measured: str = "depth"
    """The way in which a hand whose size is remembered was measured: "depth" or "triangulated"."""
    max_age: float = TrackerOptions().max_age
    """s for which a hand that is not seen keeps its id."""


class Messages:
    """Makes messages from the records of one input, in the order of its frames."""

    def __init__(self, store: Any, origin: Origin) -> None:
        """store: of open_types."""
        self._store, self._types = store, store.types
        self._hand = self._types[f"{PACKAGE}/msg/Hand"]
        self._array = self._types[HAND_ARRAY]
        self._origin = origin
        self._sides, self._clock = SideFrames(), TrackClock()
        self._seen: dict[int, float] = {}  # s of the clock at which each tracked hand was last seen
        self._sent: set[tuple[str, int]] = set()  # sides and stamps in ns: tf2 refuses those that come again

    def hand_array(self, record: dict[str, Any]) -> bytes:
        """The HandArray of a frame in CDR, as the node publishes it."""
        kind, values = self._array, {**_NO_LENS, **record["intrinsics"]}
        assumed = values["source"] == "assumed"
        sources = (hand["scale_source"] for hand in record["hands"])
        scale = frame_scale(sources, self._origin.scale, self._origin.measured)
        message = kind(
            header=self._header(record),
            hands=[self._hand_message({**NO_PIXELS, **hand}) for hand in record["hands"]],
            intrinsics_source=kind.INTRINSICS_ASSUMED if assumed else kind.INTRINSICS_CAMERA_INFO,
            scale_source=getattr(kind, f"SCALE_{scale.upper()}"),
            width=record.get("width", 0),
            height=record.get("height", 0),
            mirrored=record.get("mirrored", False),
            **{name: values[name] for name in ("fx", "fy", "cx", "cy")},
            distortion_model=values["distortion_model"].replace("none", ""),
            distortion=np.array(values["distortion"], np.float64),
            model=" ".join(record["model"].values()),
        )
        return self._cdr(message, HAND_ARRAY)

    def transforms(self, record: dict[str, Any]) -> bytes | None:
        """The wrists that get the TF frames of FRAMES, chosen as in the node, in CDR; None if there are none.

        Call it for every frame.
        """
        transform, stamped = (self._types[f"geometry_msgs/msg/{name}"] for name in ("Transform", "TransformStamped"))
        wrists = {Hand.from_dict({**NO_PIXELS, **hand}): hand["wrist"] for hand in record["hands"]}
        found = []
        for hand in self._sides.chosen(list(wrists), self._followed(record)):
            wrist, key = wrists[hand], (hand.side, record["stamp_ns"])
            if wrist["orientation"] is not None and key not in self._sent:
                self._sent.add(key)
                place = transform(self._vector(wrist["position"]), self._quaternion(wrist["orientation"]))
                found.append(stamped(self._header(record), f"{hand.side}_hand", place))
        return self._cdr(self._types[TF_MESSAGE](found), TF_MESSAGE) if found else None

    def _followed(self, record: dict[str, Any]) -> Container[int]:
        """The ids of all tracked hands in this frame, whether they are seen in it or not."""
        age = self._clock.advance(record["stamp_ns"] / SECOND, self._origin.max_age)
        now = self._clock.now
        self._seen = {number: seen for number, seen in self._seen.items() if now - seen <= age}
        self._seen |= {hand["id"]: now for hand in record["hands"] if hand["id"] >= 0}
        return self._seen

    def other_transforms(self, data: bytes) -> bytes | None:
        """A TFMessage in CDR without transforms to FRAMES: the same bytes if it has none, None if only such."""
        if not any(name.encode() in data for name in FRAMES):
            return data
        try:
            found = self._store.deserialize_cdr(data, TF_MESSAGE).transforms
        except Exception:  # damaged bytes can make it raise anything, and nobody else can read them either
            return data
        kept = [transform for transform in found if transform.child_frame_id.lstrip("/") not in FRAMES]
        if len(kept) == len(found):
            return data
        return self._cdr(self._types[TF_MESSAGE](kept), TF_MESSAGE) if kept else None

    def _cdr(self, message: Any, kind: str) -> bytes:
        return bytes(self._store.serialize_cdr(message, kind))

    def _header(self, record: dict[str, Any]) -> Any:
        time = self._types["builtin_interfaces/msg/Time"](*divmod(record["stamp_ns"], SECOND))
        return self._types["std_msgs/msg/Header"](time, record["frame_id"] or DEFAULT_FRAME)

    def _vector(self, values: list[float]) -> Any:
        return self._types["geometry_msgs/msg/Vector3"](*values)

    def _point(self, values: list[float]) -> Any:
        return self._types["geometry_msgs/msg/Point"](*values)

    def _quaternion(self, values: list[float]) -> Any:
        return self._types["geometry_msgs/msg/Quaternion"](*values)

    def _hand_message(self, hand: dict[str, Any]) -> Any:
        kind, wrist = self._hand, hand["wrist"]
        turn = wrist["orientation"] or [0.0, 0.0, 0.0, 1.0]
        pose = self._types["geometry_msgs/msg/Pose"](self._point(wrist["position"]), self._quaternion(turn))
        covariance = np.array(wrist["covariance"], np.float64)
        pixel = self._types[f"{PACKAGE}/msg/Point2D"]
        made = {
            "side": getattr(kind, hand["side"].upper()),
            "scale_source": getattr(kind, f"SCALE_{hand['scale_source'].upper()}"),
            "joints_2d": [pixel(x, y) for x, y in hand["joints_2d"]],
            "joints_3d": [self._point(joint) for joint in hand["joints_3d"]],
            "vertices": np.array(hand.get("vertices", []), np.float32).ravel(),
            "translation": self._vector(hand["translation"]),
            "wrist": self._types["geometry_msgs/msg/PoseWithCovariance"](pose, covariance),
            "wrist_valid": wrist["orientation"] is not None,
        }
        names = {field.name for field in fields(kind)} - set(made)  # rosbags lists constants as fields
        numbers = {name: value for name, value in hand.items() if name in names}
        arrays = {name: np.array(value, np.float32) for name, value in numbers.items() if isinstance(value, list)}
        return kind(**made | numbers | arrays)
