"""FreiHAND version 2 (Zimmermann et al., ICCV 2019): right hands in 224 px crops, with MANO.

Layout: README, utils/fh_utils.py and utils/model.py of github.com/lmb-freiburg/freihand. `training` has 32,560 frames,
each with four backgrounds: picture i belongs to frame i modulo the number of frames. A frame's 61 MANO numbers are 48
of pose (axis-angle, from the mean hand), 10 of shape, and the middle finger's MCP: its pixel and focal length over
depth. That joint and the labelled ones are those of the posed skeleton, not what the regressor finds in the posed mesh.
`evaluation` needs the labels that were published later, and brings the vertices themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.data.dataset_files import read_array, read_image
from handos_model.data.sample import RIGHT, Sample, labelled_3d
from handos_model.template.mano_layer import ManoLayer

SPLITS = ("training", "evaluation")
BACKGROUNDS = {"training": 4, "evaluation": 1}
ROOT = 9  # the joint that the MANO parameters place
TIPS = (744, 320, 443, 555, 672)  # kpId2vertices of its utils/mano_utils.py


class FreiHand:
    """One split. Vertices of `training` need the folder `mano`. Crops around the one hand: every hand is listed."""

    def __init__(self, root: Path, split: str, mano: Path | None):
        self.pictures, self.backgrounds = root / split / "rgb", BACKGROUNDS[split]
        self.K = read_array(root / f"{split}_K.json", (3, 3))
        self.joints = read_array(root / f"{split}_xyz.json", (21, 3))
        file, shape = ("mano", (1, 61)) if split == "training" else ("verts", (778, 3))
        self.hands = read_array(root / f"{split}_{file}.json", shape)
        self.layer = ManoLayer.load(mano, "right") if mano and split == "training" else None
        counts = {"K": len(self.K), "xyz": len(self.joints), file: len(self.hands)}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{split}_{name}.json {count}" for name, count in counts.items())
            raise ValueError(f"the files of {root} are of unequal length: {listed}; download them again")

    def __len__(self) -> int:
        return len(self.joints) * self.backgrounds

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        frame = index % len(self.joints)
        image, K, joints = read_image(self.pictures / f"{index:08d}.jpg"), self.K[frame], self.joints[frame][None]
        sample = labelled_3d(image, K, joints, self._vertices(frame), np.array([RIGHT]), complete=True, tips=TIPS)
        if self.hands[frame].shape != (778, 3):
            sample.joints_2d[0, ROOT, :2] = self.hands[frame, 0, 58:60]  # labelled, so K can be checked with it
        return sample.check()

    def _vertices(self, frame: int) -> np.ndarray | None:
        values = self.hands[frame]
        if values.shape == (778, 3):
            return values[None]
        if self.layer is None:
            return None
        pose, shape, pixel, scale = np.split(values[0].astype(np.float64), [48, 58, 60])
        vertices, joints = self.layer(self.layer.from_mean(pose), shape)
        K = self.K[frame]
        root = np.append(pixel - K[:2, 2], (K[0, 0] + K[1, 1]) / 2) / scale
        return (vertices + root - joints[ROOT])[None]

    def name(self, index: int) -> str:
        return f"{self.pictures.parent.name}/rgb/{index:08d}.jpg"

    def frame(self, index: int) -> None:
        return None
