"""MANO's own model file (mano.is.tue.mpg.de, licence per user) as a HandTemplate, read without running its pickle."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from handos_model.hand import KNUCKLES
from handos_model.io.files import one_line, shown
from handos_model.template.array_pickle import as_array, load_arrays
from handos_model.template.coarse import coarse_subset
from handos_model.template.embedded import embedded_template
from handos_model.template.hand_template import HandTemplate, signed_volume

MANO_NAME = "mano"  # name of the template
FINGER_ORDER = ("index-finger", "middle-finger", "pinky-finger", "ring-finger", "thumb")  # MANO's
TIP_VERTICES = (744, 320, 443, 555, 672)  # thumb to little; FreiHAND's (kpId2vertices of its utils/mano_utils.py)
JOINT_ORDER = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)  # ours <- MANO's 16, then tips
SHAPES = {
    "v_template": (778, 3),
    "f": (1538, 3),
    "J_regressor": (16, 778),
    "weights": (778, 16),
    "kintree_table": (2, 16),
}


def read_mano(path: str | Path) -> HandTemplate:
    """A template from MANO_RIGHT.pkl or MANO_LEFT.pkl (a left hand is mirrored into a right one); takes seconds.

    Vertices keep MANO's numbering; the wrist becomes the origin (MANO's is about 9.5 cm away) and the axes those of the
    template frame. Added to the file's content: the fingertips (TIP_VERTICES), 14 faces that close the wrist, and bone
    frames. Left out: MANO's shape space and pose correctives. Raises ValueError if the file is damaged, holds anything
    but arrays, or is not MANO.
    """
    fields = read_fields(Path(path))
    vertices, regressor = fields["v_template"], fields["J_regressor"]
    vertices = vertices - regressor[0] @ vertices
    tips = np.eye(len(vertices))[list(TIP_VERTICES)]
    regressor = np.vstack([regressor, tips])[list(JOINT_ORDER)]
    if _is_left(regressor @ vertices):
        vertices = vertices * [-1, 1, 1]
    faces = close_wrist(fields["f"].astype(np.int64))
    if signed_volume(vertices, faces) < 0:
        faces = faces[:, ::-1]
    vertices = vertices @ _turn_to(regressor @ vertices, embedded_template().joints).T
    parents = fields["kintree_table"][0].astype(np.int64)
    parents[0] = -1
    names, frames = _bones(regressor @ vertices)
    return coarse_subset(
        HandTemplate(
            name=MANO_NAME,
            vertices=vertices.astype(np.float32),
            faces=np.ascontiguousarray(faces, np.int32),
            joint_regressor=regressor.astype(np.float32),
            skinning_weights=fields["weights"].astype(np.float32),
            bone_names=names,
            bone_parents=parents.astype(np.int32),
            bone_frames=frames.astype(np.float32),
            coarse=np.zeros(0, np.int32),
            upsample=np.zeros((len(vertices), 0), np.float32),
        )
    )


class _WrongShape(ValueError):
    """A field is intact, but not MANO's."""


def read_fields(path: Path, shapes: Mapping[str, tuple[int, ...]] = SHAPES) -> dict[str, np.ndarray]:
    """The arrays of MANO's file that `shapes` names, as plain numbers of these shapes; those of SHAPES are checked.

    Raises ValueError if the file is damaged, holds anything but arrays, or is not MANO.
    """
    try:
        data = load_arrays(path)
        fields: dict[str, np.ndarray] = {}
        for name, shape in shapes.items():  # one at a time, as malicious ones may be large
            fields[name] = as_array(data[name])
            if (found := fields[name].shape) != shape:
                raise _WrongShape(f"'{shown(path)}' is not a MANO hand: {name} has the shape {found}, expected {shape}")
    except (OSError, _WrongShape):
        raise
    except Exception as error:  # not a dictionary, a field missing, a stand-in without its parts
        raise ValueError(f"'{shown(path)}' cannot be read as a MANO model: {one_line(error)}") from error
    finite = all(np.isfinite(values).all() for values in fields.values())
    faces, parents = fields["f"], fields["kintree_table"][0, 1:]
    if not finite or faces.min() < 0 or faces.max() >= 778 or parents.min() < 0 or (parents > np.arange(15)).any():
        raise ValueError(
            f"'{shown(path)}' is not a MANO hand: its numbers are not finite, or its indices are out of range"
        )
    return fields


def _is_left(joints: np.ndarray) -> bool:
    """Whether a hand is a left one: index MCP, little MCP and thumb tip, seen from the wrist, turn the other way round.

    The geometry decides, since the file's faces are outward for either side and a file can have any name; in MANO's
    rest pose the thumb lies well on the palm's side of the plane through wrist, index and little finger.
    """
    reference = embedded_template().joints
    return bool(np.linalg.det(joints[[5, 17, 4]]) * np.linalg.det(reference[[5, 17, 4]]) < 0)


def _turn_to(joints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) about the wrist that brings the knuckles of joints (21, 3) nearest to those of the reference."""
    knuckles = list(KNUCKLES)
    u, _, vt = np.linalg.svd(reference[knuckles].T @ joints[knuckles])
    return u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt


def _bones(joints: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and rest frames (16, 4, 4) in MANO's order: -z to the next joint, +y as near as possible to our rig's."""
    rig = embedded_template()
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


def close_wrist(faces: np.ndarray) -> np.ndarray:
    """The faces plus a fan that closes the only open boundary, oriented like its neighbours."""
    edges = {(int(a), int(b)) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    following = {b: a for a, b in edges if (b, a) not in edges}
    if not following:
        return faces
    loop = [min(following)]
    while following[loop[-1]] != loop[0] and len(loop) <= len(following):
        loop.append(following[loop[-1]])
    if len(loop) != len(following):
        raise ValueError("the MANO mesh has more than one hole, or an edge in more than two faces")
    fan = [(loop[0], b, c) for b, c in pairwise(loop[1:])]
    return np.vstack([faces, fan])
