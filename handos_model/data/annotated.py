"""Photos with hand-made 2D joints: annotations.json next to its pictures, with one record per hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.data.dataset_files import read_image, read_records
from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE, Sample, labelled_2d

SIDES = {"left": LEFT, "right": RIGHT, None: UNKNOWN_SIDE}


@dataclass
class Annotated:
    """Photos with hand-made labels, read on demand. Unlabelled hands may be in view."""

    root: Path
    photos: dict[str, list[dict[str, Any]]]  # picture -> its records

    @classmethod
    def load(cls, root: Path) -> Annotated:
        """Every record of root/annotations.json; FileNotFoundError without one, ValueError for any other file."""
        path = root / "annotations.json"
        records = read_records(path)
        photos: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            missing = {"image", "source", "gt", "side", "joints2d", "vis"} - set(record)
            if missing:
                raise ValueError(f"{path}: a record lacks {', '.join(sorted(missing))}")
            photos.setdefault(record["image"], []).append(record)
        if not photos:
            raise ValueError(f"{path} lists no hand")
        return cls(root, photos)

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, name: str) -> Sample:
        """The hands of one photo; only their 2D joints and sides are meaningful."""
        records = self.photos[name]
        visible = np.array([np.asarray(r["vis"]) > 0 for r in records])
        joints = np.array([r["joints2d"] for r in records], np.float32)
        joints_2d = np.concatenate([joints, 2 * visible[..., None].astype(np.float32)], -1)
        side = np.array([SIDES[r["side"]] for r in records])
        return labelled_2d(read_image(self.root / name), joints_2d, side, complete=False)
