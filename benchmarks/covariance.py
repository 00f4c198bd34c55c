"""Per-frame errors of the wrist's pose, divided by the standard deviation that its covariance predicts.

    python benchmarks/covariance.py --data ../shared/data

An error over its standard deviation has a root mean square of 1, and lies within 1 for 68 % and within 2 for 95 % if it
is as the covariance says. On renders that training never sees, the whole pose is known, and so is what a depth camera
would measure of the hands; on the photos of `annotated`, where the wrist is labelled. Needs the renderer
(`pip install '.[train]'`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from script import at_least, options, run_script

from handos_model import Hand, HandPredictor
from handos_model.data.annotated import Annotated
from handos_model.data.sample import SIDE_NAMES, Sample
from handos_model.evaluation import metrics
from handos_model.evaluation.own_sets import predict, progress
from handos_model.evaluation.renders import held_out_renders
from handos_model.evaluation.scoring import MATCH_IOU, label_overlaps
from handos_model.kinematics.frames import wrist_frame
from handos_model.prediction.depth_fit import NotMeasured, fit_to_depth
from handos_model.synthetic.rendering.raster import rasterise
from handos_model.wrist_pose import wrist_covariance

RENDERS = 1000


def main() -> None:
    """Prints the table and its numbers as JSON."""
    arguments = _arguments()
    predictor = HandPredictor(arguments.weights)
    errors, metres = on_renders(predictor, arguments.data / "train", arguments.renders)
    errors["photos: across the ray"] = on_photos(predictor, arguments.data / "annotated")
    results = {name: summary(values) for name, values in errors.items()}
    print("| error | hands | root mean square | within 1 | within 2 |\n|---|---|---|---|---|")
    print("| as predicted | | 1 | .68 | .95 |")
    for name, row in results.items():
        print(f"| {name} | {row['hands']} | {row['rms']:.2f} | {row['within_1']:.2f} | {row['within_2']:.2f} |")
    prior, depth = np.median(metres, axis=0) * 1e3
    print(f"\nMedian error of the {len(metres)} wrists with depth: {prior:.0f} mm without it, {depth:.0f} mm with it")
    print(json.dumps(results))


def on_renders(predictor: HandPredictor, photos: Path, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Errors (hands, axes) over their standard deviations, and errors (hands, 2) m of wrists without and with depth.

    Rotations of hands whose side is known, and with depth those that it says something of.
    """
    position, turn, position_by_depth, metres = [], [], [], []
    for sample in progress(held_out_renders(photos, count), "renders", count):
        depth = depth_of(sample, predictor.template.faces)
        for hand, i in found(predictor, sample):
            position.append(position_error(hand, sample, i))
            if hand.side != "unknown":
                turn.append(turn_error(hand, sample, i))
            with contextlib.suppress(NotMeasured):
                scaled = fit_to_depth(hand, depth, sample.camera)
                position_by_depth.append(position_error(scaled, sample, i))
                wrist = sample.joints_3d[i, 0]
                metres.append([np.linalg.norm(wrist - seen.translation) for seen in (hand, scaled)])
    if not metres:
        raise ValueError(f"no hand is found in {count} renders: give more --renders")
    errors = {
        "renders: across the ray": np.array(position)[:, :2],
        "renders: along the ray": np.array(position)[:, 2:],
        "renders with depth: along the ray": np.array(position_by_depth)[:, 2:],
        "renders: rotation": np.array(turn),
    }
    return errors, np.array(metres)


def position_error(hand: Hand, sample: Sample, i: int) -> np.ndarray:
    """Errors (3,) of the wrist across and along its ray, divided by their standard deviations."""
    axes, covariance = ray_axes(hand), covariance_of(hand, sample)[:3, :3]
    return axes @ (sample.joints_3d[i, 0] - hand.translation) / np.sqrt(np.diag(axes @ covariance @ axes.T))


def turn_error(hand: Hand, sample: Sample, i: int) -> np.ndarray:
    """The rotation (3,) about the camera's axes that the wrist's frame is off by, over the standard deviations."""
    seen = wrist_frame(hand.joints_3d, hand.side)[1]
    true = wrist_frame(sample.joints_3d[i], SIDE_NAMES[int(sample.side[i])])[1]
    return cv2.Rodrigues(true @ seen.T)[0][:, 0] / np.sqrt(np.diag(covariance_of(hand, sample))[3:])


def depth_of(sample: Sample, faces: np.ndarray) -> np.ndarray:
    """Depth (H, W) m of the sample's hands alone, NaN elsewhere; faces (F, 3): of their meshes, outward if right."""
    camera, inverse = sample.camera, np.zeros(sample.image.shape[:2], np.float32)
    for vertices, side in zip(sample.vertices, sample.side, strict=True):
        outward = faces if SIDE_NAMES[int(side)] == "right" else faces[:, ::-1].copy()
        points = np.concatenate([np.nan_to_num(camera.project(vertices)), vertices[:, 2:]], axis=1)
        inverse = np.maximum(inverse, rasterise(points, outward, *inverse.shape)[0])
    return np.where(inverse > 0, 1 / np.maximum(inverse, 1e-6), np.float32(np.nan))


def on_photos(predictor: HandPredictor, folder: Path) -> np.ndarray:
    """Errors (hands, 2) of the wrist in the image, x and y, over the standard deviation across its ray."""
    photos = Annotated.load(folder)
    errors = []
    for name, records in progress(photos.photos.items(), "annotated"):
        if records[0]["gt"] != "real":
            continue
        sample = photos[name]
        for hand, i in found(predictor, sample):
            x, y, label = sample.joints_2d[i, 0]
            if label > 0:
                right = ray_axes(hand)[0]
                across = np.sqrt(right @ covariance_of(hand, sample)[:3, :3] @ right)  # m
                pixels = across * sample.camera.focal / np.linalg.norm(hand.translation)
                errors.append(([x, y] - hand.joints_2d[0]) / pixels)
    return np.array(errors)


def found(predictor: HandPredictor, sample: Sample) -> Iterator[tuple[Hand, int]]:
    """The hands that are found of those that count, each with its index in the sample."""
    hands = predict(predictor, sample)
    served = metrics.match(label_overlaps(hands, sample), MATCH_IOU)
    for i in np.flatnonzero(~sample.ignore & (served >= 0)):
        yield hands[served[i]], i


def covariance_of(hand: Hand, sample: Sample) -> np.ndarray:
    """(6, 6), for a camera that is known."""
    return wrist_covariance(hand, sample.camera, hand.side != "unknown").reshape(6, 6)


def ray_axes(hand: Hand) -> np.ndarray:
    """Rows (3, 3): two directions across the ray to the wrist, and the ray."""
    ray = hand.translation / np.linalg.norm(hand.translation)
    right = np.cross([0, 1, 0], ray)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ray, right), ray])


def summary(errors: np.ndarray) -> dict[str, float]:
    """Summarises errors (hands, axes) in units of their standard deviations; each axis counts separately."""
    size = np.abs(errors)
    return {
        "hands": len(errors),
        "rms": float(np.sqrt((size**2).mean())),
        "within_1": float((size < 1).mean()),
        "within_2": float((size < 2).mean()),
    }


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with train and annotated")
    parser.add_argument("--renders", type=at_least(1), default=RENDERS, help=f"how many; default: {RENDERS}")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
