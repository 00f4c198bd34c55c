"""The counts of a run, from which its summary and its exit code follow."""

from __future__ import annotations

import sys
from dataclasses import astuple, dataclass

from handos_model.camera import DEFAULT_FOV


@dataclass
class Tally:
    """Counts of a run."""

    frames: int = 0
    hands: int = 0
    unreadable: int = 0
    earlier: int = 0
    """Number of frames that an interrupted run had done."""
    interrupted: bool = False
    unfit: int = 0
    """Number of the unreadable frames whose camera cannot have the user's intrinsics."""
    unwritten: int = 0
    """Number of the outputs that could not be written, while others were."""
    assumed: int = 0
    """Number of the inputs whose camera is assumed, in some frames at least."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def say(self) -> int:
        """Prints that distances are guesses if they are, and a summary; returns the exit code.

        It is 0, 1 if some frames could not be read or some outputs not be written, 2 if the user's intrinsics fit none,
        or 130 if a signal stopped it.
        """
        if self.assumed:
            unknown = f"the camera of {self.assumed} input{'s' * (self.assumed > 1)} is not known"
            guess = f"a view of {DEFAULT_FOV:g} degrees is assumed, and distances are guesses"
            print(f"handos predict: {unknown}: {guess}; give it with --intrinsics", file=sys.stderr)
        parts = [f"{self.frames} frames, {self.hands} hands"]
        parts += [f"{self.earlier} done before"] * (self.earlier > 0)
        parts += [f"{self.unreadable} not readable"] * (self.unreadable > 0)
        parts += [f"{self.unwritten} not written"] * (self.unwritten > 0)
        print(", ".join([*parts, *["interrupted"] * bool(self.interrupted)]), file=sys.stderr)
        if self.interrupted:
            return 130
        return 2 if self.unfit and not self.frames + self.earlier else int(self.unreadable + self.unwritten > 0)
