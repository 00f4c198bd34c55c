"""MANO's own model file (mano.is.tue.mpg.de, licence per user) as a HandTemplate, read without running its pickle."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.coarse import coarse_subset
from handos_model.template import HandTemplate, load_template, signed_volume

FINGER_ORDER = ("index-finger", "middle-finger", "pinky-finger", "ring-finger", "thumb")  # MANO's
TIP_VERTICES = (744, 320, 443, 554, 671)  # thumb to little
JOINT_ORDER = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)  # ours <- MANO's 16, then tips
SHAPES = {"v_template": (778, 3), "f": (1538, 3), "J_regressor": (16, 778), "weights": (778, 16),
          "kintree_table": (2, 16)}


class _Stored:
    """Stands for an object of an admitted class: keeps its state and does nothing."""

    state: dict[str, Any]

    def __init__(self) -> None:
        self.state = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = dict(state)


class _Ch(_Stored):
    """A chumpy array: its values are `x`."""

    def array(self) -> np.ndarray:
        return np.asarray(self.state["x"])


class _Select(_Stored):
    """A chumpy selection: flat indices `idxs` into `a`. MANO keeps its shape space so; no field read here is one."""


class _Csc(_Stored):
    """A scipy.sparse.csc_matrix."""

    def array(self) -> np.ndarray:
        rows, columns = (int(n) for n in self.state.get("_shape", self.state.get("shape")))
        if rows * columns > 1_000_000:
            raise ValueError(f"a sparse matrix of {rows} x {columns} is no part of MANO")
        dense = np.zeros((rows, columns))
        column = np.repeat(np.arange(columns), np.diff(self.state["indptr"]))
        np.add.at(dense, (self.state["indices"], column), self.state["data"])
        return dense


class _Csr(_Csc):
    """A scipy.sparse.csr_matrix: the same arrays with rows and columns exchanged."""

    def array(self) -> np.ndarray:
        transposed = _Csc()
        transposed.state = {**self.state, "_shape": tuple(self.state.get("_shape", self.state.get("shape")))[::-1]}
        return transposed.array().T


def _blank(kind: type, base: type, state: None) -> _Stored:
    """How protocols 0 and 1 make an object: only admitted ones, and empty."""
    if not (isinstance(kind, type) and issubclass(kind, _Stored)):
        raise pickle.UnpicklingError(f"'{kind}' is not admitted in a hand template")
    return kind()


def _bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in protocols 0 to 2."""
    return str(text).encode("latin1")


_NUMPY = {"_reconstruct": np.zeros(0).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_ADMITTED = {
    ("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype,
    **{(module, name): made for module in ("numpy.core.multiarray", "numpy._core.multiarray")
       for name, made in _NUMPY.items()},
    **{(f"scipy.sparse{module}", f"{kind}_matrix"): made for kind, made in (("csc", _Csc), ("csr", _Csr))
       for module in ("", f".{kind}", f"._{kind}")},
    ("chumpy", "Ch"): _Ch, ("chumpy.ch", "Ch"): _Ch, ("chumpy.reordering", "Select"): _Select,
    **{(module, "_reconstructor"): _blank for module in ("copy_reg", "copyreg")},
    ("_codecs", "encode"): _bytes,
    **{(module, kind.__name__): kind for module in ("__builtin__", "builtins") for kind in (object, set)},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Admits arrays, and stand-ins that hold arrays; every other class or function in the file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(
                f"it names '{module}.{name}'; only NumPy arrays, SciPy sparse matrices and chumpy arrays are admitted")
        return _ADMITTED[module, name]


def read_mano(path: str | Path) -> HandTemplate:
    """A template from MANO_RIGHT.pkl or MANO_LEFT.pkl (a left hand is mirrored into a right one); takes seconds.

    Vertices keep MANO's numbering; the wrist becomes the origin (MANO's is about 9.5 cm away) and the axes those of the
    template frame. Added to the file: the fingertips (vertices 744 320 443 554 671), 14 faces that close the wrist, and
    bone frames. Left out: MANO's shape space and pose correctives. Raises ValueError where the file is damaged, holds
    anything but arrays, or is not MANO.
    """
    fields = _read_fields(Path(path))
    vertices, regressor = fields["v_template"], fields["J_regressor"]
    vertices = vertices - regressor[0] @ vertices
    tips = np.eye(len(vertices))[list(TIP_VERTICES)]
    regressor = np.vstack([regressor, tips])[list(JOINT_ORDER)]
    if _is_left(regressor @ vertices):
        vertices = vertices * [-1, 1, 1]
    faces = _close_wrist(fields["f"].astype(np.int64))
    if signed_volume(vertices, faces) < 0:
        faces = faces[:, ::-1]
    vertices = vertices @ _turn_to(regressor @ vertices, load_template().joints).T
    parents = fields["kintree_table"][0].astype(np.int64)
    parents[0] = -1
    names, frames = _bones(regressor @ vertices)
    return coarse_subset(HandTemplate(
        name="mano", vertices=vertices.astype(np.float32), faces=np.ascontiguousarray(faces, np.int32),
        joint_regressor=regressor.astype(np.float32), skinning_weights=fields["weights"].astype(np.float32),
        bone_names=names, bone_parents=parents.astype(np.int32), bone_frames=frames.astype(np.float32),
        coarse=np.zeros(0, np.int32), upsample=np.zeros((len(vertices), 0), np.float32)))


def _read_fields(path: Path) -> dict[str, np.ndarray]:
    """The arrays of SHAPES out of the file, as plain numbers of those shapes."""
    try:
        with path.open("rb") as file:
            data = _ArrayUnpickler(file, encoding="latin1").load()
        fields = {name: _plain(data[name]) for name in SHAPES}
    except OSError:
        raise
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise ValueError(f"'{path}' cannot be read as a MANO model: {error}.") from error
    for name, shape in SHAPES.items():
        found = fields[name].shape
        if found != shape:
            raise ValueError(f"'{path}' is not a MANO hand: {name} has the shape {found}, expected {shape}.")
    finite = all(np.isfinite(values).all() for values in fields.values())
    faces, parents = fields["f"], fields["kintree_table"][0, 1:]
    if not finite or faces.min() < 0 or faces.max() >= 778 or parents.min() < 0 or (parents > np.arange(15)).any():
        raise ValueError(f"'{path}' is not a MANO hand: numbers that are not finite, or indices that lead nowhere.")
    return fields


def _plain(value: Any) -> np.ndarray:
    array = value.array() if isinstance(value, (_Ch, _Csc)) else np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"an array of numbers was expected, not of type {array.dtype}")
    return array


def _is_left(joints: np.ndarray) -> bool:
    """Seen from the wrist, index MCP, little MCP and thumb tip turn the other way round in a left hand.

    Decided by the geometry, as the file's faces are outward for either side and a file can have any name; in MANO's
    rest pose the thumb lies well on the palm's side of the plane through wrist, index and little finger.
    """
    reference = load_template().joints
    return bool(np.linalg.det(joints[[5, 17, 4]]) * np.linalg.det(reference[[5, 17, 4]]) < 0)


def _turn_to(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) about the wrist that brings the knuckles of joints (21, 3) nearest to those of the reference."""
    knuckles = [5, 9, 13, 17]
    u, _, vt = np.linalg.svd(reference[knuckles].T @ joints[knuckles])
    return u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt


def _bones(joints: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and rest frames (16, 4, 4) in MANO's order: -z to the next joint, +y as near as can be to our rig's."""
    rig = load_template()
    names, frames = ["wrist"], [np.eye(4)]
    for finger, first in zip(FINGER_ORDER, (5, 9, 17, 13, 1), strict=True):
        thumb = ("metacarpal", "phalanx-proximal", "phalanx-distal")
        parts = thumb if finger == "thumb" else ("phalanx-proximal", "phalanx-intermediate", "phalanx-distal")
        for joint, part in enumerate(parts, start=first):
            name = f"{finger}-{part}"
            z = joints[joint] - joints[joint + 1]
            z /= np.linalg.norm(z)
            x = np.cross(rig.bone_frames[rig.bone_names.index(name), :3, 1], z)
            x /= np.linalg.norm(x)
            frame = np.eye(4)
            frame[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
            frame[:3, 3] = joints[joint]
            names.append(name)
            frames.append(frame)
    return tuple(names), np.array(frames)


def _close_wrist(faces: np.ndarray) -> np.ndarray:
    """Faces with a fan over the one open boundary, in the orientation of its neighbours."""
    edges = {(int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    following = {b: a for a, b in edges if (b, a) not in edges}
    if not following:
        return faces
    loop = [min(following)]
    while following[loop[-1]] != loop[0] and len(loop) <= len(following):
        loop.append(following[loop[-1]])
    if len(loop) != len(following):
        raise ValueError("The MANO mesh has more than one hole, or an edge in more than two faces.")
    fan = [(loop[0], b, c) for b, c in pairwise(loop[1:])]
    return np.vstack([faces, fan])
