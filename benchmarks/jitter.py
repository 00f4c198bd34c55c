"""How still a followed hand stays, how late it is, and whether it keeps its size: HandOS and MediaPipe Hands.

    make mediapipe
    python benchmarks/jitter.py --data ../shared/data

HandOS raw, HandOS smoothed and MediaPipe follow the one hand of each video, frame by frame in turn. Jitter is the
mean length of the joints' second differences, as in `handos evaluate videos`, but only around still frames: the third
of the frames that differ least from their neighbours. Noise is the standard deviation of white noise that would give
the second differences of the median one among them, where a finger that moves does not count. Pixels are those of a
frame whose long edge has 1280. Lag is the delay at which the motion of a frame that is moved to and fro best matches
what is seen of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mediapipe_hands import VERSION, MediaPipeHands
from script import at_least, options, run_script

from handos_model import Hand, HandFollower, HandPredictor
from handos_model.evaluation.own_sets import progress
from handos_model.io.inputs import open_inputs
from handos_model.tracking.tracker import HandTracker, TrackerOptions

VIDEOS = {"video/human_hand_video.mp4": 30.0, "video/asl_hand.25fps.mp4": 25.0}  # frames per second
LONG_EDGE = 1280
SMALL = (96, 96)  # px of the frames that are compared with each other
STILL = 1 / 3  # share of the frames
LONGEST_LAG = 0.25  # s that are searched
SWING, PERIOD, MOVED = 240.0, 1.5, 90  # px from end to end, s there and back, frames
PALM = (0, 9)  # wrist and the middle finger's knuckle
FIGURES = {
    "jitter": "jitter, px",
    "joints_2d": "noise of joints, px",
    "shape": "of joints to the wrist, mm",
    "wrist across": "of the wrist, mm",
    "wrist depth": "of its depth, mm",
    "palm": "palm length, %",
    "found": "frames found",
    "sides": "side changes",
}  # fmt: skip

Follow = Callable[[np.ndarray, float], list[Hand]]


def main() -> None:
    """Prints the tables and their numbers as JSON."""
    arguments = _arguments()
    predictor = HandPredictor(arguments.weights, device="cpu", threads=arguments.threads)
    results: dict[str, Any] = {"videos": {}, "moved": {}}
    for name, rate in VIDEOS.items():
        video = arguments.data / name
        with ExitStack() as peers:
            hands, still = followed(_frames(video, arguments.frames), systems(predictor, peers), rate, video.name)
        results["videos"][video.name] = {system: figures(one, still) for system, one in hands.items()}
        frame = next(_frames(video, 1))
        with ExitStack() as peers:
            images, truth = moved(frame, rate)
            hands, _ = followed(images, systems(predictor, peers), rate, f"{video.name}, moved")
        results["moved"][video.name] = {system: on_motion(one, truth, rate) for system, one in hands.items()}
    print(markdown(results))
    print(json.dumps(results))


def systems(predictor: HandPredictor, peers: ExitStack) -> dict[str, Follow]:
    """The followers of one hand, each from its beginning."""
    raw, smoothed = HandFollower(predictor, HandTracker(TrackerOptions(smoothing=False))), HandFollower(predictor)
    mediapipe = peers.enter_context(MediaPipeHands(max_hands=1, static=False))
    return {
        "HandOS": raw.follow,
        "HandOS, smoothed": smoothed.follow,
        f"MediaPipe {VERSION}": lambda image, _: mediapipe.predict(image),
    }


def followed(
    frames: Iterable[np.ndarray], systems: dict[str, Follow], rate: float, name: str
) -> tuple[dict[str, list[Hand | None]], np.ndarray]:
    """The hand of each system's longest track in every frame, in px of LONG_EDGE; which frames are still (T,) bool."""
    seen: dict[str, list[list[Hand]]] = {system: [] for system in systems}
    small = []
    scale = 1.0
    for number, frame in enumerate(progress(frames, name)):
        scale = LONG_EDGE / max(frame.shape[:2])
        small.append(cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA).astype(np.float32))
        for system, follow in systems.items():
            seen[system].append(follow(frame, number / rate))
    return {system: longest(hands, scale) for system, hands in seen.items()}, still_frames(np.array(small))


def longest(frames: list[list[Hand]], scale: float) -> list[Hand | None]:
    """The hand of the id that is seen most often, its joints_2d times `scale`; None in frames without it."""
    ids = [hand.id for hands in frames for hand in hands]
    if len(ids) < 3:
        raise ValueError("a hand is seen in fewer than three frames: nothing to measure")
    most = max(set(ids), key=ids.count)
    chosen = (next((hand for hand in hands if hand.id == most), None) for hands in frames)
    return [None if hand is None else replace(hand, joints_2d=hand.joints_2d * scale) for hand in chosen]


def still_frames(small: np.ndarray) -> np.ndarray:
    """Which of the frames (T, h, w, 3) differ least from both neighbours: (T,) bool, a share of STILL of them."""
    change = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2, 3))  # (T - 1,)
    both = np.maximum(change[:-1], change[1:])
    still = np.zeros(len(small), bool)
    still[1:-1] = both <= np.quantile(both, STILL)
    return still


def figures(hands: list[Hand | None], still: np.ndarray) -> dict[str, float]:
    """FIGURES of one hand over a video."""
    seen = [hand for hand in hands if hand is not None]
    series = {
        "joints_2d": [hand.joints_2d for hand in seen],
        "shape": [1000 * (hand.joints_3d - hand.joints_3d[0]) for hand in seen],
        "wrist across": [1000 * hand.translation[:2] for hand in seen],
        "wrist depth": [1000 * hand.translation[2:] for hand in seen],
    }
    rows = np.cumsum([hand is not None for hand in hands]) - 1
    middle = [i for i in np.flatnonzero(still) if all(hands[j] is not None for j in (i - 1, i, i + 1))]
    if not middle:
        raise ValueError("the hand is seen in no still frame: nothing to measure")
    values = {name: np.array(of).reshape(len(seen), -1) for name, of in series.items()}
    steps = second_differences(values["joints_2d"], rows[middle]).reshape(-1, 2)
    palms = np.array([np.linalg.norm(np.subtract(*hand.joints_3d[list(PALM)])) for hand in seen])
    sides = [hand.side for hand in seen]
    return {name: noise(of, rows[middle]) for name, of in values.items()} | {
        "jitter": float(np.linalg.norm(steps, axis=1).mean()),
        "palm": float(100 * palms.std() / palms.mean()),
        "found": len(seen) / len(hands),
        "sides": sum(a != b for a, b in zip(sides, sides[1:], strict=False)),
    }


def noise(values: np.ndarray, middle: np.ndarray) -> float:
    """Standard deviation of the noise of a series (T, D) around the frames `middle`: that of the median number."""
    second = second_differences(values, middle)
    return float(np.median(np.sqrt(np.square(second).mean(axis=1) / 6)))  # white noise: variance 1 + 4 + 1


def second_differences(values: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Second differences (n, D) of a series (T, D) around the frames `middle` (n,)."""
    return values[middle - 1] - 2 * values[middle] + values[middle + 1]


def moved(frame: np.ndarray, rate: float) -> tuple[Iterator[np.ndarray], np.ndarray]:
    """The frame moved sideways by a cosine, and by how many px of LONG_EDGE in each frame (MOVED,)."""
    shift = SWING / 2 * (1 - np.cos(2 * np.pi * np.arange(MOVED) / rate / PERIOD))
    height, width = frame.shape[:2]
    steps = np.array([[[1, 0, x], [0, 1, 0]] for x in shift * max(height, width) / LONG_EDGE])
    images = (cv2.warpAffine(frame, step, (width, height), borderMode=cv2.BORDER_REPLICATE) for step in steps)
    return images, shift


def on_motion(hands: list[Hand | None], truth: np.ndarray, rate: float) -> dict[str, float]:
    """Lag in ms, and the root mean square error in px that is left when a constant offset is taken off."""
    seen = np.array([np.nan if hand is None else hand.joints_2d[:, 0].mean() for hand in hands])
    known = np.isfinite(seen)
    error = (seen - truth)[known]
    return {"lag": lag(truth, seen, rate), "error": float(error.std()), "found": float(known.mean())}


def lag(before: np.ndarray, after: np.ndarray, rate: float) -> float:
    """ms by which the series `after` (T,), NaN where it is unknown, comes later than `before`, apart from an offset."""
    times = np.arange(len(before))
    known = np.isfinite(after) & (times >= LONGEST_LAG * rate)
    shifts = np.arange(-0.02, LONGEST_LAG, 0.001)
    errors = [np.std((np.interp(times - shift * rate, times, before) - after)[known]) for shift in shifts]
    return float(1000 * shifts[np.argmin(errors)])


def markdown(results: dict[str, Any]) -> str:
    """Both tables."""
    lines = ["| video | system | " + " | ".join(FIGURES.values()) + " |", "|---" * (len(FIGURES) + 2) + "|"]
    for video, rows in results["videos"].items():
        for system, row in rows.items():
            lines.append(f"| {video} | {system} | " + " | ".join(f"{row[name]:.3g}" for name in FIGURES) + " |")
    lines += ["", "| a moved frame of | system | lag, ms | error, px | frames found |", "|---" * 5 + "|"]
    for video, rows in results["moved"].items():
        for system, row in rows.items():
            lines.append(f"| {video} | {system} | {row['lag']:.0f} | {row['error']:.1f} | {row['found']:.2f} |")
    return "\n".join(lines)


def _frames(video: Path, most: int | None) -> Iterator[np.ndarray]:
    if not video.is_file():
        raise FileNotFoundError(f"no video at {video}: give the data folder with --data")
    (source,) = open_inputs([str(video)])
    for number, frame in enumerate(source):
        if frame.image is None or number == most:
            return
        yield frame.image


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with video")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    parser.add_argument("--frames", type=at_least(3), help="only the first ones of each video")
    parser.add_argument("--threads", type=at_least(1), default=2, help="CPU threads of our network (default: 2)")
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
