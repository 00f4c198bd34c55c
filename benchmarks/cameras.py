"""How far off the joints of one hand are in the common frame: several cameras together compared with each alone.

    python benchmarks/cameras.py

Random hands of random people are rendered as two cameras see them, 60 degrees apart and about 0.6 m away, and once more
as a third one does. HandPredictor looks at each picture, and HandFusion at what it found. Errors are of joints in the
common frame, in mm, without any alignment; a hand counts if every camera finds it. The people's hands differ in size,
which is most of what one camera cannot know: so it is also given. Needs the renderer (`pip install '.[train]'`).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np
from script import at_least, options, run_script

from handos_model import Camera, HandPredictor
from handos_model.evaluation.own_sets import progress
from handos_model.fusion.extrinsics import Extrinsics
from handos_model.fusion.hand_fusion import HandFusion
from handos_model.fusion.sighting import View
from handos_model.synthetic.body.person import make_studio
from handos_model.synthetic.several_cameras import HandScene, make_scene

CAMERA = Camera.from_intrinsics(600, 600, 319.5, 239.5, 640, 480)
APART = np.radians(60)
DISTANCE = 0.6  # m
NEAR = 0.3  # m: what is found farther off is no hand of the scene


def main() -> None:
    """Prints the table and its numbers as JSON."""
    arguments = _arguments()
    predictor, rng = HandPredictor(threads=1), np.random.default_rng(arguments.seed)
    studio = make_studio(predictor.template)
    rows = []
    for _ in progress(range(arguments.scenes), "scenes"):
        scene = make_scene(rng, studio)
        views = [seen(predictor, scene, rng, number) for number in range(3)]
        alone = [error([view], scene) for view in views]
        told = [error([of_true_size(view, scene)], scene) for view in views]
        together = [error(views[:2], scene), error(views, scene)]
        if np.isfinite([*alone, *told, *together]).all():
            rows.append([np.mean(alone), np.mean(told), *together])
    errors = np.array(rows) * 1e3
    names = ("one camera", "one camera that is told the hand's size", "two cameras", "three cameras")
    print("| cameras | mean error of the joints (mm) | median | 90th percentile |\n|---|---|---|---|")
    for name, column in zip(names, errors.T, strict=True):
        numbers = (column.mean(), np.median(column), np.percentile(column, 90))
        print(f"| {name} | " + " | ".join(f"{number:.1f}" for number in numbers) + " |")
    print(f"\n{len(errors)} hands that each camera found, of {arguments.scenes}")
    print(json.dumps({"mean": errors.mean(axis=0).tolist(), "median": np.median(errors, axis=0).tolist()}))


def seen(predictor: HandPredictor, scene: HandScene, rng: np.random.Generator, number: int) -> View:
    """Sighting by camera `number`; the hand is at the world's origin, a little off the picture's centre."""
    extrinsics = placed(number, rng)
    size = (CAMERA.width, CAMERA.height)
    picture = scene.picture(rng, CAMERA.K, size, extrinsics.rotation, extrinsics.position)
    return View(f"camera{number}", predictor.predict(picture, CAMERA), CAMERA, extrinsics)


def placed(number: int, rng: np.random.Generator) -> Extrinsics:
    """Where camera `number` stands: on a circle around the vertical, y down, and looking near the origin."""
    angle = (number - 0.5) * APART
    around = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    off = np.array([*rng.uniform(-0.08, 0.08, 2), DISTANCE + rng.uniform(-0.1, 0.1)])
    return Extrinsics(around, -around @ off)


def error(views: list[View], scene: HandScene) -> float:
    """Mean distance of the joints of the hand nearest to the true one, m; NaN where there is none NEAR."""
    hands = [one.hand for one in HandFusion().update(views, 0.0) if len(one.cameras) == len(views)]
    errors = [np.linalg.norm(hand.joints_3d - scene.joints_3d, axis=1).mean() for hand in hands]
    return min((e for e in errors if e < NEAR), default=float("nan"))


def of_true_size(view: View, scene: HandScene) -> View:
    """The view with its hands scaled to the palm of the true one."""
    true = palm_length_of(scene.joints_3d)
    hands = [hand.scaled(true / palm_length_of(hand.joints_3d), "user") for hand in view.hands]
    return replace(view, hands=hands)


def palm_length_of(joints_3d: np.ndarray) -> float:
    """From the wrist to the middle finger's knuckle, m."""
    return float(np.linalg.norm(joints_3d[9] - joints_3d[0]))


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--scenes", type=at_least(1), default=100, help="how many hands; default: 100")
    parser.add_argument("--seed", type=at_least(0), default=0)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
