"""HandOS and MediaPipe Hands on 640x480 photos of one to three hands, call by call in turn, on two cores.

    pip install -e ".[bench]"
    python benchmarks/speed.py --data ../shared/data

Both go from the RGB array to their results: ours with mesh, side and metric position, MediaPipe's with its 21 points.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mediapipe_hands import VERSION, MediaPipeHands

from handos_model import Camera, HandPredictor

VIDEO = "video/human_hand_video.mp4"
FRAME = 320
CROP = (275, 0, 960, 720)  # x, y, width, height: 4:3 around the hand
SIZE = (640, 480)
HAND_WIDTH = 212  # px of the 640x480 photo that hold the hand and its arm
THREADS = 2
PAUSE = 0.02  # s between calls: worker threads of the one no longer spin while the other is timed
WARM_UP = 10
BUSY = 0.7  # load average from which other work is in the way
NAMES = ("handos", "mediapipe_static", "mediapipe_tracking")


def main() -> None:
    """Times both on one, two and three hands and prints Markdown and JSON."""
    arguments = _arguments()
    _two_cores()
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"speed.py: the machine is busy (load {load:.1f}), so these times are too long", file=sys.stderr)
    photo = _photo(arguments.data / VIDEO)
    ours = HandPredictor(arguments.weights, device="cpu", threads=THREADS)
    rows = [measure(ours, row_of_hands(photo, hands), hands, arguments.repeats) for hands in (1, 2, 3)]
    print(markdown(rows))
    print(json.dumps(rows))


def measure(ours: HandPredictor, photo: np.ndarray, hands: int, repeats: int) -> dict[str, Any]:
    """Median milliseconds per photo of each, and how many hands each saw: with fewer, its time is not comparable."""
    camera = Camera.from_fov(photo.shape[1], photo.shape[0])
    static, tracking = MediaPipeHands(), MediaPipeHands(static=False)
    calls: dict[str, Callable[[], list]] = {
        "handos": lambda: ours.predict(photo, camera),
        "mediapipe_static": lambda: static.predict(photo),
        "mediapipe_tracking": lambda: tracking.predict(photo),
    }
    found = {f"{name}_found": [len(call()) for _ in range(WARM_UP)][-1] for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            call()
            times[name].append(1000 * (time.perf_counter() - start))
    medians = {name: float(np.median(values)) for name, values in times.items()}
    fast = {f"{name}_p10": float(np.percentile(values, 10)) for name, values in times.items()}
    return {"hands": hands, "repeats": repeats} | medians | fast | found


def row_of_hands(photo: np.ndarray, hands: int) -> np.ndarray:
    """The photo with its hand in the middle `hands` times side by side, every second one mirrored; 1 to 3 hands."""
    if not 1 <= hands <= SIZE[0] // HAND_WIDTH:
        raise ValueError(f"hands is {hands}, must be 1 to {SIZE[0] // HAND_WIDTH}")
    if hands == 1:
        return photo
    left = (photo.shape[1] - HAND_WIDTH) // 2
    strip = photo[:, left : left + HAND_WIDTH]
    row = np.concatenate([strip[:, ::-1] if i % 2 else strip for i in range(hands)], axis=1)
    before = (photo.shape[1] - row.shape[1]) // 2
    after = photo.shape[1] - row.shape[1] - before
    return np.ascontiguousarray(np.pad(row, ((0, 0), (before, after), (0, 0)), mode="edge"))


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table of docs/accuracy.md; times in ms, in brackets the hands that were found."""
    first = rows[0]
    lines = [
        f"| hands | HandOS | MediaPipe {VERSION} static | ratio | MediaPipe tracking | HandOS, each further hand |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = {name: f"{row[name]:.2f} ({row[f'{name}_found']})" for name in NAMES}
        ratio = row["handos"] / row["mediapipe_static"]
        further = f"{(row['handos'] / first['handos'] - 1) / (row['hands'] - 1):+.1%}" if row["hands"] > 1 else ""
        lines.append(
            f"| {row['hands']} | {cells['handos']} | {cells['mediapipe_static']} | {ratio:.2f} "
            f"| {cells['mediapipe_tracking']} | {further} |"
        )
    return "\n".join(lines)


def _photo(video: Path) -> np.ndarray:
    capture = cv2.VideoCapture(str(video))
    capture.set(cv2.CAP_PROP_POS_FRAMES, FRAME)
    read, frame = capture.read()
    if not read:
        raise FileNotFoundError(f"no video at {video}: give the data folder with --data")
    x, y, width, height = CROP
    photo = cv2.resize(frame[y : y + height, x : x + width], SIZE, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(photo[:, :, ::-1])


def _two_cores() -> None:
    """MediaPipe takes as many threads as it likes, so the process itself is held to two cores."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:THREADS])
    cv2.setNumThreads(THREADS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help=f"folder with {VIDEO}")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    parser.add_argument("--repeats", type=int, default=60, help="calls of each that are timed (default: 60)")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error(f"--repeats is {arguments.repeats}, must be 1 or more")
    return arguments


if __name__ == "__main__":
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"speed.py: {error}")
