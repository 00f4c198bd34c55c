"""Pre-rendered frames on disk, read through a memory map. Written by handos_model.synthetic.pool_writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.data.dataset_files import LABELS
from handos_model.data.sample import Sample
from handos_model.hand import VERTICES
from handos_model.io.archives.npz_file import Header, read_npz
from handos_model.io.files import one_line

MIN_VISIBLE = 4
"""Number of visible joints below which a rendered hand is neither learned nor evaluated."""
SHAPES: dict[str, tuple] = {
    "count": ("iu",), "K": ("f", 3, 3), "joints_2d": ("f", 21, 3), "joints_3d": ("f", 21, 3),
    "vertices": ("f", VERTICES, 3), "side": ("i",),
}  # fmt: skip
"""Arrays of labels.npz: kinds of numbers, and shape of one image, or of one hand but for the first two."""


class Pool:
    """Samples of one pool folder (images.npy, labels.npz). Every hand in a render is labelled."""

    def __init__(self, folder: Path):
        if not (folder / "images.npy").is_file() or not (folder / "labels.npz").is_file():
            raise FileNotFoundError(
                f"there is no pool of renders at {folder}: make one with `handos render --out {folder}`"
            )
        try:
            self.images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        except Exception as error:  # a damaged header can make NumPy raise anything
            raise ValueError(f"{folder / 'images.npy'} is damaged: {one_line(error)}: render again") from error
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[3] != 3:
            came = f"{self.images.dtype} {self.images.shape}"
            raise ValueError(f"{folder / 'images.npy'} is {came}, must be uint8 (M, H, W, 3): render again")
        self.labels = read_npz(folder / "labels.npz", LABELS, lambda headers: _check(headers, len(self.images)))
        counts, most = self.labels["count"], self.labels["side"].shape[1]
        if len(counts) and not 0 <= counts.min() <= counts.max() <= most:
            raise ValueError(f"labels.npz of {folder} counts other than 0 to {most} hands: render again")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Sample:
        n = int(self.labels["count"][index])
        joints_2d = self.labels["joints_2d"][index, :n]
        return Sample(
            image=np.array(self.images[index]),
            K=self.labels["K"][index],
            joints_2d=joints_2d,
            joints_3d=self.labels["joints_3d"][index, :n],
            vertices=self.labels["vertices"][index, :n],
            side=self.labels["side"][index, :n],
            has_3d=np.ones(n, bool),
            has_vertices=np.ones(n, bool),
            ignore=(joints_2d[..., 2] == 2).sum(1) < MIN_VISIBLE,
            complete=True,
            absolute=True,
        ).check()


def _check(headers: dict[str, Header], images: int) -> None:
    """Raises ValueError for arrays that are missing, or are not those of so many images."""
    if missing := [name for name in SHAPES if name not in headers]:
        raise ValueError(f"labels.npz holds no {', '.join(missing)}: it is of something else than a pool of renders")
    hands = (*headers["side"].shape, 0, 0)[1:2]
    for name, (kinds, *shape) in SHAPES.items():
        expected = (images, *(hands if name not in ("count", "K") else ()), *shape)
        if headers[name].shape != expected or headers[name].dtype.kind not in kinds:
            came = f"{headers[name].dtype.name} {headers[name].shape}"
            raise ValueError(f"{name} in labels.npz is {came}, must be numbers {expected} as images.npy: render again")
