"""A still hand whose depth image comes rarely: how far the depth of its wrist strays.

    python benchmarks/sparse_depth.py

The hands, noise and depth images of rendered_hand.py, half a metre away and followed at 30 Hz. Depth comes with
every frame, every second, fifth and tenth one, or with all but those of two seconds in the middle. Printed are the
largest distance of the wrist's z from its median, in percent, of the median hand and of the worst one, after the first
second; and how many hands stay within one per cent. Hands that are lost, or not seen within .2 s, are left out. Needs
the renderer (`pip install '.[train]'`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rendered_hand import followed, measured, picture_at
from script import at_least, options, run_script

from handos_model import HandPredictor
from handos_model.evaluation.own_sets import progress
from handos_model.synthetic.body.person import make_studio
from handos_model.synthetic.several_cameras import HandScene, make_scene

DISTANCE = 0.5  # m
FRAMES, SEEN_BY, SETTLED, GONE = 150, 6, 36, range(60, 120)
WITH_DEPTH: dict[str, Callable[[int], bool]] = {
    "every frame": lambda frame: True,
    "every second frame": lambda frame: frame % 2 == 0,
    "every fifth frame": lambda frame: frame % 5 == 0,
    "every tenth frame": lambda frame: frame % 10 == 0,
    "gone for 2 s": lambda frame: frame not in GONE,
}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--scenes", type=at_least(1), default=12, help="how many hands; default: 12")
    parser.add_argument("--noise", type=at_least(0.0), default=4.0, help="of the picture, of 255; default: 4")
    parser.add_argument("--seed", type=at_least(0), default=0)
    arguments = parser.parse_args()
    predictor, rng = HandPredictor(threads=1), np.random.default_rng(arguments.seed)
    scenes = [make_scene(rng, make_studio(predictor.template)) for _ in range(arguments.scenes)]
    print("| depth | hands | within 1 % | median hand | worst hand |\n|---|---|---|---|---|")
    for name, has_depth in WITH_DEPTH.items():
        found = [strayed(predictor, scene, rng, arguments.noise, has_depth) for scene in progress(scenes, name)]
        kept = np.array([100 * share for share in found if share is not None])  # %
        if not len(kept):
            raise ValueError(f"none of {len(scenes)} hands is followed in every frame: give more --scenes")
        within = int((kept < 1).sum())
        print(f"| {name} | {len(kept)} | {within} | {np.median(kept):.2f} % | {kept.max():.2f} % |", flush=True)


def strayed(
    predictor: HandPredictor,
    scene: HandScene,
    rng: np.random.Generator,
    noise: float,
    has_depth: Callable[[int], bool],
) -> float | None:
    """Largest relative distance of the wrist's z from its median; None for a hand that is lost."""
    picture = picture_at(scene, rng, DISTANCE)
    joints = followed(
        predictor, [picture] * FRAMES, rng, noise, SETTLED,
        lambda frame: measured(scene, rng, DISTANCE) if has_depth(frame) else None, SEEN_BY,
    )  # fmt: skip
    if joints is None:
        return None
    z = joints[:, 0, 2]
    return float(np.abs(z / np.median(z) - 1).max())


if __name__ == "__main__":
    run_script(main)
