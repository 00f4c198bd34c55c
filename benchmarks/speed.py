"""Milliseconds of HandOS and MediaPipe Hands on the same frames of a real clip, in alternating calls.

    make mediapipe
    python benchmarks/speed.py --data ../shared/data

Each frame is seen four times: as a still photo and as the next frame of a clip, by both. "1" is the clip at 640x480;
"1/4" to "4/4" are frames of four quadrants, 1 to 4 of which show the clip: every further hand is the same work.
Followed, both may find as many hands as there are: while they see all of them, they look for no more. Both go from the
RGB array to their results: ours with mesh, side and metric position, MediaPipe's with its 21 points.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from clocks import CLOCKS, add_clock, warn_when_busy
from mediapipe_hands import VERSION, MediaPipeHands
from script import at_least, options, run_script

from handos_model import Camera, HandFollower, HandPredictor
from handos_model.io.inputs import open_inputs

VIDEO = "video/human_hand_video.mp4"
RATE = 30.0  # frames per second of the clip
CROP = (275, 0, 960, 720)  # x, y, width, height: 4:3 around the hand
SIZE = (640, 480)
STAGGER = 40  # frames by which each quadrant is ahead of the one before
SCENES = {"1": 1, "1/4": 1, "2/4": 2, "3/4": 3, "4/4": 4}  # and how many hands each shows
PAUSE = 0.02  # s between calls: worker threads of the one no longer spin while the other is timed
WARM_UP = 10  # frames
MODES = ("still", "followed")


def main() -> None:
    """Times both on every scene and prints Markdown and JSON."""
    arguments = _arguments()
    _hold_to(arguments.cores)
    warn_when_busy(arguments.clock)
    clip = _clip(arguments.data / VIDEO, arguments.frames + WARM_UP + STAGGER * 3)
    predictor = HandPredictor(arguments.weights, device="cpu", threads=arguments.cores)
    rows = {scene: measure(predictor, frames_of(scene, clip, arguments.frames + WARM_UP), hands, arguments.clock)
            for scene, hands in SCENES.items()}  # fmt: skip
    print(markdown(rows))
    print(json.dumps(rows))


def measure(
    predictor: HandPredictor, frames: Iterator[np.ndarray], hands: int, clock: str
) -> dict[str, dict[str, float]]:
    """Per mode: medians of both in ms and of the ratios of pairs, and the mean number of hands that each saw."""
    camera = Camera.from_fov(*SIZE)
    follower = HandFollower(predictor, max_hands=hands)
    with MediaPipeHands(max_hands=hands) as static, MediaPipeHands(max_hands=hands, static=False) as tracking:

        def ours(call: Callable[[], list]) -> tuple[float, int]:
            start = CLOCKS[clock]()
            found = call()
            return 1000 * (CLOCKS[clock]() - start), len(found)

        def theirs(peer: MediaPipeHands, frame: np.ndarray) -> tuple[float, int]:
            found = peer.predict(frame)
            return 1000 * peer.seconds[clock], len(found)

        seen = []
        for number, frame in enumerate(frames):
            calls = (
                lambda frame=frame: ours(lambda: predictor.predict(frame, camera)),
                lambda frame=frame: theirs(static, frame),
                lambda frame=frame, number=number: ours(lambda: follower.follow(frame, number / RATE, camera)),
                lambda frame=frame: theirs(tracking, frame),
            )
            row = []
            for call in calls:
                time.sleep(PAUSE)
                row.append(call())
            seen.append(row)
    return figures(np.array(seen[WARM_UP:]))


def figures(seen: np.ndarray) -> dict[str, dict[str, float]]:
    """Summary of (frames, 4, 2): ms and hands, still and followed, of each ours and theirs."""
    return {
        mode: {
            "handos": float(np.median(pair[:, 0, 0])),
            "mediapipe": float(np.median(pair[:, 1, 0])),
            "ratio": float(np.median(pair[:, 0, 0] / pair[:, 1, 0])),
            "handos_hands": float(pair[:, 0, 1].mean()),
            "mediapipe_hands": float(pair[:, 1, 1].mean()),
        }
        for mode, pair in zip(MODES, (seen[:, :2], seen[:, 2:]), strict=True)
    }


def frames_of(scene: str, clip: list[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """`count` frames of a scene, 640x480 each."""
    for number in range(count):
        yield clip[number] if scene == "1" else quadrants(clip, number, SCENES[scene])


def quadrants(clip: list[np.ndarray], number: int, hands: int) -> np.ndarray:
    """A frame of 2x2 small ones: the first `hands` show the clip, every second one mirrored, the others one colour."""
    width, height = SIZE[0] // 2, SIZE[1] // 2
    frame = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    frame[:] = clip[0].mean(axis=(0, 1))
    for i in range(hands):
        small = cv2.resize(clip[number + STAGGER * i], (width, height), interpolation=cv2.INTER_AREA)
        y, x = height * (i // 2), width * (i % 2)
        frame[y : y + height, x : x + width] = small[:, ::-1] if i % 2 else small
    return frame


def markdown(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """The table of docs/accuracy.md; times in ms, in brackets the hands that were found."""
    lines = [f"| hands | mode | HandOS | MediaPipe {VERSION} | ratio of pairs |", "|---" * 5 + "|"]
    for scene, row in rows.items():
        for mode in MODES:
            cells = [f"{row[mode][name]:.2f} ({row[mode][name + '_hands']:.2f})" for name in ("handos", "mediapipe")]
            lines.append(f"| {scene} | {mode} | {' | '.join(cells)} | {row[mode]['ratio']:.2f} |")
    for mode in MODES:
        ours, theirs = ((rows["4/4"][mode][name] - rows["1/4"][mode][name]) / 3 for name in ("handos", "mediapipe"))
        lines.append(f"| each further | {mode} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |")
    return "\n".join(lines)


def _clip(video: Path, most: int) -> list[np.ndarray]:
    if not video.is_file():
        raise FileNotFoundError(f"no video at {video}: give the data folder with --data")
    x, y, width, height = CROP
    (source,) = open_inputs([str(video)])
    clip = []
    for frame in source:
        if frame.image is None or len(clip) == most:
            break
        clip.append(cv2.resize(frame.image[y : y + height, x : x + width], SIZE, interpolation=cv2.INTER_AREA))
    if len(clip) < most:
        raise ValueError(f"{video} has {len(clip)} frames, {most} are needed: give fewer --frames")
    return clip


def _hold_to(cores: int) -> None:
    """Limits this process and its children to a number of cores: MediaPipe has no option for its threads."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    cv2.setNumThreads(cores)


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help=f"folder with {VIDEO}")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    parser.add_argument("--frames", type=at_least(1), default=200, help="frames that are timed (default: 200)")
    add_clock(parser)
    parser.add_argument(
        "--cores", type=at_least(1), default=2, help="cores, and CPU threads of our network (default: 2)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
