"""How much the hands of a picture differ from those of its mirror image, which a camera might as well have shown.

    python benchmarks/mirrored.py --data ../shared/data

On the photos of `annotated` and every tenth of the first 200 frames of both videos. Each hand is compared with the
nearest one of the mirror image, mirrored back: joints by their mean distance, in px of a hand whose view has 224 px,
wrists by the angle between their frames.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from script import at_least, options, run_script

from handos_model import Hand, HandPredictor
from handos_model.data.annotated import Annotated
from handos_model.evaluation.own_sets import VIDEOS, frames_of, progress, spread
from handos_model.hand import OTHER_SIDE
from handos_model.kinematics.frames import wrist_frame
from handos_model.prediction.views import SIZE, view_of_joints

FRAMES, EVERY = 200, 10
NEAR = 0.5  # of the size of a hand's view: farther away it is another hand


def main() -> None:
    """Prints the figures as JSON."""
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--weights", type=Path, help="default: the embedded ones")
    parser.add_argument("--limit", type=at_least(1), help="images at most")
    arguments = parser.parse_args()
    predictor = HandPredictor(arguments.weights, device="cpu")
    hands, pairs = 0, []
    for image in progress(spread(images(arguments.data), arguments.limit), "images"):
        found = predictor.predict(image)
        mirrored = [turned_back(hand, image.shape[1]) for hand in predictor.predict(image[:, ::-1].copy())]
        hands += len(found)
        pairs += [pair for hand in found if (pair := nearest(hand, mirrored)) is not None]
    print(json.dumps(figures(hands, pairs), indent=1))


def images(data: Path) -> list[np.ndarray]:
    """The RGB images that are compared, the same in every run."""
    photos = Annotated.load(data / "annotated")
    frames = [frame for name in VIDEOS for frame in islice(frames_of(data / "video" / name, FRAMES), 0, None, EVERY)]
    return [photos[name].image for name in photos.photos] + frames


def turned_back(hand: Hand, width: int) -> Hand:
    """A hand of the mirror image, which is `width` px wide, as it is in the image."""
    joints_2d = hand.joints_2d * (-1, 1) + (width - 1, 0)
    side = OTHER_SIDE.get(hand.side, "unknown")
    return replace(hand, joints_2d=joints_2d, joints_3d=hand.joints_3d * (-1, 1, 1), side=side)


def nearest(hand: Hand, others: list[Hand]) -> tuple[Hand, Hand] | None:
    """The hand with the one of `others` whose joints are nearest; None where there is none near."""
    distance = [float(np.linalg.norm(hand.joints_2d - other.joints_2d, axis=1).mean()) for other in others]
    if not distance or min(distance) > NEAR * view_of_joints(hand.joints_2d)[2]:
        return None
    return hand, others[int(np.argmin(distance))]


def figures(hands: int, pairs: list[tuple[Hand, Hand]]) -> dict[str, float]:
    """Medians over pairs, of hands and of wrists that are known."""
    joints = [
        SIZE * np.linalg.norm(a.joints_2d - b.joints_2d, axis=1).mean() / view_of_joints(a.joints_2d)[2]
        for a, b in pairs
    ]
    same = [(a, b) for a, b in pairs if a.side == b.side != "unknown"]
    turns = [angle(wrist_frame(a.joints_3d, a.side)[1], wrist_frame(b.joints_3d, b.side)[1]) for a, b in same]
    return {
        "hands": hands,
        "found in both": len(pairs) / max(hands, 1),
        "same side": len(same) / max(len(pairs), 1),
        "joints, px, median": float(np.median(joints)),
        "wrists, degrees, median": float(np.median(turns)),
    }


def angle(one: np.ndarray, other: np.ndarray) -> float:
    """Between two rotations (3, 3), in degrees."""
    return float(np.degrees(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1, 1))))


if __name__ == "__main__":
    run_script(main)
