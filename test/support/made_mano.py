"""MANO-shaped model files for tests, of both sides, filled from the embedded template (MANO is not free)."""

from __future__ import annotations

import pickle
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from scipy import sparse

from handos_model.template.load import load_template
from handos_model.template.mano import JOINT_ORDER, TIP_VERTICES
from handos_model.template.mano_layer import ManoLayer

HAND = load_template()
TIPS = [4, 8, 12, 16, 20]
MANO_AXES = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])  # fingers to -x, thumb to +z, as in MANO
MANO_PARENTS = (2**32 - 1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)


def open_wrist(faces: np.ndarray) -> np.ndarray:
    """Faces without a strip of 14 of them at the wrist, which leaves a hole with 16 corners."""
    start = int(HAND.vertices[faces][..., 2].mean(axis=1).argmax())
    strip, corners = [start], set(faces[start])
    while len(strip) < 14:
        for index, face in enumerate(faces):
            touches = any(len(set(face) & set(faces[other])) == 2 for other in strip)
            if touches and len(corners & set(face)) == 2:
                strip.append(index)
                corners |= set(face)
                break
    return np.delete(faces, strip, axis=0)


def mano_fields() -> dict:
    tips = [int(HAND.joint_regressor[tip].argmax()) for tip in TIPS]
    order = np.arange(778)
    for place, tip in zip(TIP_VERTICES, tips, strict=True):
        other = int(np.flatnonzero(order == tip)[0])
        order[[place, other]] = order[[other, place]]
    renumber = np.argsort(order)
    ours = dict(zip(JOINT_ORDER, range(21), strict=True))  # MANO's joint -> our joint
    regressor = HAND.joint_regressor[[ours[i] for i in range(16)]][:, order]
    fingers = ("index-finger", "middle-finger", "pinky-finger", "ring-finger", "thumb")
    weights = np.zeros((778, 16))
    for bone, name in enumerate(HAND.bone_names):
        finger = next((i for i, f in enumerate(fingers) if name.startswith(f)), None)
        own = [n for n in HAND.bone_names if n.startswith(name.partition("-")[0])][-3:]
        column = 0 if finger is None or name not in own else 1 + 3 * finger + own.index(name)
        weights[:, column] += HAND.skinning_weights[order, bone]
    return {
        "v_template": HAND.vertices[order] @ MANO_AXES + [0.0957, 0.0064, 0.0062],
        "f": renumber[open_wrist(HAND.faces)].astype(np.uint32),
        "J_regressor": sparse.csc_matrix(regressor),
        "weights": weights,
        "kintree_table": np.array([MANO_PARENTS, range(16)], np.uint32),
        "bs_type": "lrotmin",
    }


MANO_FIELDS = mano_fields()


def write_pickle(path, fields, protocol=2):
    path.write_bytes(pickle.dumps(fields, protocol=protocol))
    return path


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
