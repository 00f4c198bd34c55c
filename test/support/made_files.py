"""Images, videos and recordings that tests read."""

import cv2
import numpy as np


def picture(height=24, width=32) -> np.ndarray:
    """A smooth colour image, which survives subsampled colour and lossy files."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([40 + 5 * x, 200 - 6 * y, 90 + 2 * x + 2 * y], axis=-1).astype(np.uint8)


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def write_video(path, images, fps=12.0):
    size = images[0].shape[1::-1]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, size)
    for image in images:
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    return path
