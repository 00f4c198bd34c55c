"""Find hands in images, folders, videos and ROS recordings."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from handos_model.commands.prediction.cluster import RayPool
from handos_model.commands.prediction.frame_finder import FrameFinder
from handos_model.commands.prediction.jobs import JobPool, Work, run_jobs
from handos_model.commands.prediction.plan import Task, check_names, check_tasks, check_times, plan, read_again, unused
from handos_model.commands.prediction.processes import MAX_JOBS, ProcessPool
from handos_model.commands.prediction.run import PredictionRun
from handos_model.commands.prediction.user_camera import calibration_file, user_camera
from handos_model.io.files import checksum_file, message
from handos_model.io.frame import MIN_RATE
from handos_model.io.inputs import Source, UnreadableInput, open_inputs
from handos_model.kinematics.mano_parameters import ManoFitter
from handos_model.output.frame_record import Detail
from handos_model.output.output_file import Inputs, Target, WriteRules
from handos_model.output.results import RESULTS_SUFFIXES
from handos_model.prediction.predictor import HandPredictor
from handos_model.prediction.view_network import SEARCHES, is_of_a_pair, pair_of
from handos_model.template.mano import MANO_NAME
from handos_model.template.mano_layer import mano_files
from handos_model.view.viewer import SPELLING, Viewer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos predict`."""
    parser.add_argument(
        "input", nargs="+", metavar="INPUT", help="image, video, ROS recording, folder of these, or stream"
    )
    output = parser.add_argument_group(
        "outputs", "A file gets its name when it is complete; until then, the name contains .part. {} in a name stands "
        "for the name of the input, for one output per input.",
    )  # fmt: skip
    output.add_argument(
        "--out", metavar="FILE", help=f"one record per frame: {RESULTS_SUFFIXES}, or without a suffix a rosbag2 "
        "folder; without --out, --draw and --view: lines on stdout",
    )  # fmt: skip
    output.add_argument("--draw", metavar="DIR|FILE.mp4", help="draw the hands: one JPEG per frame, or a video")
    output.add_argument("--view", metavar="VIEWER[=FILE]", help=f"show the hands: {SPELLING}")
    output.add_argument("--vertices", action="store_true", help="also write the 778 vertices of the mesh")
    output.add_argument(
        "--mano",
        type=Path,
        metavar="DIR",
        help="also write MANO's pose and shape; DIR: folder of MANO_RIGHT.pkl and MANO_LEFT.pkl",
    )
    output.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="number of inputs to process at a time (1; with --ray: as many as the cluster has room for)",
    )
    output.add_argument(
        "--ray", action="store_true", help="process the inputs on a Ray cluster: that of RAY_ADDRESS, or this machine"
    )
    add_overwrite(output)
    output.add_argument("--resume", action="store_true", help="continue an interrupted run")
    output.add_argument(
        "--anatomical",
        action="store_true",
        help="write the nearest anatomically possible hands instead of the measured ones",
    )
    images = parser.add_argument_group("images and camera")
    images.add_argument("--track", action="store_true", help="track hands: ids, sides decided over time, smooth motion")
    images.add_argument("--fps", type=float, metavar="N", help="the images of a folder are a sequence of N per second")
    images.add_argument("--mirrored", action="store_true", help="the images are mirrored, like selfies")
    images.add_argument(
        "--intrinsics", metavar="fx,fy,cx,cy|FILE.yaml", help="in pixels, or a file of camera_calibration or Kalibr, "
        "which also describes the lens; default: those of the recording, else assumed",
    )  # fmt: skip
    images.add_argument("--topic", help="image topic, for recordings with several colour topics")
    images.add_argument(
        "--depth", default="auto", metavar="TOPIC|auto|none",
        help="depth topic of a recording; auto: the one registered to the images (auto)",
    )  # fmt: skip
    images.add_argument(
        "--rectified", action="store_true", help="the images are rectified: use P of the recording or of FILE.yaml"
    )
    images.add_argument(
        "--hand-scale", type=float, default=1.0, metavar="S", help="size of the hand relative to an average adult's (1)"
    )
    add_predictor_arguments(parser)


def add_overwrite(parser: argparse._ActionsContainer) -> None:
    """Declares --overwrite, which every command that writes a file has."""
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs, but never an input")


def add_predictor_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments that choose the network and how it runs."""
    parser.add_argument("--weights", metavar="FILE", help="ONNX file of `handos export`; default: the embedded weights")
    parser.add_argument("--template", metavar="FILE", help="MANO_RIGHT.pkl, for weights trained on MANO")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or tensorrt (auto)")
    parser.add_argument("--size", metavar="PX", help="long edge of the network's input; default: as trained")
    parser.add_argument(
        "--threshold", type=float, metavar="T", help="minimum detection score; default: the weights' own"
    )
    parser.add_argument(
        "--search",
        choices=SEARCHES,
        default="fast",
        help="thorough: search parts of the image for small hands even if there are near ones",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="number of CPU threads; default: one per core")


def predictor_files(args: argparse.Namespace) -> list[Path]:
    """The files that the arguments of add_predictor_arguments name, with those that belong to them."""
    weights = [] if args.weights is None else [Path(args.weights)]
    if weights and is_of_a_pair(weights[0]):
        weights = list(pair_of(weights[0]))
    return [*weights, *map(checksum_file, weights), *([Path(args.template)] if args.template else [])]


def open_predictor(args: argparse.Namespace, hand_scale: float = 1.0) -> HandPredictor:
    """The predictor that the arguments ask for; between two images its threads leave the cores to others."""
    return HandPredictor(
        args.weights,
        args.device,
        args.size,
        args.threshold,
        hand_scale,
        args.threads,
        args.template,
        spinning=False,
        search=args.search,
    )


def run(args: argparse.Namespace) -> int:
    """Predicts every frame; returns 1 if some could not be read, 130 if stopped by a signal."""
    user_camera(args.intrinsics, args.rectified)
    if args.fps is not None and not (math.isfinite(args.fps) and MIN_RATE <= args.fps <= 1000):
        raise ValueError(f"--fps is {args.fps:g}, must lie between {MIN_RATE:g} and 1000")
    if args.jobs is not None and not 1 <= args.jobs <= MAX_JOBS:
        raise ValueError(f"--jobs is {args.jobs}, must lie between 1 and {MAX_JOBS}")
    rules = WriteRules(args.overwrite, args.resume)
    if rules.resume and not args.out:
        raise ValueError("--resume continues the results in --out FILE: name it")
    parallel = args.ray or (args.jobs or 1) > 1
    lens = calibration_file(args.intrinsics)
    inputs = Inputs(args.input, [*predictor_files(args), *mano_files(args.mano), *([lens] if lens else [])])
    viewer = Viewer.named(args.view) if args.view is not None else None
    out, draw = (None if name is None else Target.named(name) for name in (args.out, args.draw))
    check_names(out, draw)
    if "{}" not in f"{out}{draw}":
        check_tasks([Task([], out, draw)], inputs, rules)  # before anything is opened
    if viewer:
        viewer.check(inputs, rules, parallel)
    sources = _open_sources(args, args.input)
    for note in (*_unused(args, sources), *(note for source in sources for note in source.notes)):
        print(f"handos predict: {message(note)}", file=sys.stderr)
    tasks, view = plan(sources, out, draw), viewer.path if viewer else None
    check_tasks(tasks, inputs, rules, view)
    for note in read_again(args.input, filter(None, (out, draw, Target.named(view) if view else None))):
        print(f"handos predict: {message(note)}", file=sys.stderr)
    if args.fps is None:
        check_times(sources, out)
    if not parallel:
        return _open_run(args, viewer).run(tasks, rules).say()
    if len(tasks) < len(sources):
        raise ValueError(
            "--jobs and --ray process several inputs at once and need one output each: --out 'DIR/{}.jsonl'"
        )
    return run_jobs(tasks, rules, _open_pool(args, len(tasks))).say()


def _unused(args: argparse.Namespace, sources: list[Source]) -> Iterator[str]:
    of_recordings = {
        "--topic": args.topic,
        "--depth": args.depth not in ("auto", "none"),
        "--rectified without --intrinsics FILE.yaml": args.rectified and not calibration_file(args.intrinsics),
    }
    return unused(sources, {"--fps": args.fps}, of_recordings)


def _open_pool(args: argparse.Namespace, inputs: int) -> JobPool:
    jobs = min(args.jobs or inputs, inputs)
    if args.ray:
        args.threads = args.threads or 1
        return RayPool(jobs, _work(args), args.threads, args.device in ("cuda", "tensorrt"))
    args.threads = args.threads or max(1, len(os.sched_getaffinity(0)) // args.jobs)
    return ProcessPool(jobs, _work(args))


def _work(args: argparse.Namespace) -> Work:
    return Work(partial(_open_run, args), partial(_open_source, args))


def _open_run(args: argparse.Namespace, viewer: Viewer | None = None) -> PredictionRun:
    predictor = open_predictor(args, args.hand_scale)
    camera = user_camera(args.intrinsics, args.rectified)
    finder = FrameFinder(predictor, camera, args.track, args.mirrored, args.anatomical)
    mano = ManoFitter(args.mano, mesh=predictor.template.name == MANO_NAME) if args.mano else None
    return PredictionRun(finder, Detail(args.vertices, mano), args.fps, viewer)


def _open_sources(args: argparse.Namespace, places: list[str]) -> list[Source]:
    return open_inputs(places, args.topic, args.depth, args.rectified, use_camera_info=args.intrinsics is None)


def _open_source(args: argparse.Namespace, name: str) -> Source:
    """The source with that name, which may be a part of an input, such as the images of a folder."""
    try:
        return _open_sources(args, [name])[0]
    except (OSError, ValueError) as error:
        return UnreadableInput(name, str(error))
