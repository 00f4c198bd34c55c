"""What the model asks of a frozen detector: features, an image memory, and instance queries with boxes and scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn


@dataclass(frozen=True)
class Detection:
    """One pass of a detector over B images, with Q instance queries (anchors) per image.

    Pixels are those of the detector's input, with the centre of pixel (0, 0) at (0.0, 0.0).
    """

    backbone: list[Tensor]  # (B, C, H/s, W/s) for s in backbone_strides: before the top-down path
    memory: list[Tensor]  # (B, C, H/s, W/s) for s in memory_strides: after it
    boxes: Tensor  # (B, Q, 4) xyxy px
    keypoints: Tensor  # (B, Q, P, 2) px
    scores: Tensor  # (B, Q) 0..1
    level: Tensor  # (Q,) int64: the query's vector is memory[level].flatten(2)[..., cell]
    cell: Tensor  # (Q,) int64: row * width + column in that memory map
    backbone_strides: tuple[int, ...]
    memory_strides: tuple[int, ...]

    def of(self, rows: Tensor) -> Detection:
        """What was detected in some of the images, rows (n,)."""
        return replace(
            self,
            backbone=[m[rows] for m in self.backbone],
            memory=[m[rows] for m in self.memory],
            boxes=self.boxes[rows],
            keypoints=self.keypoints[rows],
            scores=self.scores[rows],
        )


class Detector(nn.Module):
    """Base of every detector: frozen, so no gradient, and in evaluation mode whatever `train()` is called with."""

    backbone_channels: tuple[int, ...]
    backbone_strides: tuple[int, ...]
    memory_channels: tuple[int, ...]
    points: int  # keypoints per candidate
    memory_strides: tuple[int, ...]

    def freeze(self) -> None:
        """Stop gradients and switch to evaluation mode; a subclass calls this once its weights are loaded."""
        self.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Detector:
        """Stay in evaluation mode: batch statistics or dropout must not move while the rest of the model trains."""
        return super().train(False)

    def forward(self, images: Tensor) -> Detection:
        """images: float (B, 3, H, W) RGB in 0..1."""
        raise NotImplementedError
