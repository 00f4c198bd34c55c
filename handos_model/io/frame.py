"""Frame: one image of an input, with its camera if the input names one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.camera import Camera


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a file, folder, video or recording."""

    name: str
    """Path of the image; of a video or recording with "#" and the frame's number from 0."""
    image: np.ndarray | None
    """(H, W, 3) uint8 RGB; None when it could not be read."""
    camera: Camera | None = None
    """Camera that the input names; None if it names none."""
    stamp: float | None = None
    """Seconds: the image message's stamp, or the time since a video's start; None for images, which have no time."""
    problem: str = ""
    """Why there is no image, in one sentence."""
