"""One rendered hand: how still it stays under noise, how late it is, where it is with and without a depth image.

    python benchmarks/rendered_hand.py

Still: the picture is the same in every frame but for white noise; the hand is followed at 30 Hz, and the jitter is
the root mean square distance of the joints from their own mean places, after the first half second: in the camera's
frame, and relative to the wrist. Moved: the same picture moves to and fro as in jitter.py, with noise; lag is the delay
at which this motion best matches that of the joints in space. Depth: pictures of hands of random people at several
distances, and the depth of hand and arm as a camera measures it: noise of 2 mm at 1 m that grows with the square of the
distance, in steps of 1 mm, nothing at edges and in a tenth of the places, a wall half a metre behind, and a bar before
a sixth of the hand. Errors are of hands that are found, in mm, of the wrist and of the mean of the joints, which is
where the hand is: without depth; with it; with it for the scene's own shape in place of what was seen, which shows what
the measurement itself is off; and across the ray without depth, which depth does not mend. "Worse" is the share of
hands whose error grows with depth by more than 5 %, and the share whose error grows by more than 5 mm besides, since
some hands are at the right distance by chance. Rendering needs `pip install '.[train]'`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace

import cv2
import numpy as np
from jitter import lag, moved
from script import at_least, options, run_script

from handos_model import Camera, Hand, HandFollower, HandPredictor
from handos_model.evaluation.own_sets import progress
from handos_model.prediction.depth_fit import NotMeasured, fit_to_depth
from handos_model.synthetic.body.person import make_studio
from handos_model.synthetic.rendering.raster import rasterise
from handos_model.synthetic.several_cameras import HandScene, make_scene

CAMERA = Camera.from_intrinsics(600, 600, 319.5, 239.5, 640, 480)
SIZE = (CAMERA.width, CAMERA.height)
DISTANCES = (0.3, 0.5, 0.75, 1.0, 1.5)  # m
RATE = 30.0  # Hz
FRAMES, SETTLED = 75, 15
STEADINESS = ("still, in the camera's frame", "still, relative to the wrist", "moved, lag")
HOLES = 0.1
NEAR = 0.5  # of the long edge of the hand in the image: what is found farther off is no hand of the scene


def main() -> None:
    arguments = _arguments()
    predictor, rng = HandPredictor(threads=1), np.random.default_rng(arguments.seed)
    scenes = [make_scene(rng, make_studio(predictor.template)) for _ in range(arguments.scenes)]
    if arguments.still:
        print_steadiness(predictor, scenes[: arguments.still], rng, arguments.noise)
    print(
        "| distance (m) | hands | wrist | with depth | own shape | across | worse, by 5 mm "
        "| joints' mean | with depth | own shape | across | worse, by 5 mm |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for distance in arguments.distances:
        pairs = [at(predictor, scene, rng, distance) for scene in progress(scenes, f"{distance} m")]
        errors = np.array([pair for pair in pairs if pair is not None]).reshape(-1, 4, 2) * 1e3  # hand, kind, point
        print(f"| {distance} | {len(errors)} | {cells(errors, 0)} | {cells(errors, 1)} |", flush=True)


def print_steadiness(predictor: HandPredictor, scenes: list[HandScene], rng: np.random.Generator, noise: float) -> None:
    steadiness = [steady(predictor, scene, rng, noise) for scene in progress(scenes, "still")]
    kept = [found for found in steadiness if found is not None]
    if not kept:
        raise ValueError(f"none of {len(scenes)} still hands is followed in every frame: give a larger --still")
    for name, unit, values in zip(STEADINESS, ("mm RMS", "mm RMS", "ms"), np.transpose(kept), strict=True):
        print(f"{name}, {len(values)} hands: {np.median(values):.2f} {unit} (worst {max(values):.2f})")


def cells(errors: np.ndarray, point: int) -> str:
    """Medians of errors (hands, kinds, points) in mm for every kind, and which hands depth makes worse."""
    medians = np.nanmedian(errors[:, :, point], axis=0)
    without, by_depth = errors[:, 0, point], errors[:, 1, point]
    worse = by_depth > 1.05 * without
    shares = f"{worse.mean():.3f}, {(worse & (by_depth > without + 5)).mean():.3f}"
    return " | ".join([*(f"{median:.1f}" for median in medians), shares])


def steady(
    predictor: HandPredictor, scene: HandScene, rng: np.random.Generator, noise: float
) -> tuple[float, float, float] | None:
    """STEADINESS of one hand; None where it is lost."""
    picture = picture_at(scene, rng, 0.5)
    still = followed(predictor, [picture] * FRAMES, rng, noise)
    images, shift = moved(picture, RATE)
    moving = followed(predictor, images, rng, noise)
    if still is None or moving is None:
        return None
    late = lag(shift[SETTLED:], scaled_to(shift[SETTLED:], moving[:, :, 0].mean(axis=1)), RATE)
    return spread(still), spread(still - still[:, :1]), late


def followed(
    predictor: HandPredictor,
    pictures: Iterable[np.ndarray],
    rng: np.random.Generator,
    noise: float,
    settled: int = SETTLED,
    depth: Callable[[int], np.ndarray | None] = lambda frame: None,
    seen_by: int | None = None,
) -> np.ndarray | None:
    """Joints (T, 21, 3) m of the one hand that is followed through them after `settled` frames, None where it is lost.

    depth: returns the depth image of a frame, None where it has none. seen_by: the frame from which on the hand must be
    seen in each, `settled` when None.
    """
    follower = HandFollower(predictor)
    joints = []
    for frame, picture in enumerate(pictures):
        image, measurement = noisy(picture, rng, noise), depth(frame)
        hands = follower.follow(image, frame / RATE, CAMERA, lambda measurement=measurement: measurement)
        if len(hands) != 1 and frame >= (settled if seen_by is None else seen_by):
            return None
        if frame >= settled:
            joints.append(hands[0].joints_3d)
    return np.array(joints)


def noisy(picture: np.ndarray, rng: np.random.Generator, noise: float) -> np.ndarray:
    """The picture (H, W, 3) uint8 with white noise of this standard deviation."""
    return np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def scaled_to(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The series `after` (T,) in the units of `before`: how far it goes does not count, only when."""
    return after * (before.std() / after.std())


def spread(joints: np.ndarray) -> float:
    """Root mean square distance in mm of points (T, 21, 3) m from their means over time."""
    return float(np.sqrt(((joints - joints.mean(axis=0)) ** 2).sum(axis=-1).mean()) * 1e3)


def at(
    predictor: HandPredictor, scene: HandScene, rng: np.random.Generator, distance: float
) -> list[list[float]] | None:
    """Errors (4, 2) in m of wrist and mean joint: without depth, with it, with it and the scene's own shape (NaN where
    that cannot be), across the ray; None where the hand is not found."""
    true = scene.joints_3d + [0, 0, distance]
    hands = predictor.predict(picture_at(scene, rng, distance), CAMERA)
    pixels = CAMERA.project(true)
    reach = NEAR * np.ptp(pixels, axis=0).max()
    near = [hand for hand in hands if np.linalg.norm((hand.joints_2d - pixels).mean(axis=0)) < reach]
    if not near:
        return None
    hand = max(near, key=lambda hand: hand.score)
    own = replace(hand, joints_3d=1.1 * true, vertices=1.1 * (scene.vertices + [0, 0, distance]))  # too far, too large
    depth = measured(scene, rng, distance)
    placed, exact = placed_by(hand, depth), placed_by(own, depth)
    return [
        errors(hand, true),
        errors(hand if placed is None else placed, true),
        [np.nan, np.nan] if exact is None else errors(exact, true),
        [across(hand.joints_3d[0], true[0]), across(hand.joints_3d.mean(axis=0), true.mean(axis=0))],
    ]


def placed_by(hand: Hand, depth: np.ndarray) -> Hand | None:
    """The hand at its measured depth, None where it is not measured."""
    try:
        return fit_to_depth(hand, depth, CAMERA)
    except NotMeasured:
        return None


def errors(hand: Hand, true: np.ndarray) -> list[float]:
    off = hand.joints_3d - true
    return [float(np.linalg.norm(off[0])), float(np.linalg.norm(off.mean(axis=0)))]


def across(point: np.ndarray, true: np.ndarray) -> float:
    """Distance in m of the true point from the ray of the one that was seen."""
    return float(np.linalg.norm(np.cross(point, true)) / np.linalg.norm(point))


def picture_at(scene: HandScene, rng: np.random.Generator, distance: float) -> np.ndarray:
    return scene.picture(rng, CAMERA.K, SIZE, np.eye(3), np.array([0, 0, -distance]))


def measured(scene: HandScene, rng: np.random.Generator, distance: float) -> np.ndarray:
    """Depth (H, W) m, NaN where nothing is measured."""
    height, width = SIZE[::-1]
    inverse = np.full((height, width), 1 / (distance + 0.5), np.float32)
    for mesh in scene.meshes:
        points = mesh.vertices.astype(np.float64) + [0, 0, distance]
        seen = np.concatenate([CAMERA.project(points), points[:, 2:]], axis=1)
        inverse = np.maximum(inverse, rasterise(seen.astype(np.float32), mesh.faces, height, width)[0])
    box = CAMERA.project(scene.vertices + [0, 0, distance])
    left, right = box[:, 0].min(), box[:, 0].max()
    bar = left + rng.uniform(0, 5 / 6) * (right - left)
    inverse[:, int(max(0, bar)) : int(max(0, bar + (right - left) / 6))] = 1 / (0.75 * distance)
    depth = 1 / inverse
    edges = cv2.morphologyEx(depth, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0.03
    depth += rng.normal(0, 0.002, depth.shape) * depth**2
    depth = np.round(depth, 3).astype(np.float32)
    depth[edges | (rng.random(depth.shape) < HOLES)] = np.nan
    return depth


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--scenes", type=at_least(1), default=40, help="how many hands; default: 40")
    parser.add_argument("--still", type=at_least(0), default=20, help="how many of them are followed; default: 20")
    parser.add_argument("--distances", type=at_least(0.1), nargs="+", default=DISTANCES, help="m")
    parser.add_argument("--noise", type=at_least(0.0), default=4.0, help="of the picture, of 255; default: 4")
    parser.add_argument("--seed", type=at_least(0), default=0)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
