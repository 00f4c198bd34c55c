"""The data sets that training and evaluation can name, and how to open one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from handos_model.data.sample import Sample


class Dataset(Protocol):
    """Images with labelled hands, read when asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...

    def name(self, index: int) -> str:
        """What the data set calls the image: its path below the root, or its id there."""

    def frame(self, index: int) -> tuple[str, int] | None:
        """Sequence and frame number of an image that comes from a video; None otherwise."""


Opener = Callable[[Path, str, Path | None], Dataset]

DATASETS: dict[str, Opener] = {}


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
