"""Real photos with pseudo-labels: labels.json.gz next to its folders `hands` and `backgrounds`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.camera import ray_rotation
from handos_model.data.dataset_files import as_floats, damaged, picture_name, read_records
from handos_model.data.sample import LEFT, RIGHT, Sample, assumed_intrinsics, without_hands
from handos_model.hand import VERTICES
from handos_model.io.image_file import read_image

HELD_OUT = Path(__file__).parent / "heldout_backgrounds.txt"


def held_out_backgrounds() -> frozenset[str]:
    """Names of the hand-free photos that are kept for counting false hands and never trained on."""
    return frozenset(HELD_OUT.read_text().split())


@dataclass
class Photos:
    """Photos of one kind and split, read when asked for. `root` holds labels.json.gz."""

    root: Path
    records: list[dict[str, Any]]

    @classmethod
    def load(cls, root: Path, kind: str, split: str) -> Photos:
        """kind "hand" or "background", split "train" or "val". Held-out backgrounds are never in split "train"."""
        path = root / "labels.json.gz"
        records = read_records(path)
        try:
            for record in records:
                picture_name(record.get("path"))
                if not all(isinstance(record.get(name), str) for name in ("kind", "split", "source")):
                    raise ValueError("a record must have the texts kind, split and source")
        except ValueError as error:
            raise damaged(path, error) from error
        records = [r for r in records if r["kind"] == kind and r["split"] == split]
        if kind == "background":
            held_out = held_out_backgrounds()
            records = [r for r in records if r["path"] not in held_out]
        if not records:
            raise ValueError(f"{path} lists no photos of kind {kind!r} and split {split!r}")
        return cls(root, records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Sample:
        """ValueError for a picture or labels that are damaged."""
        record = self.records[index]
        path = self.root / record["path"]
        image = read_image(path)
        try:
            return labelled(image, record["hands"]).check() if record["hands"] else without_hands(image)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise damaged(path, error) from error


def labelled(image: np.ndarray, hands: list[dict[str, Any]]) -> Sample:
    """Sample of one photo. Grade C hands are ignored; a photo with hands may show more of them than it lists."""
    height, width = image.shape[:2]
    K = assumed_intrinsics(width, height)
    joints_2d = as_floats([h["kp"] for h in hands], (-1, 21, 2), "kp")
    world = as_floats([h["world"] for h in hands], (-1, 21, 3), "world")
    ignore = np.array([h["grade"] == "C" for h in hands])
    return Sample(
        image=image,
        K=K,
        joints_2d=np.concatenate([joints_2d, np.full((len(hands), 21, 1), 2, np.float32)], -1),
        joints_3d=np.stack([along_ray(w, j.mean(0), K) for w, j in zip(world, joints_2d, strict=True)]),
        vertices=np.zeros((len(hands), VERTICES, 3), np.float32),
        side=np.array([RIGHT if h["side"] == "right" else LEFT for h in hands], np.int8),
        has_3d=~ignore,
        has_vertices=np.zeros(len(hands), bool),
        ignore=ignore,
        complete=False,
    )


def along_ray(points: np.ndarray, pixel: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Points (21, 3), given as seen along the ray through `pixel`, in the camera frame.

    MediaPipe estimates its world landmarks from a crop, as if the camera looked straight at the hand.
    """
    ray = [(pixel[0] - K[0, 2]) / K[0, 0], (pixel[1] - K[1, 2]) / K[1, 1]]
    with np.errstate(invalid="ignore", over="ignore"):  # Sample.check refuses what is not finite
        return (points @ ray_rotation(np.array([ray]))[0].T).astype(np.float32)
