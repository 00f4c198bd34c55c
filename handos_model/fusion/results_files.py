"""Combines the results of several runs of `handos predict`, one file for each camera, into one set of hands."""

from __future__ import annotations

import heapq
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handos_model.camera import Camera
from handos_model.fusion.extrinsics import Extrinsics
from handos_model.fusion.frame_sets import SLOP, FrameSets
from handos_model.fusion.hand_fusion import FusedHand, HandFusion
from handos_model.fusion.sighting import View
from handos_model.hand import Hand
from handos_model.io.files import RESULTS, one_line, open_file, shown
from handos_model.io.frame import LATEST_NS, SECOND
from handos_model.output.frame_record import wrist_record
from handos_model.wrist_pose import wrist_rotation

LONGEST_LINE = 8 * 2**20
"""Maximum bytes of one frame: a hundred hands with meshes."""
MAX_CAMERA_HANDS = 100
"""Maximum number of hands in one frame of a camera, as of the parameter max_hands of hands_node."""


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A line of a file: one frame of one camera; a mirror image is turned over, so pixels and lens are not mirrored."""

    camera: str
    stamp_ns: int
    hands: list[Hand]
    lens: Camera


class DamagedResults(ValueError):
    """A line of a file is not a frame; the message says which, and why."""


def read_results(path: Path) -> Iterator[CameraFrame]:
    """The frames of a .jsonl file of `handos predict`, in order.

    The camera's name is its frame_id, or else the name of the file. Raises DamagedResults for lines that are not frames
    or have no stamp, and ValueError for one that goes back in time.
    """
    last = None
    with open_file(path, RESULTS) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            where = f"line {number} of {shown(path)}"
            if len(line) > LONGEST_LINE:
                raise DamagedResults(f"{where} is longer than {LONGEST_LINE} bytes")
            try:
                frame = _frame(json.loads(line), path.stem)
            except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
                raise DamagedResults(f"{where} is not a frame written by handos predict: {one_line(error)}") from error
            if last is not None and frame.stamp_ns < last:
                raise ValueError(f"{where} is earlier than the line before: give one recording per file")
            last = frame.stamp_ns
            yield frame


def fused_frames(
    paths: list[Path],
    extrinsics: dict[str, Extrinsics],
    slop: float = SLOP,
    fusion: HandFusion | None = None,
    problems: list[str] | None = None,
) -> Iterator[tuple[int, list[FusedHand]]]:
    """Stamps in ns, and the hands at each of them in the common frame, from one file per camera.

    extrinsics: those of cameras, by CameraFrame.camera; slop: s by which stamps that belong together may differ;
    fusion: a new one, which afterwards tells how many hands it left out. problems: if given, a file that is damaged
    after its first frames ends there, and gets a sentence here. Raises what read_results raises otherwise, and
    ValueError for a camera without extrinsics and for two files of one camera.
    """
    # Time is that of the stamps: a frame exactly `slop` later still belongs to one, whatever is lost in rounding.
    sets: FrameSets[CameraFrame] = FrameSets(map(str, paths), slop, wait=slop + 1e-3, silence=math.inf)
    fusion = fusion or HandFusion()
    names: dict[str, Path] = {}
    streams = [zip(_until_damage(path, problems), itertools.repeat(path)) for path in paths]
    for frame, path in heapq.merge(*streams, key=lambda one: one[0].stamp_ns):
        if names.setdefault(frame.camera, path) != path:
            raise ValueError(
                f"two files belong to {one_line(frame.camera)}: {names[frame.camera]} and {path}; give one"
            )
        if frame.camera not in extrinsics:
            known = ", ".join(extrinsics)
            raise ValueError(f"{one_line(frame.camera)} of {path} has no extrinsics; the file has those of {known}")
        yield from (_fused(fusion, found, extrinsics) for found in sets.ready(frame.stamp_ns / SECOND))
        sets.add(str(path), frame.stamp_ns, frame, frame.stamp_ns / SECOND)
    yield from (_fused(fusion, found, extrinsics) for found in sets.rest())


def _until_damage(path: Path, problems: list[str] | None) -> Iterator[CameraFrame]:
    begun = False
    try:
        for frame in read_results(path):
            begun = True
            yield frame
    except DamagedResults as error:
        if problems is None or not begun:
            raise
        problems.append(str(error))


def _fused(fusion: HandFusion, found: Any, extrinsics: dict[str, Extrinsics]) -> tuple[int, list[FusedHand]]:
    views = [View(frame.camera, frame.hands, frame.lens, extrinsics[frame.camera]) for frame in found.frames.values()]
    return found.stamp_ns, fusion.update(views, found.stamp_ns / SECOND)


def fused_record(stamp_ns: int, frame: str, fused: list[FusedHand], vertices: bool = False) -> dict[str, Any]:
    """The record of one time for a line of JSON: docs/cameras.md explains its keys."""
    return {"stamp_ns": stamp_ns, "frame_id": frame, "hands": [_hand_record(one, vertices) for one in fused]}


def _hand_record(one: FusedHand, vertices: bool) -> dict[str, Any]:
    record = one.hand.to_dict(vertices)
    del record["box"], record["joints_2d"]
    mesh = {"vertices": record.pop("vertices")} if vertices else {}
    wrist = wrist_record(record, wrist_rotation(one.hand), one.wrist_covariance.ravel())
    return {**record, "wrist": wrist, "cameras": list(one.cameras), "disagreement": round(one.gap, 5), **mesh}


def _frame(record: dict[str, Any], stem: str) -> CameraFrame:
    stamp, values = record["stamp_ns"], record["intrinsics"]
    if type(stamp) is not int or abs(stamp) >= LATEST_NS:
        raise ValueError(f"stamp_ns is {stamp!r}: images have no time; give videos or recordings")
    if len(record["hands"]) > MAX_CAMERA_HANDS:
        raise ValueError(f"it has {len(record['hands'])} hands, but at most {MAX_CAMERA_HANDS} are allowed")
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
    if mirrored:  # metres already are those of the real hand
        hands, lens = [hand.flipped(lens.width) for hand in hands], lens.mirrored()
    return CameraFrame(str(record["frame_id"] or "").lstrip("/") or stem, stamp, hands, lens)
