"""Targets and loss of the finder: a peak at every hand, and its view (CenterNet's terms)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from handos_model.network.finder import STRIDE, cell_centres
from handos_model.training.objective.term import Term, weighted

PEAK = 0.11  # standard deviation of a hand's peak, in view sizes
MIN_PEAK = 5.0  # px: so that the peak of a small hand reaches at least the next cell
NEAR = 0.3  # height of the peak from which a cell also learns the view
SHOWN = 0.2  # height that the peak must have at the nearest cell: for hands beyond the edge it is lower
AROUND = 0.75  # view sizes around a labelled hand within which an incomplete photo is sure to show no other
ELSEWHERE = 0.1  # weight of the rest of such a photo: it may show unlabelled hands


@dataclass(frozen=True)
class FinderTargets:
    """Targets for every cell of the finder's map, in images with up to T labelled hands."""

    views: Tensor  # (B, T, 4) of the labelled hands
    height: Tensor  # (B, cells) 0..1: of the peak that reaches highest here
    owner: Tensor  # (B, cells) the hand of that peak
    weight: Tensor  # (B, cells): how much the score counts here
    nearest: Tensor  # (B, cells) bool: the cell nearest to a hand, its positive one

    @property
    def near(self) -> Tensor:
        """Cells (B, cells) that also learn the view."""
        return (self.height > NEAR) & (self.weight > 0)

    def totals(self) -> dict[str, Tensor]:
        """The numbers by which the finder's terms are divided: see term.py."""
        return {"finder_peaks": self.nearest.sum(), "finder_cells": self.height[self.near].sum()}


def finder_targets(batch: dict[str, Tensor]) -> FinderTargets:
    """Targets from the fields of a FinderBatch."""
    targets, known, ignored = batch["views"], batch["known"], batch["ignored"]
    height, width = (n // STRIDE for n in batch["images"].shape[-2:])
    centres = cell_centres(height, width, targets.device)
    distance = (centres[None, :, None] - targets[:, None, :, :2]).norm(dim=-1)  # (B, cells, T) px
    spread = (PEAK * targets[..., 2]).clamp(min=MIN_PEAK)[:, None]
    peak = torch.exp(-(distance**2) / (2 * spread**2)) * known[:, None]
    nearest = ((peak == peak.amax(1, keepdim=True)) & (peak > SHOWN)).any(-1)
    highest, owner = peak.max(-1)
    weight = cell_weights(distance / targets[:, None, :, 2], known, ignored, batch["complete"])
    return FinderTargets(targets, highest, owner, weight, nearest)


def finder_terms(logits: Tensor, views: Tensor, targets: FinderTargets) -> dict[str, Term]:
    """Score (CenterNet's focal loss) and view of the cells: logits (B, cells), views (B, cells, 4) px."""
    rows, cells = targets.near.nonzero(as_tuple=True)
    target, view = targets.views[rows, targets.owner[rows, cells]], views[rows, cells]
    size = target[:, 2:3]
    shift = F.smooth_l1_loss(view[:, :2] / size, target[:, :2] / size, reduction="none", beta=0.05).sum(-1)
    grow = F.smooth_l1_loss(view[:, 2].log(), target[:, 2].log(), reduction="none", beta=0.1)
    turn = 1 - torch.cos(view[:, 3] - target[:, 3])
    score = focal(logits, targets.height, targets.nearest, targets.weight)
    return {
        "finder_score": Term(score, targets.nearest.sum().float()),
        "finder_view": weighted(shift + grow + turn, targets.height[rows, cells]),
    }


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
