"""Predictions in the files that the servers of FreiHAND and HO-3D take: a zip with one pred.json.

Both servers take [joints of all images, vertices of all images], metres in the camera's frame, in the order of the
evaluation split, zeros where nothing is found (pred.py of github.com/lmb-freiburg/freihand and of
github.com/shreyashampali/ho3d). FreiHAND has this project's frame and order of joints. HO-3D has MANO's order of
joints, in the evaluation split as well (github.com/shreyashampali/HOnnotate/issues/4), and OpenGL's frame: x right,
y up, z backwards; and other vertices for fingertips than the regressor of MANO's template has.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from handos_model.data.published import freihand, ho3d
from handos_model.evaluation.hand_errors import joints_with
from handos_model.hand import JOINT_NAMES, VERTICES, Hand
from handos_model.template.mano import JOINT_ORDER

SPLIT = "evaluation"
"""The split whose labels both servers have."""

_OURS = np.arange(len(JOINT_NAMES))
_CONVENTIONS = {
    "freihand": (_OURS, np.ones(3, np.float32), freihand.TIPS),
    "ho3d": (np.argsort(JOINT_ORDER), ho3d.FROM_OPENGL, ho3d.TIPS),
}

SUBMITTED = tuple(_CONVENTIONS)
"""The data sets that have such a server."""


class Submission:
    """Collects one hand per image.

    template: HandTemplate.name of the hands; fingertips are vertices where it is MANO's, as the servers' are. Raises
    ValueError for a data set that has no such file, or another split than evaluation.
    """

    def __init__(self, dataset: str, split: str, template: str) -> None:
        if dataset not in _CONVENTIONS:
            raise ValueError(f"{dataset} has no submission file; these have one: {', '.join(_CONVENTIONS)}")
        if split != SPLIT:
            raise ValueError(f"a submission is of the split {SPLIT}, got {split}")
        self._order, self._axes, tips = _CONVENTIONS[dataset]
        self._tips = tips if template == "mano" else None
        self._joints: list[np.ndarray] = []
        self._vertices: list[np.ndarray] = []

    def add(self, hand: Hand | None) -> None:
        """Adds the hand of the next image; None if nothing was found."""
        joints = np.zeros((len(JOINT_NAMES), 3)) if hand is None else joints_with(hand, self._tips)
        joints = joints[self._order] * self._axes
        vertices = np.zeros((VERTICES, 3)) if hand is None else hand.vertices * self._axes
        self._joints.append(joints.astype(np.float32))
        self._vertices.append(vertices.astype(np.float32))

    def write(self, path: Path) -> None:
        """Writes the zip, in m to a micrometre; point by point, as HO-3D's is a gigabyte of text."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("pred.json", "w") as file:
            for piece in self._pieces():
                file.write(piece.encode())

    def _pieces(self) -> Iterable[str]:
        yield "["
        for k, arrays in enumerate((self._joints, self._vertices)):
            yield ", [" if k else "["
            for n, points in enumerate(arrays):
                yield (", " if n else "") + json.dumps(points.astype(np.float64).round(6).tolist())
            yield "]"
        yield "]"
