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

from handos_model.data.dataset_files import as_floats, damaged, picture_name, read_image, read_json
from handos_model.data.parsed import parsed
from handos_model.data.sample import Sample, labelled_2d

Hands = list[tuple[int, np.ndarray, np.ndarray]]
"""Side, joints (21, 3) and box (4,), as in Sample.joints_2d and Sample.boxes, of every hand of an annotation."""
NO_BOX = np.full(4, np.nan, np.float32)


@dataclass
class CocoStyle:
    """The pictures with labelled hands, read when asked for. Others may be in view: no such file promises otherwise.

    Arrays, so that processes may share them: the hands of picture i are those from first[i] to first[i + 1].
    """

    folder: Path
    pictures: np.ndarray  # (n,) text: paths below the folder
    sizes: np.ndarray  # (n, 2) width and height px, 0 where the file does not say
    first: np.ndarray  # (n + 1,)
    sides: np.ndarray  # (m,)
    joints: np.ndarray  # (m, 21, 3)
    boxes: np.ndarray  # (m, 4)

    @classmethod
    def load(cls, file: Path, folder: Path, hands_of: Callable[[dict[str, Any]], Hands]) -> CocoStyle:
        """Pictures below `folder`, in the order of `file`. ValueError for a file that is damaged or of another kind."""
        return cls(folder, **parsed(file, lambda: read_arrays(file, hands_of), hands_of.__module__))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        """ValueError where the picture is damaged or has another size than its labels are for."""
        path = self.folder / self.name(index)
        image = read_image(path)
        for expected, pixels in zip(self.sizes[index], image.shape[1::-1], strict=True):
            if expected not in (0, pixels):
                raise ValueError(
                    f"{path} is {image.shape[1]} x {image.shape[0]} px, its labels are for "
                    f"{self.sizes[index][0]} x {self.sizes[index][1]}: download the image again"
                )
        index = range(len(self))[index]
        hands = slice(int(self.first[index]), int(self.first[index + 1]))
        joints, sides, boxes = (np.array(values[hands]) for values in (self.joints, self.sides, self.boxes))
        return labelled_2d(image, joints, sides, complete=False, boxes=boxes)

    def name(self, index: int) -> str:
        return str(self.pictures[index])

    def frame(self, index: int) -> None:
        return None


def read_arrays(file: Path, hands_of: Callable[[dict[str, Any]], Hands]) -> dict[str, np.ndarray]:
    """The fields of a CocoStyle."""
    content = read_json(file)
    try:
        pictures = {image["id"]: picture_name(image["file_name"]) for image in content["images"]}
        sizes = {image["id"]: [image.get("width") or 0, image.get("height") or 0] for image in content["images"]}
        hands: dict[int, Hands] = {image: [] for image in pictures}
        for annotation in content["annotations"]:
            hands[annotation["image_id"]] += hands_of(annotation)
        shown = [image for image in pictures if hands[image]]
        every = [hand for image in shown for hand in hands[image]]
        arrays = {
            "pictures": np.array([pictures[image] for image in shown], np.str_),
            "sizes": np.array([sizes[image] for image in shown], np.int64).reshape(-1, 2),
            "first": np.cumsum([0, *(len(hands[image]) for image in shown)]),
            "sides": np.array([side for side, _, _ in every], np.int8),
            "joints": np.array([joints for _, joints, _ in every], np.float32).reshape(-1, 21, 3),
            "boxes": np.array([box for _, _, box in every], np.float32).reshape(-1, 4),
        }
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise damaged(file, error) from error
    return arrays


def box_of(box: list[float]) -> np.ndarray:
    """Box (4,) xyxy of COCO's corner, width and height."""
    x, y, width, height = as_floats(box, (4,), "a box").tolist()
    return np.array([x, y, x + width, y + height], np.float32)


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
