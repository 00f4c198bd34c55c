"""HInt (Pavlakos et al., CVPR 2024): hands in everyday photos and egocentric video, 2D joints and which are occluded.

Layout: README, prep_HInt/prep_ego4d.py and visualize_HInt/draw_hand.py of github.com/ddshan/hint. A folder per subset
holds pairs of .jpg and .json; the JSON lists one hand with its box (two corners, px), its 21 keypoints and their
occlusion (0 seen, 1 hidden); the file's name ends in _l or _r, the side. Epic-Kitchens VISOR is called epick there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.data.dataset_files import as_floats, read_image, read_json
from handos_model.data.sample import LEFT, RIGHT, Sample, labelled_2d
from handos_model.io.files import one_line

SUBSETS = {"newdays": "newdays_img", "visor": "epick_img", "ego4d": "ego4d_img"}
SPLITS = {
    **{part: tuple(f"{part.upper()}_{folder}" for folder in SUBSETS.values()) for part in ("train", "val", "test")},
    **{f"{part}_{subset}": (f"{part.upper()}_{folder}",)
       for part in ("train", "val", "test") for subset, folder in SUBSETS.items()},
    "val_ego4d_seq": ("VAL_ego4d_seq",), "test_ego4d_seq": ("TEST_ego4d_seq",),
}  # fmt: skip
SIDES = {"l": LEFT, "r": RIGHT}


class Hint:
    """One split. A record lists one hand of its picture, which may show others (HandOS supplement, VIII)."""

    def __init__(self, root: Path, split: str):
        self.root = root
        self.records: list[str] = []
        for folder in SPLITS[split]:
            records = sorted(path.name for path in (root / folder).glob("*.json"))
            if not records:
                raise FileNotFoundError(f"no records in {root / folder}: docs/datasets.md tells how to get them")
            self.records += [f"{folder}/{name.removesuffix('.json')}" for name in records]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        path = self.root / f"{self.records[index]}.json"
        record, side = read_json(path), SIDES.get(self.records[index].rpartition("_")[2])
        if side is None:
            raise ValueError(f"the name of {path} must end in _l or _r, the side of its hand")
        try:
            (hand,) = record
            joints = as_floats(hand["keypoints"], (21, 2), "keypoints")
            hidden = as_floats(hand["occlusion"], (21,), "occlusion") > 0.5
            box = as_floats(hand["bbox"], (1, 4), "bbox")
        except (KeyError, TypeError, ValueError) as error:
            why = one_line(repr(error))
            raise ValueError(f"{path} must list one hand with its keypoints, occlusion and bbox: {why}") from error
        joints_2d = np.column_stack([joints, np.where(hidden, 1, 2)])
        image = read_image(path.with_suffix(".jpg"))
        return labelled_2d(image, joints_2d[None], np.array([side]), complete=False, boxes=box)

    def name(self, index: int) -> str:
        return f"{self.records[index]}.jpg"

    def frame(self, index: int) -> tuple[str, int] | None:
        """Sequence and frame number for Ego4D alone, which calls a frame <clip>_<action>_<frame>_<two words>_<side>."""
        folder, _, name = self.records[index].partition("/")
        if not folder.endswith("_seq"):
            return None
        try:
            clip, action, frame, _, _, side = name.split("_")
            return f"{folder}/{clip}_{action}_{side}", int(frame)
        except ValueError as error:
            raise ValueError(f"{name}.json of {folder} must be <clip>_<action>_<frame>_<two words>_<side>") from error


def open_hint(root: Path, split: str, mano: Path | None) -> Hint:
    """HInt has no 3D labels: `mano` is not used."""
    return Hint(root, split)
