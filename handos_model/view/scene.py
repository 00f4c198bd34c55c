"""The parts of a frame that every viewer shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.drawing.hand_drawing import LABEL_COLOURS, MESH_COLOURS, label_words
from handos_model.hand import BONES, Hand
from handos_model.wrist_pose import wrist_rotation

AXIS = 0.1
"""m: length of the axes of a wrist's frame."""
STILL = 100_000_000
"""ns between frames that have no time: ten a second, as in a drawn video."""
JPEG_QUALITY = 90


@dataclass(frozen=True, eq=False)
class ShownHand:
    """A hand, and how it is shown. Pixels have (0, 0) at the corner of the image, not at the centre of a pixel."""

    hand: Hand
    name: str
    """hand_3 for the hand with id 3; without tracking, hands are numbered in each frame."""
    faces: np.ndarray
    """(F, 3) indices of vertices, ordered so that normals point out of the hand."""
    wrist: np.ndarray | None
    """(3, 3) rotation from the wrist's frame to the camera's; None if it is not known."""

    @property
    def label(self) -> str:
        """Id, side and score, as in drawings."""
        return " ".join(label_words(self.hand))

    @property
    def colour(self) -> tuple[int, int, int]:
        """RGB of its side, for lines."""
        return LABEL_COLOURS[self.hand.side]

    @property
    def mesh_colour(self) -> tuple[int, int, int]:
        """RGB of its side, for surfaces."""
        return MESH_COLOURS[self.hand.side]

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Upper left and lower right of the box, (2,) px each."""
        return self.hand.box[:2] + 0.5, self.hand.box[2:] + 0.5

    @property
    def joints_2d(self) -> np.ndarray:
        """(21, 2) px."""
        return self.hand.joints_2d + 0.5

    @property
    def bones_2d(self) -> np.ndarray:
        """(20, 2, 2) px: both ends of each bone."""
        return self.joints_2d[np.array(BONES)]

    @property
    def bones_3d(self) -> np.ndarray:
        """(20, 2, 3) m, likewise."""
        return self.hand.joints_3d[np.array(BONES)]


def shown_hands(hands: list[Hand], faces: np.ndarray) -> list[ShownHand]:
    """The hands of a frame, each with a unique name; faces (F, 3): those of the template, a right hand."""
    shown: list[ShownHand] = []
    for hand in hands:
        taken = {other.name for other in shown}
        number = max(hand.id, 0)
        while f"hand_{number}" in taken:
            number += 1
        outward = faces[:, ::-1] if hand.side == "left" else faces
        shown.append(ShownHand(hand, f"hand_{number}", outward, wrist_rotation(hand)))
    return shown


class Clock:
    """Times of frames: their own stamps. An input that would start before the end of the last one is appended to it."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._shift: int | None = None  # ns that are added to the stamps of this input

    def begin_input(self) -> None:
        """Starts a new input, which has its own clock."""
        self._shift = None

    def time(self, stamp_ns: int | None) -> int:
        """Time of the next frame in ns; stamp_ns: its own stamp, None if it has none."""
        following = 0 if self._last is None else self._last + STILL
        if stamp_ns is None:
            self._last = following
            return following
        if self._shift is None:
            overlaps = self._last is not None and stamp_ns <= self._last
            self._shift = following - stamp_ns if overlaps else 0
        self._last = max(0, stamp_ns + self._shift)
        return self._last
