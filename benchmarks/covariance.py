"""Does the covariance of the wrist's pose say how far it is off? Errors of single frames over what it foretells.

    python benchmarks/covariance.py --data ../shared/data

An error over its standard deviation has a root mean square of 1, and lies within 1 for 68 % and within 2 for 95 % if it
is as the covariance says. On renders that training never sees all of the pose is known; on the photos of val where the
wrist is seen. Needs ROS, the package's messages, and what renders (`pip install '.[train]'`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from handos_ros.msg import HandArray

from handos_model import Camera, Hand, HandPredictor
from handos_model.data.photos import Photos
from handos_model.data.sample import SIDE_NAMES, Sample
from handos_model.evaluation import metrics
from handos_model.evaluation.evaluate import predict, progress
from handos_model.evaluation.renders import held_out_renders
from handos_model.evaluation.scoring import MATCH_IOU, label_overlaps
from handos_model.kinematics import wrist_frame
from handos_ros.covariance import wrist_covariance

RENDERS = 1000


def main() -> None:
    """Prints the table and its numbers as JSON."""
    arguments = _arguments()
    predictor = HandPredictor(arguments.weights)
    errors = on_renders(predictor, arguments.data / "train", arguments.renders)
    errors["photos: across the ray"] = on_photos(predictor, arguments.data / "train")
    results = {name: summary(values) for name, values in errors.items()}
    print("| error | hands | root mean square | within 1 | within 2 |\n|---|---|---|---|---|")
    print("| as foretold | | 1 | .68 | .95 |")
    for name, row in results.items():
        print(f"| {name} | {row['hands']} | {row['rms']:.2f} | {row['within_1']:.2f} | {row['within_2']:.2f} |")
    print(json.dumps(results))


def on_renders(predictor: HandPredictor, photos: Path, count: int) -> dict[str, np.ndarray]:
    """Errors (hands, axes) over their standard deviations; rotations of hands whose side is known only."""
    across, along, turn = [], [], []
    for sample in progress(held_out_renders(photos, count), "renders", count):
        for hand, i in found(predictor, sample):
            covariance = covariance_of(hand, sample)
            axes = ray_axes(hand)
            deviations = np.sqrt(np.diag(axes @ covariance[:3, :3] @ axes.T))
            error = axes @ (sample.joints_3d[i, 0] - hand.translation) / deviations
            across.append(error[:2])
            along.append(error[2:])
            if hand.side != "unknown":
                seen = wrist_frame(hand.joints_3d, hand.side)[1]
                true = wrist_frame(sample.joints_3d[i], SIDE_NAMES[int(sample.side[i])])[1]
                turn.append(cv2.Rodrigues(true @ seen.T)[0][:, 0] / np.sqrt(np.diag(covariance)[3:]))
    return {
        "renders: across the ray": np.array(across),
        "renders: along the ray": np.array(along),
        "renders: rotation": np.array(turn),
    }


def on_photos(predictor: HandPredictor, photos: Path) -> np.ndarray:
    """Errors (hands, 2) of the wrist in the image, x and y, over the standard deviation across its ray."""
    split = Photos.load(photos, "hand", "val")
    errors = []
    for sample in progress((split[index] for index in range(len(split))), "val", len(split)):
        for hand, i in found(predictor, sample):
            x, y, label = sample.joints_2d[i, 0]
            if label > 0:
                axes, focal = ray_axes(hand), Camera(sample.K, *sample.image.shape[1::-1]).focal
                across = np.sqrt(axes[0] @ covariance_of(hand, sample)[:3, :3] @ axes[0])  # m
                errors.append(([x, y] - hand.joints_2d[0]) / (across * focal / np.linalg.norm(hand.translation)))
    return np.array(errors)


def found(predictor: HandPredictor, sample: Sample) -> Iterator[tuple[Hand, int]]:
    """The hands that are found of those that count, each with its index in the sample."""
    hands = predict(predictor, sample)
    served = metrics.match(label_overlaps(hands, sample), MATCH_IOU)
    for i in np.flatnonzero(~sample.ignore & (served >= 0)):
        yield hands[served[i]], i


def covariance_of(hand: Hand, sample: Sample) -> np.ndarray:
    """(6, 6), for a hand of unknown size and a camera that is known."""
    camera = Camera(sample.K, *sample.image.shape[1::-1])
    return wrist_covariance(hand, camera, HandArray.SCALE_PRIOR, hand.side != "unknown").reshape(6, 6)


def ray_axes(hand: Hand) -> np.ndarray:
    """Rows (3, 3): two directions across the ray to the wrist, and the ray."""
    ray = hand.translation / np.linalg.norm(hand.translation)
    right = np.cross([0, 1, 0], ray)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ray, right), ray])


def summary(errors: np.ndarray) -> dict[str, float]:
    """Of errors (hands, axes) over their standard deviations, every axis for itself."""
    size = np.abs(errors)
    return {
        "hands": len(errors),
        "rms": float(np.sqrt((size**2).mean())),
        "within_1": float((size < 1).mean()),
        "within_2": float((size < 2).mean()),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds train")
    parser.add_argument("--renders", type=int, default=RENDERS, help=f"how many; default: {RENDERS}")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
