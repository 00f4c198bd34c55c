"""CompHand, the complement data of MobRecon (Chen et al., CVPR 2022): one synthetic hand per image, MANO's mesh.

Layout: complement_data.md and mobrecon/datasets/comphand.py of github.com/SeanChenxy/HandMesh. Below any folder pic256
lies <pose>/<view>/<name>.<number>.png; its mesh is model_mano/<pose>/<number>.obj. Image and mesh are those of a
mirror: turned over they show a right hand before the one camera, in metres. There are no splits, and no joints but
those of the mesh.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.data.dataset_files import LABELS, as_floats, damaged, read_image
from handos_model.data.sample import RIGHT, Sample, labelled_3d
from handos_model.io.files import read_file
from handos_model.template.mano_layer import ManoLayer

SPLITS = ("train",)
TIPS = (744, 333, 444, 555, 672)  # MobRecon's fingertips, thumb to little
K = np.array([[373.3511425, 0, 128], [0, 373.3511425, 128], [0, 0, 1]], np.float32)


class CompHand:
    """All images. ValueError without `mano`: the joints are those that MANO's regressor finds in the mesh."""

    def __init__(self, root: Path, split: str, mano: Path | None):
        if mano is None:
            raise ValueError(
                "comphand has vertices but no joints: give the folder of MANO_RIGHT.pkl, from which they are computed"
            )
        self.root = root
        self.layer = ManoLayer.load(mano, "right")
        self.pictures = sorted(path.relative_to(root).as_posix() for path in root.rglob("pic256/**/*.png"))
        if not self.pictures:
            raise FileNotFoundError(f"no pic256/*/*/*.png below {root}: docs/datasets.md tells how to get them")

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        image = np.ascontiguousarray(read_image(self.root / self.pictures[index])[:, ::-1])
        vertices = _vertices(self.root / _mesh_of(self.pictures[index])) * np.array([-1, 1, 1], np.float32)
        joints = self.layer.joints_of(vertices, TIPS)
        return labelled_3d(image, K, joints[None], vertices[None], np.array([RIGHT]), complete=True, tips=TIPS)

    def name(self, index: int) -> str:
        return self.pictures[index]

    def frame(self, index: int) -> None:
        return None


def _mesh_of(picture: str) -> str:
    path = Path(picture)
    number = path.name.split(".")[1]
    if not number.isdigit():
        raise ValueError(f"{picture} is not named <name>.<number>.png, so its mesh cannot be determined")
    return (path.parent.parent / f"{int(number)}.obj").as_posix().replace("pic256", "model_mano")


def _vertices(path: Path) -> np.ndarray:
    """Vertices (778, 3) of a Wavefront file."""
    lines = (line.split() for line in read_file(path, LABELS).decode(errors="replace").splitlines())
    try:
        vertices = [[float(number) for number in line[1:4]] for line in lines if line[:1] == ["v"]]
    except ValueError as error:
        raise damaged(path, error) from error
    return as_floats(vertices, (778, 3), f"{path}")
