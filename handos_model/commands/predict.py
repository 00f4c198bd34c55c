"""Find hands in images, folders, videos and ROS recordings."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
from tqdm import tqdm

from handos_model.camera import Camera
from handos_model.drawing.hand_drawing import draw_hands
from handos_model.hand import Hand
from handos_model.io.drawing_output import FolderOutput, VideoOutput, open_drawing
from handos_model.io.frame import Frame
from handos_model.io.inputs import Source, open_inputs
from handos_model.prediction.predictor import HandPredictor
from handos_model.prediction.view_network import SEARCHES
from handos_model.tracking.follower import HandFollower


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos predict`."""
    parser.add_argument("input", nargs="+", metavar="INPUT", help="image, folder, video, rosbag2 folder or MCAP file")
    parser.add_argument("--out", metavar="FILE", help="JSON lines, one per frame; without --out and --draw: stdout")
    parser.add_argument("--draw", metavar="DIR|FILE.mp4", help="draw the hands: one JPEG per frame, or a video")
    parser.add_argument("--track", action="store_true", help="follow hands: ids, sides over time, smooth motion")
    parser.add_argument("--vertices", action="store_true", help="also write the 778 vertices of the mesh")
    parser.add_argument("--intrinsics", metavar="fx,fy,cx,cy", help="in pixels; default: the recording's, else assumed")
    parser.add_argument("--topic", help="image topic of a recording that has several")
    parser.add_argument(
        "--hand-scale", type=float, default=1.0, metavar="S", help="size of the hand relative to an average adult's (1)"
    )
    add_predictor_arguments(parser)


def add_predictor_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what chooses the network and how it runs."""
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
        help="thorough: look for small hands, in parts of the image, beside near ones as well",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="number of CPU threads; default: one per core")


def open_predictor(args: argparse.Namespace, hand_scale: float = 1.0) -> HandPredictor:
    """The predictor that the arguments ask for."""
    return HandPredictor(
        args.weights,
        args.device,
        args.size,
        args.threshold,
        hand_scale,
        args.threads,
        args.template,
        search=args.search,
    )


def run(args: argparse.Namespace) -> int:
    """Predicts every frame; 1 when some could not be read, 130 when stopped by Ctrl-C, with complete files."""
    intrinsics = parse_intrinsics(args.intrinsics) if args.intrinsics else None
    sources = open_inputs(args.input, args.topic)
    for note in (note for source in sources for note in source.notes):
        print(f"handos predict: {note}", file=sys.stderr)
    predictor = open_predictor(args, args.hand_scale)
    find, faces = _finder(predictor, args.track), predictor.template.faces
    with ExitStack() as stack:
        out = _open_lines(args, stack)
        drawing = open_drawing(args.draw, _common_fps(sources)) if args.draw else None
        if drawing:
            stack.callback(drawing.close)
        stop = stack.enter_context(_interruptible())
        frames = hands = unreadable = 0
        for frame, first in _with_progress(sources):
            if frame.image is None:
                unreadable += 1
                tqdm.write(f"handos predict: {frame.problem}", file=sys.stderr)
            else:
                frames += 1
                hands += _predict_frame(frame, first, find, intrinsics, out, drawing, args.vertices, faces)
            if stop():
                break
        interrupted = stop()
    failed = f", {unreadable} not readable" if unreadable else ""
    print(f"{frames} frames, {hands} hands{failed}{', interrupted' if interrupted else ''}", file=sys.stderr)
    return 130 if interrupted else int(unreadable > 0)


Finder = Callable[[Frame, Camera, bool], list[Hand]]


def _finder(predictor: HandPredictor, track: bool) -> Finder:
    """Hands of a frame that its camera sees, and whether it is its input's first; tracked where frames have stamps."""
    follower = HandFollower(predictor) if track else None

    def find(frame: Frame, camera: Camera, first: bool) -> list[Hand]:
        assert frame.image is not None  # unreadable frames are not predicted
        if follower is None or frame.stamp_ns is None:
            return predictor.predict(frame.image, camera)
        if first:
            follower.reset()
        return follower.follow(frame.image, frame.stamp_ns / 1e9, camera)

    return find


def _predict_frame(
    frame: Frame, first: bool, find: Finder, intrinsics: tuple[float, ...] | None, out: object,
    drawing: FolderOutput | VideoOutput | None, vertices: bool, faces: np.ndarray,
) -> int:  # fmt: skip
    height, width = frame.image.shape[:2]
    camera = Camera.from_intrinsics(*intrinsics, width, height) if intrinsics else frame.camera
    camera = camera or Camera.from_fov(width, height)
    hands = find(frame, camera, first)
    if out is not None:
        out.write(json.dumps(frame_record(frame, hands, vertices)) + "\n")
        out.flush()
    if drawing:
        drawing.write(frame.name, draw_hands(frame.image, hands, camera, faces=faces))
    return len(hands)


def frame_record(frame: Frame, hands: list[Hand], vertices: bool = False) -> dict:
    """One JSON line: the image's name, its stamp where it has one, its size and its hands."""
    height, width = frame.image.shape[:2]
    stamp = {} if frame.stamp_ns is None else {"stamp_ns": frame.stamp_ns}
    records = [hand.to_dict(vertices) for hand in hands]
    return {"image": frame.name, **stamp, "width": width, "height": height, "hands": records}


def parse_intrinsics(text: str) -> tuple[float, ...]:
    """fx, fy, cx, cy in px from "fx,fy,cx,cy"; ValueError for anything else."""
    try:
        values = tuple(float(value) for value in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 4:
        raise ValueError(f"--intrinsics takes four numbers fx,fy,cx,cy, got {text!r}")
    Camera.from_intrinsics(*values, 1, 1)  # refuses what no camera has
    return values


def _open_lines(args: argparse.Namespace, stack: ExitStack) -> object:
    if args.out:
        path = Path(args.out)
        if path.is_dir():
            raise ValueError(f"--out takes a file, {path} is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        return stack.enter_context(path.open("w", encoding="utf-8"))
    return None if args.draw else sys.stdout


def _common_fps(sources: list[Source]) -> float | None:
    return next((source.fps for source in sources if source.fps), None)


def _with_progress(sources: list[Source]) -> Iterator[tuple[Frame, bool]]:
    """Every frame, and whether it is the first of its source."""
    total = sum(len(source) for source in sources)
    with tqdm(total=total or None, unit="frame", file=sys.stderr, disable=None, leave=False) as bar:
        for source in sources:
            for index, frame in enumerate(source):
                yield frame, index == 0
                bar.update()


@contextmanager
def _interruptible() -> Iterator[object]:
    """The first Ctrl-C lets the frame in hand be finished, so that files end with a whole record; a second stops."""
    pressed = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
