"""How small a hand can be: HandOS and MediaPipe Hands on hands of 200 to 28 px in 1280x720 frames, in one run.

    make mediapipe
    python benchmarks/hand_range.py --data ../shared/data

Photos with one labelled hand are shrunk with antialiasing, or enlarged to twice their size at most, until the hand has
that size, and laid on a hand-free photo that training leaves out. They are those of `annotated`, with labels by people,
or with `--photos val` those of that split, with MediaPipe's own joints of grade A. Each frame is seen as a still photo
and as a scene that does not change for ten frames; there the hand counts in the last frame in which it is found.
False hands are counted only on the hand-free photos, at the same size: still, and in the last of ten frames.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mediapipe_hands import VERSION, MediaPipeHands
from script import at_least, options, run_script

from handos_model import Camera, Hand, HandFollower, HandPredictor
from handos_model.data.annotated import Annotated
from handos_model.data.photos import Photos, held_out_backgrounds
from handos_model.data.sample import Sample
from handos_model.evaluation.own_sets import progress, spread
from handos_model.evaluation.scoring import HandScore, score_image, summary
from handos_model.prediction.view_network import SEARCHES

SIZES = (200, 120, 80, 60, 40, 28)  # px: longer side of the box around a hand's joints
FRAME = (1280, 720)
MAX_ENLARGED = 2.0
FRAMES, RATE = 10, 30.0
SYSTEMS = {
    "handos fast": "HandOS, fast",
    "handos thorough": "HandOS, thorough",
    "handos followed": "HandOS, 10 frames",
    "mediapipe still": f"MediaPipe {VERSION}, still",
    "mediapipe followed": f"MediaPipe {VERSION}, 10 frames",
}


@dataclass(frozen=True)
class System:
    """A way of seeing a scene: `start` gives a function that sees its frames, one after the other."""

    start: Callable[[], Callable[[np.ndarray, float], list[Hand]]]
    frames: int


def main() -> None:
    """Prints the tables and their numbers as JSON."""
    arguments = _arguments()
    with ExitStack() as peers:
        systems = _systems(arguments, peers)
        results: dict[str, Any] = {"sizes": {}, "false hands": {}}
        photos = PHOTOS[arguments.photos](arguments.data)
        for size in arguments.sizes:
            scenes = list(progress(hands_of(size, photos, arguments.data, arguments.most), f"{size} px"))
            if not scenes:
                raise ValueError(f"no photo has a hand that can be enlarged to {size} px: give smaller --sizes")
            results["sizes"][size] = {name: found(system, scenes) for name, system in systems.items()}
        empty = list(empty_frames(arguments.data / "train", arguments.max_empty))
        results["false hands"] = {name: false_hands(system, empty) for name, system in systems.items()}
    print(markdown(results))
    print(json.dumps(results))


def hands_of(size: int, photos: list[Sample], data: Path, most: int | None) -> Iterator[Sample]:
    """Frames with one hand of `size` px each, the same in every run."""
    large = [sample for sample in photos if np.ptp(labelled(sample), axis=0).max() * MAX_ENLARGED >= size]
    backgrounds = sorted(held_out_backgrounds())
    for index, sample in enumerate(spread(large, most)):
        rng = np.random.default_rng([size, index])
        yield laid_on(sample, size, _background(data / "train" / rng.choice(backgrounds)), rng)


def annotated(data: Path) -> list[Sample]:
    """Real photos with one hand, labelled by people."""
    photos = Annotated.load(data / "annotated")
    return [photos[name] for name, (record, *more) in photos.photos.items() if not more and record["gt"] == "real"]


def val(data: Path) -> list[Sample]:
    """Photos with one hand that training leaves out, labelled by MediaPipe, whose looks at it agree."""
    photos = Photos.load(data / "train", "hand", "val")
    grades = [[hand["grade"] for hand in record["hands"]] for record in photos.records]
    return [photos[index] for index, found in enumerate(grades) if found == ["A"]]


PHOTOS = {"annotated": annotated, "val": val}


def labelled(sample: Sample) -> np.ndarray:
    """The joints (n, 2) px of the only hand whose places are known."""
    joints = sample.joints_2d[0]
    return joints[joints[:, 2] > 0, :2]


def laid_on(sample: Sample, size: int, background: np.ndarray, rng: np.random.Generator) -> Sample:
    """The photo at the scale that gives its hand `size` px, somewhere in the frame with the whole of the hand in it."""
    joints = labelled(sample)
    scale = size / np.ptp(joints, axis=0).max()
    height, width = (max(1, round(n * scale)) for n in sample.image.shape[:2])
    photo = cv2.resize(sample.image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    factors = np.array([width / sample.image.shape[1], height / sample.image.shape[0]])
    inside = (joints + 0.5) * factors - 0.5
    low, high = -inside.min(0), np.array(FRAME) - 1 - inside.max(0)
    x, y = np.round(rng.uniform(low, high)).astype(int)
    frame = background.copy()
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, FRAME[0]), min(y + height, FRAME[1])
    frame[top:bottom, left:right] = photo[top - y : bottom - y, left - x : right - x]
    joints_2d = sample.joints_2d.copy()
    joints_2d[0, joints_2d[0, :, 2] > 0, :2] = inside + [x, y]
    return replace(sample, image=frame, joints_2d=joints_2d, K=Camera.from_fov(*FRAME).K, has_3d=np.zeros(1, bool))


def empty_frames(root: Path, most: int | None) -> Iterator[np.ndarray]:
    """The hand-free photos that training leaves out, as frames."""
    for name in spread(sorted(held_out_backgrounds()), most):
        yield _background(root / name)


def found(system: System, scenes: list[Sample]) -> dict[str, float]:
    """Figures over the hands of `scenes`, each in the last frame in which it is found."""
    scores: list[HandScore] = []
    for scene in progress(scenes, "frames"):
        see = system.start()
        frames = [score_image(see(scene.image, number / RATE), scene)[0][0] for number in range(system.frames)]
        scores.append(next((score for score in reversed(frames) if score.found), frames[-1]))
    hits = [score for score in scores if score.found]
    figures = {"hands": len(scores), "found": len(hits) / len(scores), "recall": summary(scores)["recall"]}
    return figures | ({name: summary(hits)[name] for name in ("pck@0.1", "side")} if hits else {})


def false_hands(system: System, frames: list[np.ndarray]) -> dict[str, float]:
    """Hands in the last frame that a system sees of each scene without one."""
    counts = []
    for frame in progress(frames, "empty frames"):
        see = system.start()
        counts.append([len(see(frame, number / RATE)) for number in range(system.frames)][-1])
    return {"frames": len(frames), "false_hands": float(np.mean(counts))}


def markdown(results: dict[str, Any]) -> str:
    """found (overlap of .1 or more), recall (.5), PCK@.1 and side of the found; then false hands per frame."""
    lines = ["| px | hands | system | found | recall | PCK@.1 of the found | side |", "|---" * 7 + "|"]
    for size, row in results["sizes"].items():
        for name, figures in row.items():
            cells = [f"{figures[key]:.3f}" if key in figures else "" for key in ("found", "recall", "pck@0.1", "side")]
            lines.append(f"| {size} | {figures['hands']} | {SYSTEMS[name]} | {' | '.join(cells)} |")
    lines += ["", "| system | frames without a hand | false hands per frame |", "|---" * 3 + "|"]
    for name, figures in results["false hands"].items():
        lines.append(f"| {SYSTEMS[name]} | {figures['frames']} | {figures['false_hands']:.3f} |")
    return "\n".join(lines)


def _systems(arguments: argparse.Namespace, peers: ExitStack) -> dict[str, System]:
    camera = Camera.from_fov(*FRAME)
    predictor, thorough = (
        HandPredictor(arguments.weights, device="cpu", threads=arguments.threads, search=search) for search in SEARCHES
    )
    static = peers.enter_context(MediaPipeHands())
    following = peers.enter_context(MediaPipeHands(static=False))

    def followed() -> Callable[[np.ndarray, float], list[Hand]]:
        follower = HandFollower(predictor)
        return lambda image, stamp: follower.follow(image, stamp, camera)

    def followed_by_mediapipe() -> Callable[[np.ndarray, float], list[Hand]]:
        for _ in range(2):  # it forgets the last scene's hands
            following.predict(np.zeros((FRAME[1], FRAME[0], 3), np.uint8))
        return lambda image, _: following.predict(image)

    return {
        "handos fast": System(lambda: lambda image, _: predictor.predict(image, camera), 1),
        "handos thorough": System(lambda: lambda image, _: thorough.predict(image, camera), 1),
        "handos followed": System(followed, FRAMES),
        "mediapipe still": System(lambda: lambda image, _: static.predict(image), 1),
        "mediapipe followed": System(followed_by_mediapipe, FRAMES),
    }


def _background(path: Path) -> np.ndarray:
    """A photo (720, 1280, 3) RGB that fills the frame; what is beside it is cut off."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"no readable photo at {path}: give the data folder with --data")
    height, width = image.shape[:2]
    scale = max(FRAME[0] / width, FRAME[1] / height)
    size = (max(round(width * scale), FRAME[0]), max(round(height * scale), FRAME[1]))
    large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    x, y = (size[0] - FRAME[0]) // 2, (size[1] - FRAME[1]) // 2
    return np.ascontiguousarray(large[y : y + FRAME[1], x : x + FRAME[0], ::-1])


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with annotated and train")
    parser.add_argument("--photos", choices=PHOTOS, default="annotated", help="default: %(default)s")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    parser.add_argument("--sizes", type=at_least(1), nargs="+", default=list(SIZES), help="px (default: all)")
    parser.add_argument("--most", type=at_least(1), help="hands of each size (default: all)")
    parser.add_argument("--max-empty", type=at_least(1), help="frames without a hand (default: all 200)")
    parser.add_argument("--threads", type=at_least(1), default=2, help="CPU threads of our network (default: 2)")
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
