"""HO-3D version 3 and H2O-3D (Hampali et al., CVPR 2020 and 2022): hands with an object, video, MANO.

Layout: README, vis_HO3D.py, vis_H2O3D.py, pred.py and utils/vis_utils.py of github.com/shreyashampali/ho3d. A split
lists its frames in <split>.txt as sequence/frame; the labels of a frame are a pickle of plain arrays in OpenGL's frame
(x right, y up, z backwards), joints in MANO's order, the pose from the flat hand. The pickles of `evaluation` hold no
more of the hand than the wrist and a box of all of it, hidden parts included: its labels are evaluation_xyz.json and
evaluation_verts.json, published in November 2024, in the order of evaluation.txt. H2O-3D's evaluation is not published.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from handos_model.data.dataset_files import LABELS, as_floats, damaged, picture_name, read_array, read_image
from handos_model.data.sample import LEFT, RIGHT, Sample, labelled_3d, without_hands
from handos_model.hand import VERTICES
from handos_model.io.files import one_line, read_text
from handos_model.template.array_pickle import as_array, load_arrays
from handos_model.template.mano import JOINT_ORDER
from handos_model.template.mano_layer import ManoLayer

FROM_OPENGL = np.array([1, -1, -1], np.float32)  # and to it
SIDES = {"right": RIGHT, "left": LEFT}
TIPS = (744, 333, 444, 555, 672)  # no file of the authors says so; programs that use the sets do


class HandsAndObjects:
    """Frames of one split. prefixes: for every side, how the labels' fields begin.

    complete: a frame shows no other hands. Where one of these has no labels, the sample is not complete.
    """

    def __init__(self, root: Path, split: str, mano: Path | None, prefixes: dict[str, str], complete: bool):
        self.folder, self.prefixes, self.complete = root / split, prefixes, complete
        listed = root / f"{split}.txt"
        try:
            self.frames = [picture_name(frame) for frame in read_text(listed, LABELS).split()]
        except ValueError as error:
            raise damaged(listed, error) from error
        self.evaluation = None
        self.layers: dict[str, ManoLayer] = {}
        if split == "evaluation":
            self.evaluation = [
                read_array(root / f"evaluation_{kind}.json", (n, 3)) for kind, n in (("xyz", 21), ("verts", VERTICES))
            ]
            lengths = {len(self.frames), *map(len, self.evaluation)}
            if len(lengths) > 1:
                raise ValueError(
                    f"evaluation.txt, evaluation_xyz.json and evaluation_verts.json of {root} are of "
                    f"unequal length: {sorted(lengths)}; get them again"
                )
        elif mano:
            self.layers = {side: ManoLayer.load(mano, side) for side in prefixes}

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Sample:
        path = self._path("meta", index, "pkl")
        labels = self._labels(path)
        picture = self._path("rgb", index, "png")  # of versions before 3
        image = read_image(picture if picture.is_file() else self._path("rgb", index, "jpg"))
        try:
            K = as_floats(as_array(labels["camMat"]), (3, 3), "camMat")
            if self.evaluation is not None:
                joints, vertices = (values[index][None] for values in self.evaluation)
                sample = self._sample(image, K, joints, vertices, ["right"])
                sample.boxes = as_floats([as_array(labels["handBoundingBox"])], (1, 4), "handBoundingBox")
                return sample.check()
            valid = {side: self._valid(labels, side) for side in self.prefixes}
            valid = {side: joints for side, joints in valid.items() if joints.any()}
            if not valid:
                return without_hands(image, complete=False)
            return self._hands(image, K, labels, valid)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, error) from error

    def _path(self, kind: str, index: int, suffix: str) -> Path:
        sequence, _, frame = self.frames[index].partition("/")
        return self.folder / sequence / kind / f"{frame}.{suffix}"

    @staticmethod
    def _labels(path: Path) -> dict[str, Any]:
        try:
            labels = load_arrays(path)
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {one_line(error)}") from error
        if not isinstance(labels, dict):
            raise ValueError(f"{path} must hold labels, got {type(labels).__name__}")
        return labels

    def _valid(self, labels: dict[str, Any], side: str) -> np.ndarray:
        """Which joints (21,) of a hand the authors vouch for, in MANO's order; H2O-3D says so, HO-3D means all."""
        if labels[f"{self.prefixes[side]}Joints3D"] is None:
            return np.zeros(21, bool)
        name = f"jointValid{side.capitalize()}"
        return as_floats(as_array(labels[name]), (21,), name) > 0 if name in labels else np.ones(21, bool)

    def _hands(self, image: np.ndarray, K: np.ndarray, labels: dict[str, Any], valid: dict[str, np.ndarray]) -> Sample:
        """Hands with at least one valid joint. Other joints are unlabelled, and a hand with such joints has no 3D."""
        listed = [as_array(labels[f"{self.prefixes[side]}Joints3D"]) for side in valid]
        joints = as_floats(listed, (-1, 21, 3), "joints")
        vertices = [self._vertices(labels, side) for side in valid] if self.layers else None
        for hand, trusted in enumerate(valid.values()):
            joints[hand, ~trusted] = joints[hand, trusted].mean(0)  # they may lie in the camera, and project nowhere
        sample = self._sample(image, K, joints, vertices, list(valid))
        trusted = np.stack(list(valid.values()))[:, JOINT_ORDER]
        sample.joints_2d[..., 2] *= trusted
        sample.has_3d &= trusted.all(1)
        sample.has_vertices &= trusted.all(1) & np.array([self._posed(labels, side) for side in valid])
        return sample

    @staticmethod
    def _posed(labels: dict[str, Any], side: str) -> bool:
        """Whether the authors vouch for the whole pose of a hand; if they say nothing, they do."""
        name = f"poseValid{side.capitalize()}"
        return name not in labels or bool(as_array(labels[name]).all())

    def _sample(self, image: np.ndarray, K: np.ndarray, joints: Any, vertices: Any, sides: list[str]) -> Sample:
        """The sample, converted from OpenGL's frame and MANO's joint order to ours."""
        joints = np.asarray(joints)[:, JOINT_ORDER] * FROM_OPENGL
        vertices = None if vertices is None else np.asarray(vertices) * FROM_OPENGL
        complete = self.complete and len(sides) == len(self.prefixes)
        return labelled_3d(image, K, joints, vertices, np.array([SIDES[side] for side in sides]), complete, TIPS)

    def _vertices(self, labels: dict[str, Any], side: str) -> np.ndarray:
        prefix = self.prefixes[side]
        pose, trans, beta = (
            as_floats(as_array(labels[name]), (n,), name)
            for name, n in ((f"{prefix}Pose", 48), (f"{prefix}Trans", 3), ("handBeta", 10))
        )
        return self.layers[side](pose, beta, trans)[0]

    def name(self, index: int) -> str:
        return f"{self.folder.name}/{self.frames[index]}"

    def frame(self, index: int) -> tuple[str, int]:
        sequence, _, frame = self.frames[index].partition("/")
        return sequence, int(frame)


def open_ho3d(root: Path, split: str, mano: Path | None) -> HandsAndObjects:
    """HO-3D: right hands. The person's left hand and others may be in view, unlabelled."""
    return HandsAndObjects(root, split, mano, {"right": "hand"}, complete=False)


def open_h2o3d(root: Path, split: str, mano: Path | None) -> HandsAndObjects:
    """H2O-3D: both hands of one person; there are no others."""
    return HandsAndObjects(root, split, mano, {"right": "rightHand", "left": "leftHand"}, complete=True)
