"""Frames with labelled hands as tensors on one device, from which views and images are cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from handos_model.data.sample import Sample
from handos_model.hand import VERTICES

MAX_HANDS = 4
MIN_EXTENT = 36.0  # px of a hand in its frame, below which a view of it shows nothing to learn from


@dataclass
class Frames:
    """N frames of S x S px, each with up to MAX_HANDS hands.

    3D is in the camera frame in metres; vertices are those from the wrist, at half precision.
    """

    images: Tensor  # (N, S, S, 3) uint8, black beyond extents
    extents: Tensor  # (N, 2) width and height px of what is shown
    K: Tensor  # (N, 3, 3)
    count: Tensor  # (N,) hands
    joints_2d: Tensor  # (N, MAX_HANDS, 21, 3) px, and 0 unlabelled, 1 hidden, 2 seen
    joints_3d: Tensor  # (N, MAX_HANDS, 21, 3)
    vertices: Tensor  # (N, MAX_HANDS, V, 3) half, V 0 where no frame has any
    side: Tensor  # (N, MAX_HANDS) 0 left, 1 right, -1 unknown
    ignore: Tensor  # (N, MAX_HANDS) bool: not to be learned from
    complete: bool  # all hands of every frame are labelled
    hands: Tensor  # (M, 2) frame and number of every hand to learn from
    weights: Tensor  # (M,) how often each is drawn

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side of the frames in px."""
        return self.images.shape[1]

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Frames and numbers (count,) of random hands, by weight; ValueError if there is none to draw."""
        if not count:
            return (self.hands[:0, 0],) * 2
        if not self.weights.any():
            raise ValueError(
                f"none of {len(self)} frames shows a hand to learn from: one of more than {MIN_EXTENT:g} px, which is "
                "not ignored and whose source has a weight above 0"
            )
        chosen = torch.multinomial(self.weights, count, replacement=True)
        frame, number = self.hands[chosen].unbind(1)
        return frame, number

    def pixels(self, frames: Tensor) -> Tensor:
        """Images (n, 3, S, S) of some frames, in 0..1."""
        return self.images[frames].permute(0, 3, 1, 2).float().div_(255)


def load_frames(
    samples: Iterable[Sample], size: int, device: torch.device, weights: np.ndarray | None = None
) -> Frames:
    """Frames from N samples, those larger than `size` px shrunk to it. weights (N,): of a sample's hands, by default 1.

    Raises ValueError where there is no sample.
    """
    rows = [as_row(sample, size) for sample in samples]
    if not rows:
        raise ValueError("there are no frames to train on")
    values = {name: torch.from_numpy(np.stack([row[name] for row in rows])).to(device) for name in rows[0]}
    complete = bool(values.pop("complete").all())
    if not values.pop("has_vertices").any():
        values["vertices"] = values["vertices"][:, :, :0]
    joints = values["joints_2d"][..., :2]
    extent = (joints.amax(2) - joints.amin(2)).amax(-1)
    known = torch.arange(MAX_HANDS, device=device) < values["count"][:, None]
    hands = (known & ~values["ignore"] & (extent > MIN_EXTENT)).nonzero()
    each = torch.ones(len(rows)) if weights is None else torch.tensor(weights, dtype=torch.float32)
    return Frames(**values, complete=complete, hands=hands, weights=each.to(device)[hands[:, 0]])


def as_row(sample: Sample, size: int) -> dict[str, np.ndarray]:
    """One sample as arrays of a fixed shape: see Frames."""
    height, width = sample.image.shape[:2]
    scale = min(1.0, size / max(height, width))
    shown = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = np.zeros((size, size, 3), np.uint8)
    image[: shown[1], : shown[0]] = cv2.resize(sample.image, shown, interpolation=cv2.INTER_AREA)
    factor = np.divide(shown, (width, height)).astype(np.float32)
    n = min(len(sample.side), MAX_HANDS)
    joints_2d = sample.joints_2d[:n].copy()
    joints_2d[..., :2] = (joints_2d[..., :2] + 0.5) * factor - 0.5
    K = sample.K.astype(np.float32).copy()
    K[:2, :2] *= factor[:, None]
    K[:2, 2] = (K[:2, 2] + 0.5) * factor - 0.5
    return {
        "images": image,
        "extents": np.array(shown, np.float32),
        "K": K,
        "count": np.array(n),
        "joints_2d": padded(joints_2d, (21, 3)),
        "joints_3d": padded(sample.joints_3d[:n], (21, 3)),
        "vertices": padded(sample.vertices[:n] - sample.joints_3d[:n, :1], (VERTICES, 3)).astype(np.float16),
        "side": padded(sample.side[:n], (), -1).astype(np.int64),
        "ignore": padded(sample.ignore[:n], (), True).astype(bool),
        "complete": np.array(sample.complete),
        "has_vertices": np.array(sample.has_vertices.any()),
    }


def padded(values: np.ndarray, shape: tuple[int, ...], fill: float = 0.0) -> np.ndarray:
    """Values (n, *shape) as (MAX_HANDS, *shape) float32, the rest filled."""
    out = np.full((MAX_HANDS, *shape), fill, np.float32)
    out[: len(values)] = values
    return out
