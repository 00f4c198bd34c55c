"""What the trained finder of hands learns: a peak at every hand, its view and its points (CenterNet's terms)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from handos_model.network.candidates import POINT_JOINTS, Candidates, hand_views
from handos_model.network.instances import to_view
from handos_model.training.objective.losses import points_l1
from handos_model.training.objective.term import Term, weighted

PEAK = 0.12  # standard deviation of a hand's peak, in view sizes
NEAR = 0.3  # height of the peak from which a cell also learns view and points
AROUND = 0.75  # view sizes around a labelled hand within which an incomplete photo is sure to show no other
ELSEWHERE = 0.1  # weight of the rest of such a photo: it may show hands that nobody labelled
ANGLE_CLEAR = 0.15  # length of the palm, in view sizes, below which its direction is no label


@dataclass(frozen=True)
class FinderTargets:
    """What every cell of the finder's map learns in images with up to T labelled hands."""

    views: Tensor  # (B, T, 4) of the labelled hands
    height: Tensor  # (B, cells) 0..1: of the peak that reaches highest here
    owner: Tensor  # (B, cells) the hand of that peak
    weight: Tensor  # (B, cells): how much the score counts here
    nearest: Tensor  # (B, cells) bool: the cell nearest to a hand, its positive one

    @property
    def near(self) -> Tensor:
        """Cells (B, cells) that also learn view and points."""
        return (self.height > NEAR) & (self.weight > 0)

    def totals(self) -> dict[str, Tensor]:
        """What the finder's terms are divided by: see term.py."""
        return {"finder_peaks": self.nearest.sum(), "finder_cells": self.height[self.near].sum()}


def finder_targets(batch: dict[str, Tensor], stride: int) -> FinderTargets:
    """Targets from the labels of a batch alone. stride: px per cell of the map that the trained candidates stand on."""
    joints = batch["joints_2d"][..., :2]
    order = torch.arange(joints.shape[1], device=joints.device)
    known = order < batch["count"][:, None]  # (B, T)
    ignored = (order < (batch["count"] + batch["ignored"])[:, None]) & ~known
    targets = hand_views(joints)  # (B, T, 4)
    centres = cell_centres(*batch["images"].shape[-2:], stride, joints.device)
    distance = (centres[None, :, None] - targets[:, None, :, :2]).norm(dim=-1)  # (B, cells, T) px
    # Small hands get a peak that reaches at least the next cell.
    spread = (PEAK * targets[..., 2]).clamp(min=0.6 * stride)[:, None]
    peak = torch.exp(-(distance**2) / (2 * spread**2)) * known[:, None]
    height, owner = peak.max(-1)
    weight = cell_weights(distance / targets[:, None, :, 2], known, ignored, batch["complete"])
    nearest = (peak == peak.amax(1, keepdim=True).clamp(min=1e-6)).any(-1)
    return FinderTargets(targets, height, owner, weight, nearest)


def finder_terms(candidates: Candidates, joints_2d: Tensor, targets: FinderTargets) -> dict[str, Term]:
    """Score (CenterNet's focal loss), view and points of the trained candidates. joints_2d (B, T, 21, 3) px."""
    trained = candidates.trained
    logits, views, points = (x[:, trained] for x in (candidates.logits, candidates.views, candidates.points))
    rows, cells = targets.near.nonzero(as_tuple=True)
    owners, share = targets.owner[rows, cells], targets.height[rows, cells]
    target, view = targets.views[rows, owners], views[rows, cells]
    joints, labelled = joints_2d[rows, owners].split([2, 1], -1)
    labelled = (labelled[..., 0] > 0).float()
    size = target[:, 2:3]
    shift = F.smooth_l1_loss(view[:, :2] / size, target[:, :2] / size, reduction="none", beta=0.05).sum(-1)
    grow = F.smooth_l1_loss(view[:, 2].log(), target[:, 2].log(), reduction="none", beta=0.1)
    palm = to_view(joints[:, [0, 9]], target)
    clear = ((palm[:, 0] - palm[:, 1]).norm(dim=-1) > ANGLE_CLEAR) * labelled[:, 0] * labelled[:, 9]
    turn = (1 - torch.cos(view[:, 3] - target[:, 3])) * clear
    chosen = list(POINT_JOINTS)
    off = points_l1(points[rows, cells], joints[:, chosen], labelled[:, chosen]) / target[:, 2]
    score = focal(logits, targets.height, targets.nearest, targets.weight)
    return {
        "finder_score": Term(score, targets.nearest.sum().float()),
        "finder_view": weighted(shift + grow + turn, share),
        "finder_points": weighted(off, share),
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
    """CenterNet's penalty-reduced focal loss summed over cells (B, cells) (Zhou et al. 2019, equation 1)."""
    probability = logits.sigmoid()
    hit = -F.logsigmoid(logits) * (1 - probability) ** 2
    miss = -F.logsigmoid(-logits) * probability**2 * (1 - height) ** 4
    return (torch.where(positive, hit, miss) * weight).sum()
