"""A first look at each hand: what a small convolution sees of its view completes the instance query.

The paper's instance queries come out of a DETR decoder, where they have attended to the whole hand. The palm detector
has no decoder: its query is one cell of a map. A grid of image features in the view's orientation takes that place,
and says where each joint might be, so that the decoder's layers start near the joints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handos_model.network.attention import sampling_grid
from handos_model.network.instances import to_pixels

CELLS = 16
REACH = 0.6  # the grid's half width in view sizes: a little more than the view
SPREAD = 0.045  # standard deviation of a joint's target on the grid, in view sizes


def grid_cells() -> Tensor:
    """Centres (CELLS^2, 2) of the grid's cells in view units, row by row."""
    line = (torch.arange(CELLS) + 0.5) * (2 * REACH / CELLS) - REACH
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)


def cell_targets(joints: Tensor) -> Tensor:
    """Distribution (..., CELLS^2) over the cells for joints (..., 2) in view units: a small Gaussian, sum 1."""
    distance = (joints[..., None, :] - grid_cells().to(joints.device)).square().sum(-1)
    return (-distance / (2 * SPREAD**2)).softmax(-1)


class ViewEncoder(nn.Module):
    """Image features on a CELLS x CELLS grid over the view, three convolutions, and a read-out per joint."""

    def __init__(self, levels: int, d_value: int, d_model: int, joints: int, channels: int = 64):
        super().__init__()
        self.register_buffer("cells", grid_cells(), persistent=False)
        self.mix = nn.Conv2d(levels * d_value + 2, channels, 1)
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(3))
        self.heat = nn.Conv2d(channels, joints, 1)
        self.features = nn.Conv2d(channels, d_model, 1)
        self.whole = nn.Linear(channels, d_model)

    def forward(self, views: Tensor, values: list[Tensor], strides: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Joint features (B, N, J, d), where the joints seem to be (B, N, J, 2) in view units, and the logits of that
        over the cells (B, N, J, CELLS^2). views (B, N, 4)."""
        b, n = views.shape[:2]
        places = to_pixels(self.cells.expand(b, n, -1, 2), views).reshape(b, n * CELLS * CELLS, 1, 2)
        seen = []
        for value, stride in zip(values, strides, strict=True):
            height, width = value.shape[-2:]
            sampled = F.grid_sample(value.float(), sampling_grid(places, stride, height, width), align_corners=False)
            sampled = sampled.reshape(b, value.shape[1], n, CELLS, CELLS).transpose(1, 2)
            seen.append(sampled.reshape(b * n, value.shape[1], CELLS, CELLS))
        seen.append(self.cells.T.reshape(1, 2, CELLS, CELLS).expand(b * n, 2, CELLS, CELLS))
        x = torch.relu(self.mix(torch.cat(seen, 1)))
        for convolution in self.convolutions:
            x = x + torch.relu(convolution(x))
        logits = self.heat(x).float().flatten(2)  # (B N, J, cells)
        weights = logits.softmax(-1)
        joints = weights.shape[1]
        with torch.autocast(x.device.type, enabled=False):
            centres = (weights @ self.cells).reshape(b, n, joints, 2)
        features = weights.to(x.dtype) @ self.features(x).flatten(2).transpose(1, 2)
        features = features + self.whole(x.mean((2, 3)))[:, None]
        features = features.reshape(b, n, joints, self.features.out_channels)
        return features, centres, logits.reshape(b, n, joints, CELLS * CELLS)
