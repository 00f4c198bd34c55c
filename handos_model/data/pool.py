"""Pre-rendered frames on disk, read through a memory map. Written by handos_model.synthetic.pool_writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.data.dataset_files import LABELS
from handos_model.data.sample import Sample
from handos_model.io.archives.npz_file import Header, read_npz
from handos_model.io.files import one_line

MIN_VISIBLE = 4
"""Number of visible joints below which a rendered hand is neither learned nor evaluated."""
NAMES = ("count", "K", "joints_2d", "joints_3d", "vertices", "side")
"""Arrays of labels.npz."""


class Pool:
    """Samples of one pool folder (images.npy, labels.npz). Every hand in a render is labelled."""

    def __init__(self, folder: Path):
        if not (folder / "images.npy").is_file() or not (folder / "labels.npz").is_file():
            raise FileNotFoundError(
                f"there is no pool of renders at {folder}: make one with `handos render --out {folder}`"
            )
        try:
            self.images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        except (EOFError, ValueError) as error:
            raise ValueError(f"{folder / 'images.npy'} is damaged: {one_line(error)}: render again") from error
        self.labels = read_npz(folder / "labels.npz", LABELS, _check_names)
        if len(self.images) != len(self.labels["count"]):
            raise ValueError(
                f"{folder} is incomplete: {len(self.images)} images, {len(self.labels['count'])} labels: render again"
            )

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
        )


def _check_names(headers: dict[str, Header]) -> None:
    if missing := [name for name in NAMES if name not in headers]:
        raise ValueError(f"labels.npz holds no {', '.join(missing)}: it is of something else than a pool of renders")
