"""Frame: one image of an input, with what the input says about it; and what every image and camera must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.camera import Camera

DEFAULT_FRAME = "camera"
"""Frame of hands whose input names none: recordings and viewers need one."""
LATEST_NS = 2**63
"""Stamps in ns are less than this, in ROS as in NumPy."""
LONGEST_NAME = 255
"""Maximum number of characters of a frame_id, encoding or format: longer ones are damage that floods outputs."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a file, folder, video or recording, or the reason why there is none."""

    name: str
    """Path of the image; for a video or recording, its path with "#" and the frame's number from 0."""
    image: np.ndarray | None
    """(H, W, 3) uint8 RGB; None when it could not be read."""
    camera: Camera | None = None
    """Camera that the input describes; None if it describes none."""
    stamp_ns: int | None = None
    """Nanoseconds: the stamp of the image message, or the time since the start of a video; None without a time."""
    frame_id: str = ""
    """Coordinate frame of the image message's header; empty where the input names none."""
    topic: str = ""
    """Topic of the image message; empty if the input is not a recording."""
    depth: np.ndarray | None = None
    """(h, w) float32 m, registered to the image, NaN where nothing was measured; None without a depth image."""
    problem: str = ""
    """Why there is no image, in one sentence."""
    rectification: np.ndarray | None = None
    """R (3, 3) of the image's CameraInfo; None where it is not set."""
    projection: np.ndarray | None = None
    """P (3, 4) of the image's CameraInfo, for the pixels of this image as K of `camera`; None where it is not set."""


def checked_frame(image: np.ndarray, camera: Camera | None) -> tuple[np.ndarray, Camera]:
    """The image, made contiguous, and its camera, assumed if None; ValueError for wrong ones.

    The image must be (H, W, 3) uint8 RGB, with pixels, and the camera of its size.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        came = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"image is {came}, must be a NumPy array (H, W, 3) of uint8, RGB")
    if 0 in image.shape:
        raise ValueError(f"image is empty: its shape is {image.shape}")
    height, width = image.shape[:2]
    camera = Camera.from_fov(width, height) if camera is None else camera
    if (camera.width, camera.height) != (width, height):
        raise ValueError(f"the camera has {camera.width}x{camera.height} px, the image has {width}x{height}")
    return np.ascontiguousarray(image), camera
