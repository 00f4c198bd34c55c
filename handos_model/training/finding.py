"""What the trained finder of hands learns: a peak at every hand, its view and its points (CenterNet's terms)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from handos_model.network.candidates import POINT_JOINTS, Candidates, hand_views
from handos_model.network.instances import to_view

PEAK = 0.12  # standard deviation of a hand's peak, in view sizes
NEAR = 0.3  # height of the peak from which a cell also learns view and points
AROUND = 0.75  # view sizes around a labelled hand within which an incomplete photo is sure to show no other
ELSEWHERE = 0.1  # weight of the rest of such a photo: it may show hands that nobody labelled
ANGLE_CLEAR = 0.15  # length of the palm, in view sizes, below which its direction is no label


def finder_terms(candidates: Candidates, batch: dict[str, Tensor], stride: int) -> dict[str, Tensor]:
    """Score (CenterNet's focal loss), view and points of the trained candidates, each one value for the batch.

    stride: px per cell of the map that the trained candidates stand on.
    """
    trained = candidates.trained
    logits, views, points = (x[:, trained] for x in (candidates.logits, candidates.views, candidates.points))
    joints = batch["joints_2d"][..., :2]
    order = torch.arange(joints.shape[1], device=joints.device)
    known = order < batch["count"][:, None]  # (B, T)
    ignored = (order < (batch["count"] + batch["ignored"])[:, None]) & ~known
    targets = hand_views(joints)  # (B, T, 4)
    centres = cell_centres(*batch["images"].shape[-2:], stride, views.device)
    distance = (centres[None, :, None] - targets[:, None, :, :2]).norm(dim=-1)  # (B, cells, T) px
    # Small hands get a peak that reaches at least the next cell.
    spread = (PEAK * targets[..., 2]).clamp(min=0.6 * stride)[:, None]
    peak = torch.exp(-(distance**2) / (2 * spread**2)) * known[:, None]
    height, owner = peak.max(-1)  # (B, cells)
    weight = cell_weights(distance / targets[:, None, :, 2], known, ignored, batch["complete"])
    hit = peak == peak.amax(1, keepdim=True).clamp(min=1e-6)  # the cell nearest to each hand is its positive one
    score = focal(logits, height, hit.any(-1), weight)
    rows, cells = ((height > NEAR) & (weight > 0)).nonzero(as_tuple=True)
    owners, share = owner[rows, cells], height[rows, cells]
    target, view = targets[rows, owners], views[rows, cells]
    total = share.sum().clamp(min=1e-6)
    size = target[:, 2:3]
    shift = F.smooth_l1_loss(view[:, :2] / size, target[:, :2] / size, reduction="none", beta=0.05).sum(-1)
    grow = F.smooth_l1_loss(view[:, 2].log(), target[:, 2].log(), reduction="none", beta=0.1)
    palm = to_view(joints[rows, owners][:, [0, 9]], target)
    clear = ((palm[:, 0] - palm[:, 1]).norm(dim=-1) > ANGLE_CLEAR).float()
    turn = (1 - torch.cos(view[:, 3] - target[:, 3])) * clear
    true_points = joints[rows, owners][:, list(POINT_JOINTS)]
    off = (points[rows, cells] - true_points).abs().mean((1, 2)) / target[:, 2]
    return {
        "finder_score": score,
        "finder_view": ((shift + grow + turn) * share).sum() / total,
        "finder_points": (off * share).sum() / total,
    }


def cell_centres(height: int, width: int, stride: int, device: torch.device) -> Tensor:
    """Centres (cells, 2) px of a map's cells, row by row."""
    x = (torch.arange(width // stride, device=device) + 0.5) * stride - 0.5
    y = (torch.arange(height // stride, device=device) + 0.5) * stride - 0.5
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)


def cell_weights(distance: Tensor, known: Tensor, ignored: Tensor, complete: Tensor) -> Tensor:
    """How much each cell's score counts (B, cells).

    distance (B, cells, T) in view sizes; known, ignored (B, T); complete (B,): all hands of an image are labelled.
    """
    around = ((distance < AROUND) & known[:, None]).any(-1)
    weight = torch.where(around | complete[:, None], 1.0, ELSEWHERE)
    return weight * ~((distance < AROUND / 2) & ignored[:, None]).any(-1)


def focal(logits: Tensor, height: Tensor, positive: Tensor, weight: Tensor) -> Tensor:
    """CenterNet's penalty-reduced focal loss over cells (B, cells), per hand (Zhou et al. 2019, equation 1)."""
    probability = logits.sigmoid()
    hit = -F.logsigmoid(logits) * (1 - probability) ** 2
    miss = -F.logsigmoid(-logits) * probability**2 * (1 - height) ** 4
    return (torch.where(positive, hit, miss) * weight).sum() / positive.sum().clamp(min=1)
