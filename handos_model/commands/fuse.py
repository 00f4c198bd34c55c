"""Combine the results of `handos predict` for several calibrated cameras into one set of hands."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from handos_model.commands.predict import add_overwrite
from handos_model.fusion.camera_poses import CameraPoses
from handos_model.fusion.frame_sets import SLOP
from handos_model.fusion.hand_fusion import MAX_AGE, FusedHand, HandFusion, possible
from handos_model.fusion.results_files import fused_frames, fused_record, recording_of
from handos_model.io.files import message, shown
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.output.frame_record import Detail
from handos_model.output.message_types import Origin
from handos_model.output.output_file import Inputs, Target, WriteRules
from handos_model.output.results import RESULTS_SUFFIXES, check_results, check_results_name, write_results
from handos_model.template.load import load_template


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos fuse`."""
    parser.add_argument("results", nargs="+", type=Path, metavar="FILE.jsonl", help="results of each camera")
    parser.add_argument(
        "--extrinsics",
        type=Path,
        metavar="FILE.yaml",
        help="poses of the cameras (docs/cameras.md); default: those on /tf and /tf_static of their recordings",
    )
    parser.add_argument("--frame", metavar="NAME", help="common frame, such as base_link; default: that of FILE.yaml")
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help=f"one record per time: {RESULTS_SUFFIXES}, or without a suffix a rosbag2 folder",
    )
    parser.add_argument(
        "--slop",
        type=float,
        default=SLOP,
        metavar="S",
        help=f"maximum difference of stamps that belong together, in s ({SLOP:g})",
    )
    parser.add_argument(
        "--vertices", action="store_true", help="also write the mesh of each hand, if the inputs have meshes"
    )
    parser.add_argument(
        "--anatomical",
        action="store_true",
        help="write the nearest anatomically possible hands instead of the measured ones, if the inputs have meshes",
    )
    parser.add_argument(
        "--template", type=Path, metavar="FILE", help="MANO_RIGHT.pkl, if the inputs are of weights trained on MANO"
    )
    add_overwrite(parser)


def run(args: argparse.Namespace) -> int:
    """Writes a record for each time; returns 1 if an input could not be used, or not to its end."""
    if not 0 <= args.slop <= 1:
        raise ValueError(f"--slop is {args.slop:g}, must lie between 0 and 1 s")
    out = Target.named(args.out)
    check_results_name(out)
    cameras = CameraPoses(args.frame or "", args.extrinsics)
    named = {recording_of(path) for path in args.results}
    recordings = sorted(filter(None, named))
    used = filter(None, [args.extrinsics, args.template])
    check_results(out, Inputs([*args.results, *recordings], used), WriteRules(args.overwrite))
    if not (args.extrinsics or recordings):
        raise ValueError(
            f"{args.results[0]} names no recording that is here: give the poses of the cameras by --extrinsics"
        )
    template = load_template(args.template)
    fusion = HandFusion(template.faces)
    skeleton = HandSkeleton(template) if args.anatomical else None
    problems = [] if args.extrinsics else [said for path in recordings if (said := cameras.keep_recorded(path))]
    seen: Counter[int] = Counter()
    assumed: set[str] = set()
    times = 0

    def records() -> Iterator[dict[str, Any]]:
        nonlocal times
        for fused in fused_frames(args.results, cameras, problems, args.slop, fusion):
            hands = fused.hands if skeleton is None else possible(_meshed(fused.hands), skeleton)
            seen.update(len(one.cameras) for one in hands)
            assumed.update(frame.camera for frame in fused.seen if frame.lens.assumed)
            times += 1
            yield fused_record(replace(fused, hands=hands), cameras.frame, args.vertices)

    origin = Origin(measured="triangulated" if len(args.results) > 1 else "depth", max_age=MAX_AGE)
    original = recordings[0] if named == {*recordings[:1]} else None
    notes = write_results(records(), out, Detail(args.vertices, fused=True), original, origin)
    empty = [path for path in args.results if path.is_file() and not path.stat().st_size]
    _report(times, seen, several=len(args.results) > 1 and not (problems or empty))
    for path in empty:
        print(f"handos fuse: results file {shown(path)} is empty: it holds no frame", file=sys.stderr)
    if assumed:
        said = f"the intrinsics of {', '.join(sorted(assumed))} are assumed, and rays to hands are guesses"
        print(f"handos fuse: {message(said)}: give handos predict --intrinsics", file=sys.stderr)
    if fusion.unusable:
        why = "because their numbers are not those of a hand in front of a camera"
        print(f"handos fuse: hands that are left out {why}: {fusion.unusable}", file=sys.stderr)
    for said in (*(f"{out}: {note}" for note in notes), *problems):
        print(f"handos fuse: {message(said)}", file=sys.stderr)
    return int(bool(problems))


def _report(times: int, seen: Counter[int], several: bool) -> None:
    """Prints how many hands were seen by how many cameras.

    seen: how many hands by the number of their cameras; several: some should have been seen by more than one camera.
    """
    by_cameras = ", ".join(f"{count} by {cameras}" for cameras, count in sorted(seen.items())) or "none"
    print(f"{times} times; hands by number of cameras: {by_cameras}", file=sys.stderr)
    if several and not any(cameras > 1 for cameras in seen):
        print(
            "handos fuse: no hand was seen by two cameras at once: check the stamps (--slop) and the extrinsics",
            file=sys.stderr,
        )


def _meshed(fused: list[FusedHand]) -> list[FusedHand]:
    """The hands; ValueError if one has no mesh."""
    if not all(len(one.hand.vertices) for one in fused):
        raise ValueError("--anatomical needs meshes, and the inputs have none: run handos predict with --vertices")
    return fused
