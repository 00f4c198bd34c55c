"""Effect of tracking where the truth is known: error at rest and in motion, ids and sides of hands that pass.

    python benchmarks/tracking.py

The hands are artificial, and so is what a predictor would see of them: this only measures HandTracker. jitter.py
follows the hands of real videos.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np
from script import options, run_script
from tracking_scenes import RATE, reaching, wandering

from handos_model import Hand
from handos_model.tracking.tracker import HandTracker, TrackerOptions

PARTS = {"wrist across": "mm", "wrist depth": "mm", "shape": "mm", "joints_2d": "px"}
"""Measured positions: the wrist's x and y, its z, joints_3d relative to the wrist, and joints_2d."""
GROUPS = {"two hands": ("left", "right"), "four hands": ("left", "right", "right", "left")}
SCENES = 25  # of each group


def main() -> None:
    """Prints the tables and their numbers as JSON."""
    arguments = _arguments()
    options = TrackerOptions(min_cutoff=arguments.min_cutoff, beta=arguments.beta)
    results = {"known motion": on_known_motion(options), "hands that pass": on_passing_hands(options)}
    print(markdown(results))
    print(json.dumps(results))


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
    """How often one of the hands that pass each other takes another's id or a new one, and shares of wrong sides."""
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


def markdown(results: dict[str, Any]) -> str:
    """Tables of both parts."""
    lines = ["| known motion | rest | smoothed | motion | smoothed |", "|---" * 5 + "|"]
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


def _parts(hands: list[Hand]) -> dict[str, np.ndarray]:
    """The series (T, D) that are measured; mm and px."""
    place = 1000 * np.array([hand.translation for hand in hands], np.float64)
    shape = [1000 * np.ravel(hand.joints_3d - hand.translation) for hand in hands]
    pixels = [np.ravel(hand.joints_2d) for hand in hands]
    return dict(zip(PARTS, (place[:, :2], place[:, 2:], np.array(shape), np.array(pixels)), strict=True))


def _arguments() -> argparse.Namespace:
    default = TrackerOptions()
    parser = options(__doc__)
    parser.add_argument("--min-cutoff", type=float, default=default.min_cutoff, help="Hz (default: the tracker's)")
    parser.add_argument("--beta", type=float, default=default.beta, help="Hz per m/s (default: the tracker's)")
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
