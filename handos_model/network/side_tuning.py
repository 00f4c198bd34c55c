"""Side tuning (paper, section 3.2 and Fig. IX): trained maps beside the frozen detector's memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def three_convolutions(channels: int, width: int, out: int) -> nn.Sequential:
    """The paper's three convolutions on one backbone scale; 1x1, 3x3, 1x1 to keep the small preset cheap."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, out, 1),
    )


class SideTuning(nn.Module):
    """Value maps for deformable attention: F = concat(memory, side tuning), projected to one width per scale.

    The palm detector's memory has two scales (strides 8 and 16) where its backbone has three (4, 8, 16); the finest
    map is side tuning alone.
    """

    def __init__(self, backbone_channels: list[int], memory_channels: list[int], widths: list[int], d_value: int):
        super().__init__()
        self.side = nn.ModuleList(
            three_convolutions(c, w, d_value) for c, w in zip(backbone_channels, widths, strict=True)
        )
        missing = len(backbone_channels) - len(memory_channels)
        inputs = [d_value] * missing + [c + d_value for c in memory_channels]
        self.mix = nn.ModuleList(nn.Conv2d(c, d_value, 1) for c in inputs)

    def forward(self, backbone: list[Tensor], memory: list[Tensor]) -> list[Tensor]:
        """Maps (B, C, H / stride, W / stride), finest first, to value maps (B, d_value, ...) of the same sizes."""
        sides = [side(feature) for side, feature in zip(self.side, backbone, strict=True)]
        missing = len(sides) - len(memory)
        inputs = sides[:missing] + [torch.cat(pair, 1) for pair in zip(memory, sides[missing:], strict=True)]
        return [mix(torch.relu(feature)) for mix, feature in zip(self.mix, inputs, strict=True)]
