"""Checks what a network returns, since its file can come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

HAND = {
    "scores": (), "presence": (), "joints_2d": (21, 2), "joint_confidence": (21,), "joints_3d": (21, 3),
    "vertices": (778, 3), "view": (4,), "views": (4,), "translation": (3,), "right": (),
}  # fmt: skip
"""Shape of each output for one hand, or for one place where a hand may be; every output has one row for each."""
SHARES = ("scores", "presence", "joint_confidence", "right")
"""Outputs that lie between 0 and 1."""
LARGEST = 1e6
"""Largest absolute value of the other outputs, in px, m or rad."""
SLACK = 0.01
"""By how much SHARES may exceed their range: graphs in 8 or 16 bits round."""


def check_outputs(outputs: Mapping[str, object], rows: int | None = None) -> None:
    """Raises ValueError if an output of HAND has the wrong shape or is too large, or one of SHARES is not in 0..1.

    rows: how many rows each must have; as many as the first output when None. NaN is refused only in SHARES: elsewhere
    it concerns a single hand, which is left out later.
    """
    for name, values in outputs.items():
        shape = HAND.get(name)
        if shape is None:
            continue
        if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
            raise ValueError(f"its {name} are {getattr(values, 'dtype', type(values).__name__)}, must be numbers")
        rows = len(values) if rows is None and values.ndim else rows
        if values.shape != (rows, *shape):
            expected = ", ".join(map(str, ("hands" if rows is None else rows, *shape)))
            raise ValueError(f"its {name} have the shape {values.shape}, expected ({expected})")
        if name not in SHARES and (np.abs(values) > LARGEST).any():
            raise ValueError(f"its {name} lie beyond {LARGEST:g}")
        if name in SHARES and len(values) and not -SLACK <= values.min() <= values.max() <= 1 + SLACK:
            raise ValueError(f"its {name} lie between {values.min():g} and {values.max():g}, must lie between 0 and 1")
