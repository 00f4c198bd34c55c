"""Which candidates are decoded and trained on which hand: SimOTA (paper, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

PADDING = -1
OVERLAP = 0.2  # IoU up to which a query counts as looking elsewhere than at the hand
LIKELY = 0.02  # score below which a candidate is not trained as a hand
TOP = 10  # best IoUs of a target whose sum says how many queries it takes


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU (n, m) of boxes a (n, 4) and b (m, 4), xyxy."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return inter / (area_a[:, None] + area_b[None] - inter).clamp(min=1e-6)


def simota(
    boxes: Tensor, scores: Tensor, targets: Tensor, max_queries: int = 3, min_iou: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Positive queries and their targets for one image: (P,) query indices, (P,) target indices.

    cost = BCE(score, 1) - log IoU; each target takes as many queries as the sum of its TOP best IoUs says (one to
    `max_queries`), the cheapest first; a query claimed twice goes to its cheapest target. boxes (Q, 4), scores (Q,) in
    0..1, targets (T, 4). A query that overlaps its target by `min_iou` or less is not taken. No targets: empty.
    """
    if len(targets) == 0 or len(boxes) == 0:
        empty = torch.zeros(0, dtype=torch.long, device=boxes.device)
        return empty, empty
    iou = pairwise_iou(boxes, targets)  # (Q, T)
    cost = -scores.clamp(1e-6, 1).log()[:, None] - iou.clamp(1e-8).log()
    count = iou.topk(min(TOP, len(boxes)), dim=0).values.sum(0).int().clamp(1, max_queries)  # (T,)
    order = cost.argsort(dim=0)
    rank = order.argsort(dim=0)
    claimed = (rank < count[None]) & (iou > min_iou)
    best = torch.where(claimed, cost, torch.inf).min(1)
    queries = claimed.any(1).nonzero()[:, 0]
    return queries, best.indices[queries]


def select_instances(
    boxes: Tensor, scores: Tensor, targets: list[Tensor], slots: int, seeds: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Queries to decode in a batch: indices (B, n), and the target of each (B, n) or PADDING.

    n is the number of hands in the image that has the most, from 1 to `slots`.

    Of the queries that SimOTA gives to one hand, a random one is taken: neighbouring queries see the same pixels, so
    another image teaches more than they do. targets is a list of (T, 4) boxes; seeds (B,) int64, 0 by default, decide
    the choice in each image.
    """
    indices = torch.zeros(len(boxes), slots, dtype=torch.long, device=boxes.device)
    assigned = torch.full((len(boxes), slots), PADDING, dtype=torch.long, device=boxes.device)
    for b in range(len(boxes)):
        likely = (scores[b] > LIKELY).nonzero()[:, 0]
        queries, owners = simota(boxes[b][likely], scores[b][likely], targets[b], min_iou=OVERLAP)
        order = torch.Generator().manual_seed(0 if seeds is None else int(seeds[b]))
        chosen = {int(owner): int(likely[query]) for query, owner in shuffled(queries, owners, order)}
        for slot, (owner, query) in enumerate(list(chosen.items())[:slots]):
            indices[b, slot], assigned[b, slot] = query, owner
    used = max(1, int((assigned != PADDING).sum(1).max()))
    return indices[:, :used], assigned[:, :used]


def shuffled(queries: Tensor, owners: Tensor, generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """The pairs in random order. generator: must be on the CPU, so that every device gives the same order."""
    order = torch.randperm(len(queries), generator=generator).to(queries.device)
    return list(zip(queries[order], owners[order], strict=True))
