"""Deformable attention over oriented reference boxes, and the decoder's four attention masks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handos_model.network.instances import to_pixels

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
        query, key, value = self.qkv(queries).reshape(n, q, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        # Written out: on CPUs the fused kernel is several times slower than two matrix products at these sizes.
        logits = query @ key.transpose(-1, -2) * (d // self.heads) ** -0.5
        mixed = (logits if mask is None else logits.masked_fill(~mask, -1e4)).softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(n, q, d))


def sampling_grid(places: Tensor, stride: int, height: int, width: int) -> Tensor:
    """Pixels (..., 2) as coordinates for grid_sample on a map of height x width cells of `stride` px.

    Pixel x is covered by cell (x + 0.5) / stride - 0.5; grid_sample counts from -1 to 1 between the map's outer edges.
    """
    x = (places[..., 0] + 0.5) * (2 / stride) / width - 1
    y = (places[..., 1] + 0.5) * (2 / stride) / height - 1
    return torch.stack([x, y], -1)


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention (Deformable DETR) around reference boxes given in the hand's view.

    Every query looks at `points` places per head and scale. Offsets are learned in units of the query's reference
    box, in the view's orientation, and turned into pixels by the view.
    """

    def __init__(self, d_model: int, d_value: int, heads: int, levels: int, points: int):
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(d_model, heads * levels * points * 2)
        self.weights = nn.Linear(d_model, heads * levels * points)
        self.out = nn.Linear(d_value, d_model)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Heads start looking in different directions, points at growing distance, as in Deformable DETR."""
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
        b, n, q, _ = queries.shape
        h, p, levels = self.heads, self.points, self.levels
        offsets = self.offsets(queries).float().reshape(b, n, q, h * levels * p, 2)
        places = centres[..., None, :] + offsets * sizes[..., None, :]
        places = to_pixels(places.reshape(b, n, q * h * levels * p, 2), views).reshape(b, n * q, h, levels, p, 2)
        weights = self.weights(queries).float().reshape(b, n * q, h, levels * p).softmax(-1)
        weights = weights.reshape(b, n * q, h, levels, p).permute(3, 0, 2, 1, 4)  # (levels, b, h, n q, p)
        mixed = 0
        for level, (value, stride) in enumerate(zip(values, strides, strict=True)):
            height, width = value.shape[-2:]
            grid = sampling_grid(places[:, :, :, level], stride, height, width).transpose(1, 2)  # (b, h, n q, p, 2)
            sampled = F.grid_sample(
                value.float().reshape(b * h, self.out.in_features // h, height, width),
                grid.reshape(b * h, n * q, p, 2),
                mode="bilinear",
                padding_mode="zeros",
                align_corners=False,
            )  # (b h, C / h, n q, p)
            mixed = mixed + (sampled * weights[level].reshape(b * h, 1, n * q, p)).sum(-1)
        d_value = self.out.in_features
        return self.out(mixed.reshape(b, d_value, n * q).transpose(1, 2).reshape(b, n, q, d_value))
