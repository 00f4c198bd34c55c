"""Frame: one image of an input, with what the input says about it; what every image, camera and stamp must be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from handos_model.camera import MAX_FOCAL, Camera

LATEST = 1e11
"""s: no clock shows as much, not even in the year 5000; nanoseconds and milliseconds since 1970 are more."""

DEFAULT_FRAME = "camera"
"""Frame of hands whose input names none: recordings and viewers need one."""
SECOND = 10**9
"""Nanoseconds."""
LATEST_NS = 2**63
"""Stamps in ns are less than this, in ROS as in NumPy."""
MIN_RATE = 0.001
"""Hz: the lowest rate that a user may give to images without times."""
MOST_FRAMES = 2**31 - 1
"""Number of frames that an input's header is believed to promise."""
BLACK = 16
"""Brightness out of 255: an image without any brighter pixel shows nothing."""
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

    The image must be (H, W, 3) uint8 RGB, with pixels, and the camera of its size, with focal lengths that lenses have.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        came = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"image is {came}, must be a NumPy array (H, W, 3) of uint8, RGB")
    if 0 in image.shape:
        raise ValueError(f"image is empty: its shape is {image.shape}")
    height, width = image.shape[:2]
    camera = Camera.from_fov(width, height) if camera is None else camera
    if not isinstance(camera, Camera):
        raise ValueError(f"camera is {type(camera).__name__}, must be a Camera, which Camera.from_intrinsics makes")
    if (camera.width, camera.height) != (width, height):
        raise ValueError(
            f"the camera has {camera.width}x{camera.height} px, the image has {width}x{height}: Camera.cropped and "
            "Camera.binned give the camera of a part of its images and of smaller ones"
        )
    shortest = max(width, height) / MAX_FOCAL
    if camera.focals.min() < shortest:  # else no hand would be found, without a word
        fx, fy = camera.focals.tolist()
        raise ValueError(
            f"the camera has fx = {fx:g}, fy = {fy:g}, must be {shortest:g} px or more: focal lengths are in pixels of "
            "the image, not in mm or as a fraction of its width"
        )
    return np.ascontiguousarray(image), camera


def doubt_of(image: np.ndarray, encoding: str = "") -> str:
    """Why a decoded image (H, W, 3) uint8 can hardly show hands; empty for an ordinary one.

    encoding: of the message that it comes from; empty for a file.
    """
    if encoding == "16UC1":
        return "the images have the encoding 16UC1, as depth images have: is this the topic of a colour camera?"
    brightest = int(image[::8, ::8].max(initial=0))
    if brightest <= BLACK:
        why = ": 10 or 12 bits in 16 have to be shifted up" if encoding.endswith("16") or not encoding else ""
        return f"the images are nearly black (brightest value {brightest} of 255){why}"
    return ""


def checked_stamp(stamp: float) -> float:
    """The stamp in s, whatever kind of number it is; ValueError for one that cannot be seconds."""
    try:
        seconds = float(stamp)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not abs(seconds) < LATEST:
        raise ValueError(f"stamp is {stamp}, must be a finite number of seconds: nanoseconds are to be divided by 1e9")
    return seconds
