"""MediaPipe Hands behind the interface of HandPredictor, to be scored and timed by the same code.

It runs in a separate environment, which `make mediapipe` makes, since it needs other versions of NumPy and protobuf.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from handos_model import Camera, Hand
from handos_model.hand import joints_box

VERSION = "0.10.21"
PYTHON = Path(__file__).resolve().parents[1] / ".mediapipe" / "bin" / "python"
SERVER = Path(__file__).with_name("mediapipe_server.py")
MIRRORED_SIDES = {"Left": "right", "Right": "left"}
"""Its handedness assumes a mirrored image; these photos are not."""


class MediaPipeHands:
    """MediaPipe Hands: the full model (complexity 1), its own default confidences (.5), up to `max_hands` hands.

    A limit above 4 hands finds nothing more on these photos. `static`: every image on its own, as HandPredictor works;
    else it follows hands, and looks for palms only while it has fewer than `max_hands`. A mesh and a position in metres
    it does not have: vertices are zeros, joints_3d its hand-centred world landmarks.

    Raises FileNotFoundError without its environment, ValueError where that holds another version.
    """

    def __init__(self, max_hands: int = 4, static: bool = True) -> None:
        if not PYTHON.is_file():
            raise FileNotFoundError(
                f"MediaPipe needs an environment of its own, {PYTHON.parents[1]}: run make mediapipe"
            )
        options = {"static_image_mode": static, "max_num_hands": max_hands, "model_complexity": 1}
        self.seconds = {"wall": 0.0, "cpu": 0.0}
        """Time that MediaPipe itself took for the last image, by the clock and as CPU time of all its threads."""
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [PYTHON, "-I", SERVER, json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        version = self._answer().strip()
        if version != VERSION:
            self.close()
            raise ValueError(f"mediapipe is {version}, published figures are of {VERSION}: run make mediapipe")

    def __enter__(self) -> MediaPipeHands:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """Hands in an image (H, W, 3) uint8 RGB; `camera` is not used."""
        height, width = image.shape[:2]
        self._process.stdin.write(f"{height} {width}\n".encode() + image.tobytes())
        self._process.stdin.flush()
        answer = json.loads(self._answer())
        self.seconds = answer["seconds"]
        return [_hand(hand, width, height) for hand in answer["hands"]]

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _answer(self) -> str:
        line = self._process.stdout.readline().decode()
        if not line:
            self._log.seek(0)
            last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
            raise ValueError(f"MediaPipe's process ended: {' '.join(last) or 'without a message'}")
        return line


def _hand(found: dict[str, Any], width: int, height: int) -> Hand:
    joints_2d = np.array(found["landmarks"], np.float32) * np.float32([width, height])
    joints_3d = np.array(found["world"], np.float32)
    return Hand(
        score=found["score"],
        side=MIRRORED_SIDES[found["label"]],
        side_confidence=found["score"],
        box=joints_box(joints_2d),
        joints_2d=joints_2d,
        joint_confidence=np.ones(21, np.float32),
        joints_3d=joints_3d,
        vertices=np.zeros((778, 3), np.float32),
        translation=joints_3d[0],
    )
