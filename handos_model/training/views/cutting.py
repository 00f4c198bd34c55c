"""Where a hand's view lies, and cutting views out of frames as prediction does, in batches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from handos_model.prediction.views import PALM, PALM_SHIFT, VIEW_PER_PALM


def joint_views(joints: Tensor) -> Tensor:
    """Views (..., 4) of hands with joints (..., 21, 2) px: centre x, y and size in px, angle in rad, fingers up.

    As prediction.views.view_of_joints, which places a followed hand's view around the joints seen last.
    """
    palm = joints[..., PALM, :]
    along = ((palm[..., 4, :] + palm[..., 8, :]) / 2 + palm[..., 6, :]) / 2 - palm[..., 0, :]
    angle = torch.atan2(along[..., 0], -along[..., 1])
    sine, cosine = angle.sin(), angle.cos()
    x = palm[..., 0] * cosine[..., None] + palm[..., 1] * sine[..., None]
    y = palm[..., 1] * cosine[..., None] - palm[..., 0] * sine[..., None]
    width, height = x.amax(-1) - x.amin(-1), y.amax(-1) - y.amin(-1)
    middle_x = (x.amax(-1) + x.amin(-1)) / 2
    middle_y = (y.amax(-1) + y.amin(-1)) / 2 - PALM_SHIFT * height
    size = (VIEW_PER_PALM * torch.maximum(width, height)).clamp(min=1.0)
    centre = (middle_x * cosine - middle_y * sine, middle_x * sine + middle_y * cosine)
    return torch.stack([*centre, size, angle], -1)


def cut(
    images: Tensor, extents: Tensor, views: Tensor, flips: Tensor, size: int, around: Tensor, repeat: Tensor
) -> Tensor:
    """Views (B, 3, size, size) cut out of images (B, 3, S, S) of which extents (B, 2) px are shown.

    views (B, 4): centre, size and angle of the square in px. flips (B,): -1 mirrors a view, 1 does not. Beyond what an
    image shows lies `around` (B, 3, size, size), or, where repeat (B,) is true, the image's own edge. Pixels are those
    of the level of an image pyramid that is nearest in size.
    """
    u, v = square(size, images.device)
    cosine, sine = views[:, 3].cos() * views[:, 2], views[:, 3].sin() * views[:, 2]
    across = u * flips[:, None, None]
    x = views[:, 0, None, None] + cosine[:, None, None] * across - sine[:, None, None] * v
    y = views[:, 1, None, None] + sine[:, None, None] * across + cosine[:, None, None] * v
    width, height = extents[:, 0, None, None], extents[:, 1, None, None]
    shown = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    x, y = torch.minimum(x.clamp(min=0), width - 1), torch.minimum(y.clamp(min=0), height - 1)
    grid = torch.stack([(2 * x + 1) / images.shape[3] - 1, (2 * y + 1) / images.shape[2] - 1], -1)
    level = (views[:, 2] / size).clamp(min=1e-3).log2().round().clamp(min=0)
    seen = sample_pyramid(images, grid, level)
    return torch.where((shown | repeat[:, None, None])[:, None], seen, around)


def square(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """x and y (size, size) of a view's pixels in view sizes from its centre."""
    line = (torch.arange(size, device=device) + 0.5) / size - 0.5
    v, u = torch.meshgrid(line, line, indexing="ij")
    return u, v


def sample_pyramid(images: Tensor, grid: Tensor, level: Tensor) -> Tensor:
    """Bilinear samples at grid (B, h, w, 2); each image is halved `level` (B,) times, as often as it has pixels."""
    out = images.new_empty(len(images), images.shape[1], *grid.shape[1:3])
    left = torch.arange(len(images), device=images.device)
    while len(left):
        last = min(images.shape[2:]) < 2
        here = (level[left] <= 0) if not last else torch.ones_like(left, dtype=torch.bool)
        if here.any():
            rows = left[here]
            out[rows] = F.grid_sample(images[here], grid[rows], align_corners=False, padding_mode="border")
        left, images = left[~here], images[~here]
        if len(left):
            images, level = F.avg_pool2d(images, 2), level - 1
    return out
