"""Deformable attention over oriented reference boxes, and the decoder's four attention masks."""

from __future__ import annotations

import math
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASKS = ("separate", "one_way", "hierarchical", "full")


def attention_mask(kind: str, joints: int, vertices: int) -> Tensor:
    """Mask (n, n) of the interactive layers, True where the row may attend to the column (paper, Fig. 8 a to d).

    Order: joints, vertices, camera. "hierarchical" is the paper's choice: joints and vertices see each other but
    never the camera, which sees everything.
    """
    if kind not in MASKS:
        raise ValueError(f"unknown attention mask {kind!r}: choose one of {', '.join(MASKS)}")
    J, V, C = slice(0, joints), slice(joints, joints + vertices), slice(joints + vertices, joints + vertices + 1)
    mask = torch.zeros(joints + vertices + 1, joints + vertices + 1, dtype=torch.bool)
    for part in (J, V, C):
        mask[part, part] = True
    if kind != "separate":
        mask[V, J] = True
        mask[C] = True
    if kind in ("hierarchical", "full"):
        mask[J, V] = True
    if kind == "full":
        mask[:, C] = True
    return mask


class SelfAttention(nn.Module):
    """Multi-head self-attention among the queries of one hand, under an optional mask."""

    def __init__(self, d_model: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(self, queries: Tensor, mask: Tensor | None) -> Tensor:
        """queries (n, q, d), mask (q, q) bool or None."""
        n, q, d = queries.shape
        parts = self.qkv(rows(queries)).split(d, -1)
        query, key, value = (part.reshape(n, q, self.heads, d // self.heads).transpose(1, 2) for part in parts)
        # Written out, as on CPUs the fused kernel is several times slower than two matrix products of this size.
        logits = query * (d // self.heads) ** -0.5 @ key.transpose(-1, -2)
        if mask is not None:
            logits = logits + torch.where(mask, 0.0, -1e4)
        mixed = logits.softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(n * q, d)).reshape(n, q, d)


def rows(x: Tensor) -> Tensor:
    """(..., d) as (rows, d): a linear layer exports as one Gemm with bias for a matrix, as two ops for more axes."""
    return x.reshape(-1, x.shape[-1])


def view_axes(views: Tensor, width: int, height: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Coefficients (a, b, c) that give grid_sample's x and y as a * x + b * y + c of a view's point; all (B, N, 1).

    views (B, N, 4) in an image of width x height px. grid_sample counts from -1 to 1 between the outer edges of a map,
    which coincide with the image's, whatever the map's stride.
    """
    x, y, size, angle = views.split(1, -1)
    cosine, sine = angle.cos() * size, angle.sin() * size
    right, down = 2 / width, 2 / height
    across = (cosine * right, -sine * right, (x + 0.5) * right - 1)
    along = (sine * down, cosine * down, (y + 0.5) * down - 1)
    return across, along


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention (Deformable DETR) around reference boxes given in the hand's view.

    Every query looks at `points` places per head and scale. Offsets are learned in units of the query's reference
    box, in the view's orientation, and the view converts them to pixels.
    """

    def __init__(self, d_model: int, d_value: int, heads: int, levels: int, points: int):
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(d_model, heads * levels * points * 2)
        self.weights = nn.Linear(d_model, heads * levels * points)
        self.out = nn.Linear(d_value, d_model)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Makes heads start in different directions and points at growing distances, as in Deformable DETR."""
        nn.init.zeros_(self.offsets.weight)
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack([angle.cos(), angle.sin()], -1)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        reach = (torch.arange(self.points) + 0.5) / self.points
        start = direction[:, None, None] * reach[None, None, :, None]
        self.offsets.bias.data = start.expand(-1, self.levels, -1, -1).reshape(-1).clone()
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)

    def forward(
        self, queries: Tensor, centres: Tensor, sizes: Tensor, views: Tensor, values: list[Tensor], strides: list[int]
    ) -> Tensor:
        """queries (B, N, q, d); reference boxes (B, N, q, 2) in view units; views (B, N, 4); values (B, C, h, w)."""
        b, n, q, d = queries.shape
        h, p, levels = self.heads, self.points, self.levels
        x, y, weights = self.read(queries)
        axes = view_axes(views, values[0].shape[3] * strides[0], values[0].shape[2] * strides[0])
        places = torch.stack([self.places(axis, x, y, centres, sizes) for axis in axes], -1)
        grid = places.reshape(b * h, levels, p, n * q, 2)
        looked = []
        for level, value in enumerate(values):
            value = value.float().reshape(b * h, value.shape[1] // h, *value.shape[2:])
            sampled = F.grid_sample(value, grid[:, level], align_corners=False)  # (b h, C / h, p, n q)
            looked.append((sampled * weights[:, level, None]).sum(2))
        mixed = reduce(torch.add, looked).reshape(b, self.out.in_features, n * q).transpose(1, 2)
        return self.out(rows(mixed)).reshape(b, n, q, d)

    def read(self, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Offsets x and y (B, h levels p, N q) and weights (B h, levels, p, N q) of queries (B, N, q, d).

        Queries are the last axis, so that elementwise operations on the places run along whole rows of memory.
        """
        b, n, q, _ = queries.shape
        count = self.weights.out_features
        x, y = self.offsets.weight[0::2], self.offsets.weight[1::2]
        bias = torch.cat([self.offsets.bias[0::2], self.offsets.bias[1::2], self.weights.bias])
        out = F.linear(rows(queries), torch.cat([x, y, self.weights.weight]), bias).float()
        x, y, weights = out.reshape(b, n * q, 3 * count).transpose(1, 2).split(count, 1)
        weights = weights.reshape(b * self.heads, self.levels * self.points, n * q).softmax(1)
        return x, y, weights.reshape(b * self.heads, self.levels, self.points, n * q)

    def places(self, axis: tuple[Tensor, ...], x: Tensor, y: Tensor, centres: Tensor, sizes: Tensor) -> Tensor:
        """One coordinate (B, h levels p, N q) for grid_sample of the places at offsets x and y from the boxes."""
        a, b, c = axis
        (centre_x, centre_y), (width, height) = centres.unbind(-1), sizes.unbind(-1)  # (B, N, q)
        start = a * centre_x + b * centre_y + c
        return x * (a * width).flatten(1)[:, None] + y * (b * height).flatten(1)[:, None] + start.flatten(1)[:, None]
