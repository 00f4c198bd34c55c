"""Frame: one image of an input, with what the input says about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.camera import Camera


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a file, folder, video or recording, or the reason why there is none."""

    name: str
    """Path of the image; for a video or recording, its path with "#" and the frame's number from 0."""
    image: np.ndarray | None
    """(H, W, 3) uint8 RGB; None when it could not be read."""
    camera: Camera | None = None
    """Camera that the input describes; None if it describes none."""
    camera_source: str = ""
    """What described the camera: the camera_info topic of a recording; empty without a camera."""
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
    undistorted: Camera | None = None
    """Camera of the image after image_proc has undistorted it, from P of its CameraInfo; None where P is not set."""
