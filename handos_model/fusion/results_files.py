"""Combines the results of several runs of `handos predict`, one file for each camera, into one set of hands."""

from __future__ import annotations

import heapq
import itertools
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handos_model.camera import Camera
from handos_model.fusion.camera_poses import CameraPoses
from handos_model.fusion.frame_sets import SLOP, FrameSet, FrameSets
from handos_model.fusion.hand_fusion import FusedHand, HandFusion
from handos_model.fusion.sighting import View
from handos_model.fusion.transform_tree import NoTransform
from handos_model.hand import Hand, turned_over
from handos_model.io.files import RESULTS, Problems, one_line, open_file, shown
from handos_model.io.frame import LATEST_NS, SECOND
from handos_model.io.recording.recording import is_recording
from handos_model.output.frame_record import INTRINSICS_SOURCES, LONGEST_RECORD, NO_PIXELS, NUMBERED, wrist_record
from handos_model.wrist_pose import wrist_rotation

MAX_CAMERA_HANDS = 100
"""Maximum number of hands in one frame of a camera, as of the parameter max_hands of hands_node."""


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A line of a file: one frame of one camera; a mirror image is turned over, so pixels and lens are not mirrored."""

    camera: str
    stamp_ns: int
    hands: list[Hand]
    lens: Camera
    image: str | None
    topic: str | None
    source: str
    """One of INTRINSICS_SOURCES."""
    model: dict[str, str]
    mirrored: bool = False
    """Whether the image is a mirror image."""


@dataclass(frozen=True, eq=False)
class FusedFrame:
    """The hands of one time in the common frame."""

    stamp_ns: int
    hands: list[FusedHand]
    seen: list[CameraFrame]
    """The frames that they come from, at most one of each camera."""


Placed = tuple[CameraFrame, View]
"""A frame, and the same with the pose of its camera."""


def read_results(path: Path) -> Iterator[CameraFrame]:
    """The frames of a .jsonl file of `handos predict`, in order.

    The camera's name is its frame_id, or else the name of the file. Raises FileNotFoundError, and ValueError for lines
    that are not frames, have no stamp or go back in time.
    """
    last = None
    with open_file(path, RESULTS) as file:
        number = 0
        while line := file.readline(LONGEST_RECORD + 1):
            number += 1
            where = f"line {number} of {shown(path)}"
            if len(line) > LONGEST_RECORD:
                raise ValueError(f"{where} is longer than {LONGEST_RECORD} bytes")
            try:
                frame = _frame(json.loads(line), path.stem)
            except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
                why = f"it has no {error}" if isinstance(error, KeyError) else error
                raise ValueError(f"{where} is not a frame written by handos predict: {one_line(why)}") from error
            if last is not None and frame.stamp_ns < last:
                raise ValueError(f"{where} is earlier than the line before: give one recording per file")
            last = frame.stamp_ns
            yield frame


def recording_of(path: Path) -> Path | None:
    """The recording that a .jsonl file of `handos predict` names; None if it names another input, or one not here."""
    try:
        return _recording(next(read_results(path)))
    except (OSError, ValueError, StopIteration):  # fused_frames says why
        return None


def _recording(frame: CameraFrame) -> Path | None:
    numbered = NUMBERED.fullmatch(frame.image or "")
    recording = Path(numbered[1]) if numbered else None
    return recording if recording and is_recording(recording) and os.path.exists(recording) else None


def fused_frames(
    paths: list[Path], cameras: CameraPoses, problems: list[str], slop: float = SLOP, fusion: HandFusion | None = None
) -> Iterator[FusedFrame]:
    """The hands at each time, from one file per camera.

    problems: gets a sentence for each file that cannot be used, or not to its end; the others are. slop: s by which
    stamps that belong together may differ; fusion: a new one, which afterwards tells how many hands it left out. Raises
    ValueError if no file can be used.
    """
    # Time is that of the stamps: a frame exactly `slop` later still belongs to one, whatever is lost in rounding.
    sets: FrameSets[Placed] = FrameSets(map(str, paths), slop, wait=slop + 1e-3, silence=math.inf)
    fusion = fusion or HandFusion()
    files: dict[str, Path] = {}
    streams = [zip(_placed(path, cameras, files, problems), itertools.repeat(path)) for path in paths]
    for placed, path in heapq.merge(*streams, key=lambda one: one[0][0].stamp_ns):
        stamp = placed[0].stamp_ns
        yield from (_fused(fusion, found) for found in sets.ready(stamp / SECOND))
        sets.add(str(path), stamp, placed, stamp / SECOND)
    yield from (_fused(fusion, found) for found in sets.rest())
    if problems and not files:
        raise Problems(*problems)


def _placed(path: Path, cameras: CameraPoses, files: dict[str, Path], problems: list[str]) -> Iterator[Placed]:
    """The frames of a file up to the first that cannot be used, without those for which its recording has no pose.

    files: that of each camera.
    """
    recorded, lost = None, "the file is left out"
    try:
        for number, frame in enumerate(read_results(path)):
            if number == 0 and cameras.known is None:
                recorded = cameras.recorded(_recording(frame))
            try:
                pose = (recorded or cameras).pose(frame.camera, frame.stamp_ns / SECOND)
            except NoTransform as error:
                if recorded:
                    continue
                raise ValueError(f"the camera of {shown(path)} has no pose: {error}") from error
            if (other := files.setdefault(frame.camera, path)) is not path:
                raise ValueError(
                    f"{shown(path)} is of {one_line(frame.camera)} like {shown(other)}: give one file per camera"
                )
            yield frame, View(frame.camera, frame.hands, frame.lens, pose)
            lost = "what comes after it is not read"
    except (OSError, ValueError) as error:
        problems.append(f"{error}; {lost}")
    problems += recorded.problems(path) if recorded else []


def _fused(fusion: HandFusion, found: FrameSet[Placed]) -> FusedFrame:
    seen, views = zip(*found.frames.values(), strict=True)
    return FusedFrame(found.stamp_ns, fusion.update(views, found.stamp_ns / SECOND), list(seen))


def fused_record(fused: FusedFrame, frame_id: str, vertices: bool = False) -> dict[str, Any]:
    """The record of one time, like frame_record's of one image: docs/cameras.md explains its keys."""
    latest = max(fused.seen, key=lambda frame: frame.stamp_ns)
    models = [frame.model for frame in fused.seen]
    return {
        "image": latest.image,
        "stamp_ns": fused.stamp_ns,
        "frame_id": frame_id,
        "topic": latest.topic,
        "intrinsics": {"source": max((frame.source for frame in fused.seen), key=INTRINSICS_SOURCES.index)},
        "model": {key: ", ".join(dict.fromkeys(model[key] for model in models)) for key in ("name", "version")},
        "hands": [_hand_record(one, vertices) for one in fused.hands],
    }


def _hand_record(one: FusedHand, vertices: bool) -> dict[str, Any]:
    record = one.hand.to_dict(vertices)
    for key in NO_PIXELS:
        del record[key]
    mesh = {"vertices": record.pop("vertices")} if vertices else {}
    wrist = wrist_record(record, wrist_rotation(one.hand), one.wrist_covariance.ravel())
    return {**record, "wrist": wrist, "cameras": list(one.cameras), "disagreement": round(one.gap, 5), **mesh}


def _frame(record: dict[str, Any], stem: str) -> CameraFrame:
    stamp, values = record["stamp_ns"], record["intrinsics"]
    if type(stamp) is not int or abs(stamp) >= LATEST_NS:
        raise ValueError(f"stamp_ns is {stamp!r}: images have no time unless handos predict --fps N gives it")
    if len(record["hands"]) > MAX_CAMERA_HANDS:
        raise ValueError(f"it has {len(record['hands'])} hands, but at most {MAX_CAMERA_HANDS} are allowed")
    if values["source"] not in INTRINSICS_SOURCES:
        raise ValueError(f"source is {values['source']!r}, must be one of {', '.join(INTRINSICS_SOURCES)}")
    mirrored = record.get("mirrored", False)  # earlier versions did not write it
    if type(mirrored) is not bool:
        raise ValueError(f"mirrored is {mirrored!r}, must be true or false")
    hands = [Hand.from_dict(hand) for hand in record["hands"]]
    lens = Camera.from_intrinsics(
        values["fx"],
        values["fy"],
        values["cx"],
        values["cy"],
        record["width"],
        record["height"],
        values["distortion_model"],
        values["distortion"],
        values["source"] == "assumed",
    )
    if mirrored:
        hands, lens = turned_over(hands, lens)
    camera = str(record["frame_id"] or "").lstrip("/") or stem
    image, topic = (None if record[key] is None else str(record[key]) for key in ("image", "topic"))
    model = {key: str(record["model"][key]) for key in ("name", "version")}
    return CameraFrame(camera, stamp, hands, lens, image, topic, values["source"], model, mirrored)
