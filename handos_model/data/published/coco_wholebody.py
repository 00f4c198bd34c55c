"""COCO-WholeBody version 1.0 (Jin et al., ECCV 2020): the hands of people in COCO's photos, 2D joints and sides.

Layout: data_format.md of github.com/jin-s13/COCO-WholeBody. An annotation is a person; lefthand_kpts and righthand_kpts
hold 21 joints, lefthand_box and righthand_box their boxes, where lefthand_valid and righthand_valid say that the
annotators could tell them. Other hands are not listed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handos_model.data.published.coco_style import CocoStyle, Hands, box_of, joints_of
from handos_model.data.sample import LEFT, RIGHT

SPLITS = ("train", "val")


def open_coco_wholebody(root: Path, split: str, mano: Path | None) -> CocoStyle:
    """There are no 3D labels: `mano` is not used."""
    return CocoStyle.load(root / "annotations" / f"coco_wholebody_{split}_v1.0.json", root / f"{split}2017", hands_of)


def hands_of(person: dict[str, Any]) -> Hands:
    """The valid hands of a person."""
    return [
        (side, joints_of(person[f"{name}hand_kpts"]), box_of(person[f"{name}hand_box"]))
        for name, side in (("left", LEFT), ("right", RIGHT))
        if person[f"{name}hand_valid"]
    ]
