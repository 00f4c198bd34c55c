"""OneHand10K (Wang et al., TCSVT 2019): photos of one hand each, 2D joints, no sides.

Layout: MMPose's conversion, docs/en/dataset_zoo/2d_hand_keypoint.md of github.com/open-mmlab/mmpose; its file names are
relative to the root (Train/source/0.jpg). Joints that could not be seen were not labelled, so every labelled one is
seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handos_model.data.published.coco_style import NO_BOX, CocoStyle, Hands, seen_joints
from handos_model.data.sample import UNKNOWN_SIDE

SPLITS = ("train", "test")


def open_onehand10k(root: Path, split: str, mano: Path | None) -> CocoStyle:
    """There are no 3D labels: `mano` is not used."""
    return CocoStyle.load(root / "annotations" / f"onehand10k_{split}.json", root, hands_of)


def hands_of(annotation: dict[str, Any]) -> Hands:
    """The one hand of an annotation."""
    return [(UNKNOWN_SIDE, seen_joints(annotation["keypoints"]), NO_BOX)]
