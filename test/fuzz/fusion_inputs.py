"""Inputs of `handos fuse`: results of two cameras, and the poses of both in a file or in a recording.

The first byte says which of the files.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from file_inputs import FOLDER
from fuzz_class import FuzzClass
from hypothesis import strategies as st
from lies import with_lies
from lying_transforms import KINDS, transform_bag
from watched_hand import CAMERA, PLACES, extrinsics_values, found_by, standing

from handos_model.fusion.camera_poses import CameraPoses
from handos_model.fusion.results_files import fused_frames, fused_record
from handos_model.io.frame import Frame
from handos_model.output.frame_record import Detail, frame_record, record_line

RESULTS, EXTRINSICS = b"\0", b"\1"
SUFFIXES = {"MCAP": ".mcap", "SQLITE3": ".db3", "ROS1": ".bag"}
CHANCES = ("score", "side_confidence")


def _records(name: str, sides: tuple[str, ...], mesh: bool) -> list[dict[str, Any]]:
    """Three frames of one camera."""
    shapes = {"left": "left", "right": "right", "unknown": "right"}
    hands = [replace(found_by(standing(PLACES[name]), side=shapes[side], number=2), side=side) for side in sides]
    return [
        frame_record(
            Frame(f"{name}.mp4#{index}", None, stamp_ns=index * 100_000_000), CAMERA, "user", hands,
            {"name": "n", "version": "1"}, Detail(mesh),
        )
        for index in range(3)
    ]  # fmt: skip


def _lines(records: list[Any]) -> bytes:
    return RESULTS + "\n".join(map(json.dumps, records)).encode() + b"\n"


def _poses(tree: Any) -> bytes:
    return EXTRINSICS + yaml.dump(tree, default_flow_style=None, allow_unicode=True).encode("utf-8", "surrogatepass")


GOOD = [
    _records("left", sides, mesh)
    for sides, mesh in ((("right",), True), (("unknown",), True), (("right", "left"), False), ((), True))
]
POSES = extrinsics_values()
LEFT, RIGHT, CAMERAS = (FOLDER / name for name in ("left.jsonl", "right.jsonl", "cameras.yaml"))
LEFT.write_bytes(_lines(GOOD[0])[1:])
RIGHT.write_bytes(_lines(_records("right", ("right",), True))[1:])
CAMERAS.write_bytes(_poses(POSES)[1:])
BAGS = {kind: FOLDER / f"moving{SUFFIXES[storage]}" for kind, storage in KINDS.items()}
MOVING = FOLDER / "moving.jsonl"
WHOLE = {place: place.read_bytes() for place in (LEFT, CAMERAS)}


def _fuse(data: bytes) -> None:
    """One file is the input, the others are good; what is written must be JSON, and chances must be chances."""
    if data[:1] in KINDS:
        recording = BAGS[data[:1]]
        recording.write_bytes(data[1:])
        records = [{**record, "image": f"{recording}#{number}"} for number, record in enumerate(GOOD[2])]
        MOVING.write_bytes(_lines(records)[1:])
        cameras = CameraPoses("table", None)
        said = cameras.keep_recorded(recording)
        _read([MOVING, RIGHT], cameras, [said] if said else [])
        return
    place = CAMERAS if data[:1] == EXTRINSICS else LEFT
    place.write_bytes(data[1:])
    try:
        _read([LEFT, RIGHT], CameraPoses("", CAMERAS), [])
    finally:
        place.write_bytes(WHOLE[place])


def _read(paths: list[Path], cameras: CameraPoses, problems: list[str]) -> None:
    """Raises ValueError if anything could not be used, with the sentence that is longest."""
    try:
        for fused in fused_frames(paths, cameras, problems):
            _check(fused_record(fused, cameras.frame, vertices=True))
    except ValueError:
        if not problems:  # else they are what it says, a line each
            raise
    if problems:
        raise ValueError(max(problems, key=lambda said: ("\n" in said, len(said))))


def _check(record: dict[str, Any]) -> None:
    try:
        record_line(record)
    except ValueError as error:
        raise AssertionError(f"a hand that JSON cannot express: {error}") from error
    for hand in record["hands"]:
        chances = np.array([*hand["joint_confidence"], *(hand[name] for name in CHANCES)])
        assert (0 <= chances).all() and (chances <= 1).all(), chances


def _lying(number: int) -> bytes:
    chance = random.Random(number)
    if chance.random() < 0.4:
        kind = chance.choice(list(KINDS))
        return kind + transform_bag(KINDS[kind], chance)
    if chance.random() < 0.3:
        return _poses(with_lies(POSES, chance))
    records = list(chance.choice(GOOD))
    lying = chance.randrange(len(records))
    record = records[lying]
    if record["hands"] and chance.random() < 0.7:  # most of what a record holds
        records[lying] = {**record, "hands": [with_lies(hand, chance) for hand in record["hands"]]}
    else:
        records[lying] = with_lies(record, chance)
    return _lines(records)


SEEDS = [*map(_lines, GOOD), _poses(POSES), _poses(POSES), *(kind + transform_bag(KINDS[kind]) for kind in KINDS)]
FUSION = FuzzClass(_fuse, SEEDS, st.integers(0, 2**62).map(_lying), kept=1, family=2)
