"""A first look at each hand: what a small convolution sees of its view completes the instance query.

The paper's instance queries come out of a DETR decoder, where they have attended to the whole hand. The palm detector
has no decoder: its query is one cell of a map. A grid of image features in the view's orientation takes that place,
and says where each joint might be, so that the decoder's layers start near the joints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handos_model.network.attention import rows, view_axes

CELLS = 16
REACH = 0.6  # the grid's half width in view sizes: a little more than the view
WHOLE = 128  # channels of the coarsest maps
SPREAD = 0.045  # standard deviation of a joint's target on the grid, in view sizes


def grid_cells() -> Tensor:
    """Centres (CELLS^2, 2) of the grid's cells in view units, row by row."""
    line = (torch.arange(CELLS) + 0.5) * (2 * REACH / CELLS) - REACH
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)


def cell_targets(joints: Tensor) -> Tensor:
    """Distribution (..., CELLS^2) over the cells for joints (..., 2) in view units: a small Gaussian, sum 1."""
    line = grid_cells()[:CELLS, 0].to(joints.device)
    x, y = (-(joints[..., None] - line).square() / (2 * SPREAD**2)).softmax(-1).unbind(-2)  # (..., CELLS)
    return (y[..., :, None] * x[..., None, :]).flatten(-2)


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation (folded away in the exported graph), ReLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class ViewEncoder(nn.Module):
    """Image features on a CELLS x CELLS grid over the view, an hourglass of convolutions, and a read-out per joint.

    The detector's own points enter as maps. levels and d_value: of the value maps; points: of the detector.
    """

    def __init__(self, levels: int, d_value: int, d_model: int, joints: int, points: int):
        super().__init__()
        self.register_buffer("cells", grid_cells(), persistent=False)
        self.mix = nn.Sequential(nn.Conv2d(levels * d_value + points + 2, 64, 1, bias=False), nn.BatchNorm2d(64))
        self.fine = block(64, 64)
        self.middle = nn.Sequential(block(64, 96, 2), block(96, 96))
        self.coarse = nn.Sequential(block(96, WHOLE, 2), block(WHOLE, WHOLE), block(WHOLE, WHOLE))
        self.to_middle, self.to_fine = nn.Conv2d(WHOLE, 96, 1), nn.Conv2d(96, 64, 1)
        self.middle_up, self.fine_up = block(96, 96), block(64, 64)
        self.heat = nn.Conv2d(64, joints, 1)
        self.features = nn.Conv2d(64, d_model, 1)
        self.whole = nn.Linear(WHOLE, d_model)

    def forward(
        self, views: Tensor, points: Tensor, values: list[Tensor], strides: list[int]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Joint features (B, N, J, d), where the joints seem to be (B, N, J, 2) in view units, the logits of that over
        the cells (B, N, J, CELLS^2), and the whole view in one vector (B, N, WHOLE).

        views (B, N, 4), the detector's points (B, N, P, 2) in view units.
        """
        b, n = views.shape[:2]
        fine = self.fine(torch.relu(self.mix[1](self.look(views, points, values, strides))))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        middle = self.middle_up(middle + enlarge(self.to_middle(coarse)))
        x = self.fine_up(fine + enlarge(self.to_fine(middle)))
        logits = self.heat(x).float().flatten(2)  # (B N, J, cells)
        weights = logits.softmax(-1)
        joints = self.heat.out_channels
        with torch.autocast(x.device.type, enabled=False):
            centres = (rows(weights) @ self.cells).reshape(b, n, joints, 2)
        # A mean over cells and a pointwise convolution commute; this way round it is one of few places.
        features = rows(weights.to(x.dtype) @ x.flatten(2).transpose(1, 2))
        features = F.linear(features, self.features.weight[:, :, 0, 0], self.features.bias)
        whole = coarse.mean((2, 3))
        features = features.reshape(b * n, joints, self.features.out_channels) + self.whole(whole)[:, None]
        features = features.reshape(b, n, joints, self.features.out_channels)
        return features, centres, logits.reshape(b, n, joints, CELLS * CELLS), whole.reshape(b, n, WHOLE)

    def look(self, views: Tensor, points: Tensor, values: list[Tensor], strides: list[int]) -> Tensor:
        """The first convolution of what is on the grid (B N, 64, CELLS, CELLS): image, detector's points, places.

        It is pointwise and so commutes with sampling: the whole maps pass it once, whatever the number of hands.
        """
        b, n, p = points.shape[0], points.shape[1], points.shape[2]
        mix = self.mix[0].weight
        *image, spots, places = mix.split([value.shape[1] for value in values] + [p, 2], 1)
        axes = view_axes(views, values[0].shape[3] * strides[0], values[0].shape[2] * strides[0])
        x, y = self.cells.unbind(-1)
        grid = torch.stack([along * x + across * y + start for along, across, start in axes], -1)
        grid = grid.reshape(b, n * CELLS, CELLS, 2)  # (B, N CELLS, CELLS, 2)
        seen = 0
        for value, weight in zip(values, image, strict=True):
            seen = seen + F.grid_sample(F.conv2d(value, weight).float(), grid, align_corners=False)
        seen = seen.reshape(b, len(mix), n, CELLS * CELLS).transpose(1, 2).flatten(0, 1)  # (B N, 64, cells)
        spots = spots.flatten(1) @ (5 * cell_targets(points)).flatten(0, 1)
        return (seen + spots + places.flatten(1) @ self.cells.T).reshape(b * n, len(mix), CELLS, CELLS)


def enlarge(x: Tensor) -> Tensor:
    """Twice the height and width."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
