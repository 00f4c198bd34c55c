"""The data sets that training and evaluation can name, and how to open one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from handos_model.data.published import coco_wholebody, comphand, dexycb, freihand, hint, ho3d, onehand10k
from handos_model.data.sample import Sample


class Dataset(Protocol):
    """Images with labelled hands, read when asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def name(self, index: int) -> str:
        """Name of the image in the data set: its path below the root, or its id there."""

    def frame(self, index: int) -> tuple[str, int] | None:
        """Sequence and frame number of an image that comes from a video; None otherwise."""


Opener = Callable[[Path, str, Path | None], Dataset]


@dataclass(frozen=True)
class Published:
    """A data set in its published layout: an Opener that knows its splits."""

    open: Opener
    splits: tuple[str, ...]

    def __call__(self, root: Path, split: str, mano: Path | None) -> Dataset:
        """ValueError for a split that is none of `splits`."""
        if split not in self.splits:
            raise ValueError(f"unknown split {split!r}: it has {', '.join(self.splits)}")
        return self.open(root, split, mano)


DATASETS: dict[str, Published] = {
    "freihand": Published(freihand.FreiHand, freihand.SPLITS),
    "ho3d": Published(ho3d.open_ho3d, ("train", "evaluation")),
    "h2o3d": Published(ho3d.open_h2o3d, ("train",)),
    "dexycb": Published(dexycb.DexYcb, tuple(dexycb.SPLITS)),
    "hint": Published(hint.open_hint, tuple(hint.SPLITS)),
    "coco_wholebody": Published(coco_wholebody.open_coco_wholebody, coco_wholebody.SPLITS),
    "onehand10k": Published(onehand10k.open_onehand10k, onehand10k.SPLITS),
    "comphand": Published(comphand.CompHand, comphand.SPLITS),
}


def open_dataset(name: str, root: Path, split: str, mano: Path | None = None) -> Dataset:
    """Split `split` of data set `name` below `root`.

    mano: the folder that holds the user's MANO_RIGHT.pkl and MANO_LEFT.pkl, for data sets that store MANO parameters;
    without it these carry no vertices. Raises ValueError for an unknown name or split, FileNotFoundError for a folder
    that is not there.
    """
    if name not in DATASETS:
        raise ValueError(f"unknown data set {name!r}: known are {', '.join(sorted(DATASETS))}")
    if not Path(root).is_dir():
        raise FileNotFoundError(f"no folder {root}: give the folder of {name}")
    return DATASETS[name](Path(root), split, mano)
