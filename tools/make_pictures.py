#!/usr/bin/env python3
"""Makes the pictures of the README from docs/demo.mp4: hands.webp, an animation, and try.jpg, to try the package on.

python tools/make_pictures.py docs/images
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from handos_model import Camera, HandFollower, HandPredictor, draw_hands
from handos_model.io.inputs import open_inputs

CLIP = Path(__file__).parents[1] / "docs" / "demo.mp4"
TRY = 20
"""The frame to try: both hands are open."""
STEP = 2
"""Frames of the clip from one of the moving picture to the next."""
WIDTH = 480  # px of the moving picture
QUALITY = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"there is no folder {folder}")
    (source,) = open_inputs([str(CLIP)])
    images = [frame.image for frame in source if frame.image is not None]
    cv2.imwrite(str(folder / "try.jpg"), cv2.cvtColor(images[TRY], cv2.COLOR_RGB2BGR))
    drawn = drawn_frames(images, source.fps or 30.0)
    write_moving(folder / "hands.webp", drawn[::STEP], round(1000 * STEP / (source.fps or 30.0)))


def drawn_frames(images: list[np.ndarray], rate: float) -> list[np.ndarray]:
    """The clip's frames (H, W, 3) RGB with the followed hands drawn into them."""
    predictor = HandPredictor(device="cpu")
    follower = HandFollower(predictor)
    camera = Camera.from_fov(*images[0].shape[1::-1])
    faces = predictor.template.faces
    return [
        draw_hands(image, follower.follow(image, number / rate, camera), camera, faces=faces)
        for number, image in enumerate(images)
    ]


def write_moving(path: Path, frames: list[np.ndarray], milliseconds: int) -> None:
    """An animated WebP of RGB frames, each shown for so long."""
    height = round(frames[0].shape[0] * WIDTH / frames[0].shape[1])
    animation = cv2.Animation()
    animation.frames = [
        cv2.cvtColor(cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
        for frame in frames
    ]
    animation.durations = [milliseconds] * len(frames)
    cv2.imwriteanimation(str(path), animation, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
