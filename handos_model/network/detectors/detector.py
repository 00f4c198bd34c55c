"""Interface of a frozen detector: features, an image memory, and instance queries with boxes and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from handos_model.network.frozen import Frozen


@dataclass(frozen=True)
class Detection:
    """One pass of a detector over B images, with Q instances per image.

    Pixels are those of the detector's input, with the centre of pixel (0, 0) at (0.0, 0.0).
    """

    backbone: list[Tensor]  # (B, C, h, w) per scale, finest first: what side tuning starts from
    memory: list[Tensor]  # (B, C, h, w) per scale, finest first: the last scales of backbone, after the encoder
    boxes: Tensor  # (B, Q, 4) xyxy px
    scores: Tensor  # (B, Q) 0..1
    backbone_strides: tuple[int, ...]
    memory_strides: tuple[int, ...]
    queries: Tensor  # (B, Q, D): Q_0 and Q_6 of the paper, side by side
    keypoints: Tensor  # (B, Q, P, 2) px, P 0 without any
    seen: Tensor  # (B, Q, P, C): what the maps hold at the keypoints

    def of(self, rows: Tensor) -> Detection:
        """The detections in some of the images, rows (n,)."""
        return replace(
            self,
            backbone=[m[rows] for m in self.backbone],
            memory=[m[rows] for m in self.memory],
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            queries=self.queries[rows],
            keypoints=self.keypoints[rows],
            seen=self.seen[rows],
        )


def detect_each(detector: Detector, images: Tensor, sizes: Tensor | None) -> Detection:
    """Detection in images (B, 3, H, W), of which number i only has content up to sizes[i] = (height, width).

    The detector sees each image without its padding, as in prediction; its maps are padded with zeros instead.
    """
    if sizes is None:
        return detector(images)
    each = [(height, width) for height, width in sizes.tolist()]
    kinds = list(dict.fromkeys(each))
    if len(kinds) == 1:
        return detector(images[:, :, : kinds[0][0], : kinds[0][1]])
    groups = [[i for i, size in enumerate(each) if size == kind] for kind in kinds]
    parts = [detector(images[rows, :, :h, :w]) for rows, (h, w) in zip(groups, kinds, strict=True)]
    order = torch.tensor([i for rows in groups for i in rows], device=images.device).argsort()

    def joined(name: str) -> Tensor:
        return torch.cat([getattr(part, name) for part in parts])[order]

    def maps(name: str) -> list[Tensor]:
        return [torch.cat(padded(level))[order] for level in zip(*(getattr(part, name) for part in parts), strict=True)]

    return replace(
        parts[0],
        backbone=maps("backbone"),
        memory=maps("memory"),
        boxes=joined("boxes"),
        scores=joined("scores"),
        queries=joined("queries"),
        keypoints=joined("keypoints"),
        seen=joined("seen"),
    )


def padded(maps: Sequence[Tensor]) -> list[Tensor]:
    """Maps (b, C, h, w) with zeros at the right and bottom, up to the largest height and width among them."""
    height, width = (max(m.shape[axis] for m in maps) for axis in (2, 3))
    return [F.pad(m, (0, width - m.shape[3], 0, height - m.shape[2])) for m in maps]


def check_images(images: Tensor, multiple: int) -> None:
    """Raise ValueError for images that are not (B, 3, H, W) with H and W multiples of `multiple`."""
    if images.ndim != 4 or images.shape[1] != 3 or any(n == 0 or n % multiple for n in images.shape[2:]):
        raise ValueError(f"images must be (B, 3, H, W) with H and W multiples of {multiple}, got {tuple(images.shape)}")


class Detector(Frozen):
    """Base class of all detectors, which are frozen: without gradient, and always in evaluation mode."""

    backbone_channels: tuple[int, ...]
    backbone_strides: tuple[int, ...]
    memory_channels: tuple[int, ...]
    memory_strides: tuple[int, ...]
    query_size: int  # length of an instance's query
    multiple: int = 32  # images have heights and widths that are multiples of this
    size: int = 1280  # px: long edge of images in prediction (paper, section 4.1)
    score_threshold: float = 0.1  # of a hand in prediction
    min_score: float = 0.1  # of an instance that is decoded there
    max_overlap: float = 0.9  # IoU of two that are decoded: several queries may see one hand
    max_hands: int = 50  # instances that are decoded, the best by score; with 778 vertex queries 20 MB and more each
    fixed: tuple[int, int] | None = None  # px: height and width of every image, where it takes no others
    example: tuple[int, int] = (160, 192)  # px: height and width of an image that export can trace for all sizes

    @classmethod
    def from_source(cls, source: str, target: str, memory_layer: int | None) -> Detector:
        """The detector as build_detector describes it; checkpoints do not hold its weights."""
        raise NotImplementedError

    def check(self, images: Tensor) -> None:
        """Raise ValueError for images that a detector cannot take."""
        check_images(images, self.multiple)

    def forward(self, images: Tensor) -> Detection:
        """images: float (B, 3, H, W) RGB in 0..1."""
        raise NotImplementedError
