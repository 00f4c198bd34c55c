"""MediaPipe Hands as a separate process: images in, hands out; mediapipe_hands.py starts it.

Its only argument is JSON with the options of mediapipe.solutions.hands.Hands. The first line on stdout is the version.
Then every image is a line with its height and width on stdin, followed by its RGB bytes, and every answer is one line
of JSON: the seconds that MediaPipe took, by the clock and in CPU time, and the hands. Imports nothing of this project.
"""

import json
import os
import sys
import time

import mediapipe
import numpy as np


def main() -> None:
    """Answers until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # MediaPipe's own messages, whatever they are written to, go to stderr
    hands = mediapipe.solutions.hands.Hands(**json.loads(sys.argv[1]))
    print(mediapipe.__version__, file=answers, flush=True)
    while line := sys.stdin.buffer.readline():
        height, width = map(int, line.split())
        data = sys.stdin.buffer.read(height * width * 3)
        image = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        wall, cpu = time.perf_counter(), time.process_time()
        found = hands.process(image)
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps({"seconds": seconds, "hands": described(found)}), file=answers, flush=True)


def described(found) -> list[dict]:
    """The hands as plain lists: landmarks (21, 2) as shares of the image, world (21, 3) m, label and score."""
    if not found.multi_hand_landmarks:
        return []
    per_hand = zip(found.multi_hand_landmarks, found.multi_hand_world_landmarks, found.multi_handedness)  # noqa: B905
    return [
        {
            "landmarks": [[mark.x, mark.y] for mark in marks.landmark],
            "world": [[mark.x, mark.y, mark.z] for mark in world.landmark],
            "label": side.classification[0].label,
            "score": side.classification[0].score,
        }
        for marks, world, side in per_hand
    ]


if __name__ == "__main__":
    main()
