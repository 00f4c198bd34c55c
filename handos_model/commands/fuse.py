"""Combine the results of `handos predict` for several calibrated cameras into one set of hands."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from handos_model.commands.predict import add_overwrite
from handos_model.fusion.extrinsics import read_extrinsics
from handos_model.fusion.frame_sets import SLOP
from handos_model.fusion.hand_fusion import FusedHand, HandFusion, possible
from handos_model.fusion.results_files import fused_frames, fused_record
from handos_model.io.files import message
from handos_model.kinematics.skeleton import HandSkeleton
from handos_model.output.frame_record import record_line
from handos_model.output.output_file import check_files, completed
from handos_model.template.load import load_template


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos fuse`."""
    parser.add_argument("results", nargs="+", type=Path, metavar="FILE.jsonl", help="results of each camera")
    parser.add_argument(
        "--extrinsics", type=Path, required=True, metavar="FILE.yaml", help="poses of the cameras (docs/cameras.md)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="file to write")
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
    """Writes one line for each time; returns 1 if a file could not be read to its end."""
    if not 0 <= args.slop <= 1:
        raise ValueError(f"--slop is {args.slop:g}, must lie between 0 and 1 s")
    if args.out.suffix.lower() != ".jsonl":
        raise ValueError(f"--out is {args.out}, must end in .jsonl")
    frame, cameras = read_extrinsics(args.extrinsics)
    check_files([args.out], [*args.results, args.extrinsics, *filter(None, [args.template])], args.overwrite)
    template = load_template(args.template)
    fusion = HandFusion(template.faces)
    skeleton = HandSkeleton(template) if args.anatomical else None
    seen: Counter[int] = Counter()
    times, problems = 0, list[str]()
    with completed(args.out) as place, place.open("w", encoding="utf-8") as file:
        for stamp_ns, fused in fused_frames(args.results, cameras, args.slop, fusion, problems):
            if skeleton is not None:
                fused = possible(_meshed(fused), skeleton)
            file.write(record_line(fused_record(stamp_ns, frame, fused, args.vertices)))
            seen.update(len(one.cameras) for one in fused)
            times += 1
    by_cameras = ", ".join(f"{count} by {cameras}" for cameras, count in sorted(seen.items())) or "none"
    print(f"{times} times; hands by number of cameras: {by_cameras}", file=sys.stderr)
    if len(args.results) > 1 and not any(cameras > 1 for cameras in seen):
        print(
            "handos fuse: no hand was seen by two cameras at once: check the stamps (--slop) and the extrinsics",
            file=sys.stderr,
        )
    if fusion.unusable:
        why = "because their numbers are not those of a hand in front of a camera"
        print(f"handos fuse: hands that are left out {why}: {fusion.unusable}", file=sys.stderr)
    for problem in problems:
        print(f"handos fuse: {message(problem)}; what comes after it is not read", file=sys.stderr)
    return int(bool(problems))


def _meshed(fused: list[FusedHand]) -> list[FusedHand]:
    """The hands; ValueError if one has no mesh."""
    if not all(len(one.hand.vertices) for one in fused):
        raise ValueError("--anatomical needs meshes, and the inputs have none: run handos predict with --vertices")
    return fused
