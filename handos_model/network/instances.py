"""Instance views and queries: the decoder's input for each hand before it attends to the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from handos_model.camera import ray_rotation_rows

HAND_BOX_PER_VIEW = 0.75  # long edge of an average hand's box, as a share of its view's size


@dataclass(frozen=True)
class Instances:
    """N places per image that are decoded as hands."""

    queries: Tensor  # (B, N, D) of the detector
    views: Tensor  # (B, N, 4): centre x, y (px), size (px), angle (rad) of an oriented square around the hand
    extents: Tensor  # (B, N, 2): width and height of the box, in those that an average hand has in its view
    points: Tensor  # (B, N, P, 2) px: the detector's keypoints, P 0 without any
    seen: Tensor  # (B, N, P, C): what the detector's memory holds at the points of an instance's query


def box_views(boxes: Tensor) -> Tensor:
    """Upright views (..., 4) around the boxes (..., 4) xyxy px of a detector that gives only boxes."""
    size = (boxes[..., 2:] - boxes[..., :2]).amax(-1, keepdim=True).clamp(min=1.0) / HAND_BOX_PER_VIEW
    return torch.cat([(boxes[..., :2] + boxes[..., 2:]) / 2, size, torch.zeros_like(size)], -1)


def turn(points: Tensor, angle: Tensor) -> Tensor:
    """Points (..., n, 2) turned by angles (...), written out since autocast runs matrix products in bfloat16."""
    sine, cosine = angle.sin()[..., None], angle.cos()[..., None]
    x, y = points[..., 0], points[..., 1]
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], -1)


def to_view(points: Tensor, views: Tensor) -> Tensor:
    """Pixels (..., n, 2) to view coordinates: origin at the view's centre, one unit is its size, fingers up (-y)."""
    offset = (points - views[..., None, :2]) / views[..., None, 2:3]
    return turn(offset, -views[..., 3])


def to_pixels(points: Tensor, views: Tensor) -> Tensor:
    """View coordinates (..., n, 2) back to pixels; inverse of `to_view`."""
    return turn(points, views[..., 3]) * views[..., None, 2:3] + views[..., None, :2]


def at_points(memory: list[Tensor], points: Tensor, strides: tuple[int, ...]) -> Tensor:
    """Values (B, N, P, all C) of an image's maps (B, C, h, w) at points (B, N, P, 2) px of the image."""
    extent = torch.tensor([memory[0].shape[3], memory[0].shape[2]], device=points.device) * strides[0]
    grid = (2 * points.float() + 1) / extent - 1
    sampled = [F.grid_sample(m.float(), grid, align_corners=False, padding_mode="border") for m in memory]
    return torch.cat(sampled, 1).permute(0, 2, 3, 1)


def view_boxes(views: Tensor) -> Tensor:
    """Upright box (..., 4) xyxy px of an average hand in each view, for matching and non-maximum suppression."""
    half = views[..., 2:3] * HAND_BOX_PER_VIEW / 2
    return torch.cat([views[..., :2] - half, views[..., :2] + half], -1)


def camera_rotation(views: Tensor, K: Tensor) -> Tensor:
    """Rotation (..., 3, 3) from each view's frame to the camera frame: camera = rotation @ view.

    The view frame looks along the ray through the view's centre with the fingers up, so that a hand looks the same in
    it wherever it is in the image. views (..., 4), K (..., 3, 3).
    """
    u = (views[..., 0] - K[..., 0, 2]) / K[..., 0, 0]
    v = (views[..., 1] - K[..., 1, 2]) / K[..., 1, 1]
    ray = torch.stack([torch.stack(row, -1) for row in ray_rotation_rows(u, v)], -2)
    sine, cosine, zero = views[..., 3].sin(), views[..., 3].cos(), torch.zeros_like(u)
    spin = torch.stack(
        [
            torch.stack([cosine, -sine, zero], -1),
            torch.stack([sine, cosine, zero], -1),
            torch.stack([zero, zero, torch.ones_like(u)], -1),
        ],
        -2,
    )
    return ray @ spin
