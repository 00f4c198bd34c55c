"""One hand in a plain picture, a network that finds it, and what `handos predict` made of them."""

import json
import signal

import av
import numpy as np
from fake_network import METADATA, answer, write_network
from posed_hand import posed_hand

from handos_model import Camera
from handos_model.tracking.follower import HandFollower

CAMERA = Camera.from_fov(640, 480)
PHOTO = np.full((480, 640, 3), 90, np.uint8)
PLACE = np.array([0.1, 0.05, 0.6])


def write_weights(path, **metadata: str) -> str:
    """A network that sees a hand at PLACE in every image of PHOTO's size."""
    vertices, joints = posed_hand()
    return str(write_network(path, [answer(vertices + PLACE, joints + PLACE, CAMERA)], 640, METADATA | metadata))


def lines_of(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assumed(inputs: int) -> str:
    """The line that a run prints about inputs without a known camera."""
    unknown = f"the camera of {inputs} input{'s' * (inputs > 1)} is not known"
    guess = "a view of 60 degrees is assumed, and distances are guesses"
    return f"handos predict: {unknown}: {guess}; give it with --intrinsics\n"


def contents(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def times_of(path) -> list[float]:
    """Seconds of a video's frames."""
    with open(path, "rb") as file, av.open(file) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        return [round(float(frame.time), 3) for frame in container.decode(video=0)]


def interrupt_at(monkeypatch, stop_at, number=signal.SIGINT):
    """Sends the signal while the frame of that number is predicted."""
    follow, count = HandFollower.follow, 0

    def interrupted(self, *args):
        nonlocal count
        count += 1
        if count == stop_at:
            signal.raise_signal(number)
        return follow(self, *args)

    monkeypatch.setattr(HandFollower, "follow", interrupted)
