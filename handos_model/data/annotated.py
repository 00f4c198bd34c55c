"""Photos with hand-made 2D joints: annotations.json next to its pictures, with one record per hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.data.dataset_files import as_floats, damaged, picture_name, read_image, read_records
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
            if record["side"] not in list(SIDES) or not all(isinstance(record[name], str) for name in ("source", "gt")):
                raise ValueError(f"{path}: a record has a side that is none, or a source or gt that is no text")
            try:
                photos.setdefault(picture_name(record["image"]), []).append(record)
            except ValueError as error:
                raise damaged(path, error) from error
        if not photos:
            raise ValueError(f"{path} lists no hand")
        return cls(root, photos)

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, name: str) -> Sample:
        """The hands of one photo; only their 2D joints and sides are meaningful."""
        records = self.photos[name]
        where = f"of {self.root / name}"
        visible = as_floats([r["vis"] for r in records], (-1, 21), f"vis {where}") > 0
        joints = as_floats([r["joints2d"] for r in records], (-1, 21, 2), f"joints2d {where}")
        joints_2d = np.concatenate([joints, 2 * visible[..., None].astype(np.float32)], -1)
        side = np.array([SIDES[r["side"]] for r in records])
        return labelled_2d(read_image(self.root / name), joints_2d, side, complete=False)
