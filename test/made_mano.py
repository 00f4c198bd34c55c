"""MANO-shaped model files for tests, of both sides, filled from the embedded template (MANO is not free)."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from test_mano import MANO_FIELDS, write_pickle

from handos_model.mano_layer import ManoLayer

FLIP = np.array([-1.0, 1, 1])
MIRRORED_TURNS = np.tile(np.outer(FLIP, FLIP).ravel(), 15)
"""How the numbers of R - I of the 15 joints change their sign in a mirror."""


@cache
def full_fields(side: str = "right") -> dict:
    """Every field of a file; the left one is the mirror of the right one."""
    rng = np.random.default_rng(11)
    fields = {
        **MANO_FIELDS,
        "weights": MANO_FIELDS["weights"] / MANO_FIELDS["weights"].sum(axis=1, keepdims=True),
        "shapedirs": rng.normal(0, 2e-4, (778, 3, 10)),
        "posedirs": rng.normal(0, 2e-4, (778, 3, 135)),
        "hands_mean": rng.normal(0, 0.1, 45),
        "hands_components": np.linalg.qr(rng.normal(size=(45, 45)))[0],
    }
    if side == "right":
        return fields
    return {
        **fields,
        "v_template": fields["v_template"] * FLIP,
        "f": fields["f"][:, ::-1],
        "shapedirs": fields["shapedirs"] * FLIP[:, None],
        "posedirs": fields["posedirs"] * FLIP[:, None] * MIRRORED_TURNS,
    }


def write_mano(folder: Path, **changes: np.ndarray) -> Path:
    """MANO_RIGHT.pkl and MANO_LEFT.pkl in a folder, which is returned."""
    folder.mkdir(exist_ok=True)
    write_pickle(folder / "MANO_RIGHT.pkl", {**full_fields(), **changes})
    write_pickle(folder / "MANO_LEFT.pkl", {**full_fields("left"), **changes})
    return folder


@cache
def made_layer(side: str) -> ManoLayer:
    """The layer of the made file, read through a file once."""
    with tempfile.TemporaryDirectory() as folder:
        return ManoLayer.load(write_mano(Path(folder)), side)
