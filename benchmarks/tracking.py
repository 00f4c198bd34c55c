"""What tracking changes: jitter and lag on videos, error on motion that is known, ids of hands that pass each other.

    python benchmarks/tracking.py --data ../shared/data

Jitter is the standard deviation of white noise that would give the second differences that are seen, of the median
frame, so that quick motion does not count as noise. Lag is the shift in time that makes the raw motion most alike the
smoothed one. Needs no package but the project's own.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tracking_scenes import RATE, reaching, wandering

from handos_model import Camera, Hand, HandPredictor
from handos_model.io.inputs import open_inputs
from handos_model.tracking.tracker import HandTracker, TrackerOptions

VIDEOS = ("video/human_hand_video.mp4", "video/asl_hand.25fps.mp4")
PARTS = {"wrist across": "mm", "wrist depth": "mm", "shape": "mm", "joints_2d": "px"}
"""What is measured: the wrist's x and y, its z, joints_3d relative to the wrist, and joints_2d."""
GROUPS = {"two hands": ("left", "right"), "four hands": ("left", "right", "right", "left")}
SCENES = 25  # of each group
LONGEST_LAG = 0.25  # s that are searched


def main() -> None:
    """Prints the tables and their numbers as JSON."""
    arguments = _arguments()
    options = TrackerOptions(min_cutoff=arguments.min_cutoff, beta=arguments.beta)
    videos = {}
    predictor = HandPredictor(arguments.weights, device="cpu", threads=arguments.threads)
    for video in VIDEOS:
        fps, frames = predicted(predictor, arguments.data / video, arguments.frames)
        videos[Path(video).name] = on_video(frames, fps, options)
    results = {"videos": videos, "known motion": on_known_motion(options), "hands that pass": on_passing_hands(options)}
    print(markdown(results))
    print(json.dumps(results))


def predicted(predictor: HandPredictor, video: Path, most: int | None) -> tuple[float, list[list[Hand]]]:
    """Frames per second, and the hands of every frame, of the first `most` ones."""
    (source,) = open_inputs([str(video)])
    frames = []
    for frame in source:
        if frame.image is None or len(frames) == most:
            break
        height, width = frame.image.shape[:2]
        frames.append(predictor.predict(frame.image, Camera.from_fov(width, height)))
    return source.fps or RATE, frames


def on_video(frames: list[list[Hand]], fps: float, options: TrackerOptions) -> dict[str, Any]:
    """Jitter before and after and lag of the longest track; ids, and how often sides change in single frames."""
    raw, smooth = (_tracked(frames, fps, replace(options, smoothing=on)) for on in (False, True))
    seen = [hand.id for hands in smooth for hand in hands]
    if len(seen) < 3:
        raise ValueError("the video shows a hand in fewer than three frames: nothing to measure")
    longest = max(set(seen), key=seen.count)
    sides = [
        hand.side
        for hands, out in zip(frames, smooth, strict=True)
        for hand, tracked in zip(hands, out, strict=True)
        if tracked.id == longest
    ]
    sides_after = [hand.side for hands in smooth for hand in hands if hand.id == longest]
    before, after = (_parts([hand for hands in side for hand in hands if hand.id == longest]) for side in (raw, smooth))
    figures = {
        name: {"jitter": jitter(before[name]), "smoothed": jitter(after[name]),
               "lag": lag(before[name], after[name], fps)}
        for name in PARTS
    }  # fmt: skip
    return {
        "frames": len(frames), "hands": len(seen), "tracks": len(set(seen)), "longest": seen.count(longest),
        "side changes": _changes(sides), "side changes tracked": _changes(sides_after), "parts": figures,
    }  # fmt: skip


def on_known_motion(options: TrackerOptions) -> dict[str, dict[str, float]]:
    """Root mean square errors in mm and px, raw and smoothed, while a reaching hand rests and while it moves."""
    truth, measured, moving = reaching()
    tracker = HandTracker(options)
    smooth = [tracker.update([hand], frame / RATE)[0] for frame, hand in enumerate(measured)]
    true, raw, out = (_parts(hands) for hands in (truth, measured, smooth))
    figures = {}
    for name in PARTS:
        errors = [np.square(values[name] - true[name]).mean(axis=1) for values in (raw, out)]
        rest, motion = ([float(np.sqrt(error[when].mean())) for error in errors] for when in (~moving, moving))
        figures[name] = {"rest": rest[0], "rest smoothed": rest[1], "motion": motion[0], "motion smoothed": motion[1]}
    return figures


def on_passing_hands(options: TrackerOptions) -> dict[str, dict[str, float]]:
    """Of hands that pass each other: how often one takes another's id or a new one, and shares of wrong sides."""
    figures = {}
    for name, sides in GROUPS.items():
        row = {"hands": 0, "switches": 0, "new ids": 0, "wrong sides": 0, "wrong sides tracked": 0}
        for seed in range(SCENES):
            tracker = HandTracker(replace(options, smoothing=False))
            id_of: dict[int, int] = {}
            for number, (hands, owners) in enumerate(zip(*wandering(seed, sides), strict=True)):
                before = dict(id_of)
                for hand, tracked, owner in zip(hands, tracker.update(hands, number / RATE), owners, strict=True):
                    row["hands"] += 1
                    row["wrong sides"] += hand.side != sides[owner]
                    row["wrong sides tracked"] += tracked.side != sides[owner]
                    if before.get(owner, tracked.id) != tracked.id:
                        row["switches" if tracked.id in before.values() else "new ids"] += 1
                    id_of[owner] = tracked.id
        for key in ("wrong sides", "wrong sides tracked"):
            row[key] /= row["hands"]
        figures[name] = row
    return figures


def jitter(values: np.ndarray) -> float:
    """Of series (T, D) at even times: standard deviation of the noise per number."""
    second = np.diff(values, n=2, axis=0)
    return float(np.median(np.sqrt(np.square(second).mean(axis=1) / 6)))  # white noise: variance 1 + 4 + 1


def lag(before: np.ndarray, after: np.ndarray, fps: float) -> float:
    """ms by which the series `after` (T, D) comes later than `before`."""
    times = np.arange(len(before))
    shifts = np.arange(0, LONGEST_LAG * fps, 0.05)
    errors = []
    for shift in shifts:
        shifted = np.stack([np.interp(times - shift, times, column) for column in before.T], axis=1)
        errors.append(np.square(shifted - after)[int(LONGEST_LAG * fps) :].mean())
    return float(1000 * shifts[np.argmin(errors)] / fps)


def markdown(results: dict[str, Any]) -> str:
    """Tables of all three parts."""
    lines = ["| video | value | jitter | smoothed | ratio | lag, ms |", "|---" * 6 + "|"]
    for video, figures in results["videos"].items():
        for name, row in figures["parts"].items():
            cells = f"{row['jitter']:.2f} {PARTS[name]} | {row['smoothed']:.2f} | {row['smoothed'] / row['jitter']:.2f}"
            lines.append(f"| {video} | {name} | {cells} | {row['lag']:.0f} |")
    lines += ["", "| video | frames | hands | tracks | longest | side changes | tracked |", "|---" * 7 + "|"]
    counts = ("frames", "hands", "tracks", "longest", "side changes", "side changes tracked")
    lines += [
        f"| {video} | " + " | ".join(str(row[key]) for key in counts) + " |" for video, row in results["videos"].items()
    ]
    lines += ["", "| known motion | rest | smoothed | motion | smoothed |", "|---" * 5 + "|"]
    lines += [
        f"| {name}, {PARTS[name]} | " + " | ".join(f"{value:.2f}" for value in row.values()) + " |"
        for name, row in results["known motion"].items()
    ]
    lines += ["", "| hands that pass | hands | switches | new ids | wrong sides | tracked |", "|---" * 6 + "|"]
    lines += [
        f"| {name} | "
        + " | ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values())
        + " |"
        for name, row in results["hands that pass"].items()
    ]
    return "\n".join(lines)


def _tracked(frames: list[list[Hand]], fps: float, options: TrackerOptions) -> list[list[Hand]]:
    tracker = HandTracker(options)
    return [tracker.update(hands, number / fps) for number, hands in enumerate(frames)]


def _parts(hands: list[Hand]) -> dict[str, np.ndarray]:
    """The series (T, D) that are measured; mm and px."""
    place = 1000 * np.array([hand.translation for hand in hands], np.float64)
    shape = [1000 * np.ravel(hand.joints_3d - hand.translation) for hand in hands]
    pixels = [np.ravel(hand.joints_2d) for hand in hands]
    return dict(zip(PARTS, (place[:, :2], place[:, 2:], np.array(shape), np.array(pixels)), strict=True))


def _changes(values: list[str]) -> int:
    return sum(a != b for a, b in zip(values, values[1:], strict=False))


def _arguments() -> argparse.Namespace:
    default = TrackerOptions()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help=f"folder with {VIDEOS[0]}")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    parser.add_argument("--frames", type=int, help="only the first ones of each video")
    parser.add_argument("--threads", type=int, default=2, help="of the network (default: 2)")
    parser.add_argument("--min-cutoff", type=float, default=default.min_cutoff, help="Hz (default: the tracker's)")
    parser.add_argument("--beta", type=float, default=default.beta, help="Hz per m/s (default: the tracker's)")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"tracking.py: {error}")
