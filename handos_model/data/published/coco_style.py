"""Hands in COCO's JSON: `images` and `annotations`, whose keypoints are 21 times x, y and visibility.

Layout: cocodataset.org/#format-data. COCO-WholeBody and MMPose's conversions of OneHand10K and FreiHAND are of this
kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.data.files import as_floats, read_image, read_json
from handos_model.data.sample import Sample, labelled_2d

Hands = list[tuple[int, np.ndarray, np.ndarray]]
"""Side, joints (21, 3) and box (4,), as in Sample.joints_2d and Sample.boxes, of every hand of an annotation."""
NO_BOX = np.full(4, np.nan, np.float32)


@dataclass
class CocoStyle:
    """The pictures with labelled hands, read when asked for. Others may be in view: no such file promises otherwise."""

    folder: Path
    pictures: list[str]  # below the folder
    hands: list[Hands]  # of every picture
    sizes: list[tuple[Any, Any]]  # width and height px of every picture, None where the file does not say

    @classmethod
    def load(cls, file: Path, folder: Path, hands_of: Callable[[dict[str, Any]], Hands]) -> CocoStyle:
        """Pictures below `folder`, in the order of `file`. ValueError for a file that is damaged or of another kind."""
        content = read_json(file)
        try:
            pictures = {image["id"]: str(image["file_name"]) for image in content["images"]}
            sizes = {image["id"]: (image.get("width"), image.get("height")) for image in content["images"]}
            hands: dict[int, Hands] = {image: [] for image in pictures}
            for annotation in content["annotations"]:
                hands[annotation["image_id"]] += hands_of(annotation)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file} is damaged or of another data set: {error!r}") from error
        shown = [image for image in pictures if hands[image]]
        for picture in (pictures[image] for image in shown):
            if Path(picture).is_absolute() or ".." in Path(picture).parts:
                raise ValueError(f"{file} names the picture {picture!r}, which is not below the folder of pictures")
        return cls(folder, *([values[image] for image in shown] for values in (pictures, hands, sizes)))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        """ValueError where the picture is damaged or has another size than its labels are for."""
        sides, joints, boxes = zip(*self.hands[index], strict=True)
        path = self.folder / self.pictures[index]
        image = read_image(path)
        for expected, pixels in zip(self.sizes[index], image.shape[1::-1], strict=True):
            if expected not in (None, pixels):
                raise ValueError(
                    f"{path} is {image.shape[1]} x {image.shape[0]} px, its labels are for "
                    f"{self.sizes[index][0]} x {self.sizes[index][1]}: get the picture again"
                )
        return labelled_2d(image, np.stack(joints), np.array(sides), complete=False, boxes=np.stack(boxes))

    def name(self, index: int) -> str:
        return self.pictures[index]

    def frame(self, index: int) -> None:
        return None


def box_of(box: list[float]) -> np.ndarray:
    """Box (4,) xyxy of COCO's corner, width and height."""
    x, y, width, height = as_floats(box, (4,), "a box").tolist()
    return np.float32([x, y, x + width, y + height])


def joints_of(keypoints: list[float]) -> np.ndarray:
    """Joints (21, 3) of 63 numbers; COCO's visibilities are those of Sample.joints_2d.

    In COCO-WholeBody some are fractions, which say that a joint is labelled (its data_format.md).
    """
    joints = as_floats(keypoints, (63,), "a hand").reshape(21, 3)
    joints[:, 2] = np.select([joints[:, 2] >= 2, joints[:, 2] > 0], [2, 1], 0)
    return joints


def seen_joints(keypoints: list[float]) -> np.ndarray:
    """As joints_of, for files whose visibility says no more than whether a joint is labelled."""
    joints = joints_of(keypoints)
    joints[joints[:, 2] > 0, 2] = 2
    return joints
