"""Which detector queries are trained on which hand: SimOTA (paper, section 3.3), and negatives."""

from __future__ import annotations

import torch
from torch import Tensor

NEGATIVE, PADDING = -1, -2
OVERLAP = 0.2  # IoU up to which a query looks at another place than the hand
LIKELY = 0.02  # detector score below which a query is neither trained as a hand nor as a false one


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU (n, m) of boxes a (n, 4) and b (m, 4), xyxy."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return inter / (area_a[:, None] + area_b[None] - inter).clamp(min=1e-6)


def simota(
    boxes: Tensor, scores: Tensor, targets: Tensor, top: int = 10, most: int = 3, least: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Positive queries and their targets for one image: (P,) query indices, (P,) target indices.

    cost = BCE(score, 1) - log IoU; each target takes as many queries as the sum of its `top` best IoUs says (one to
    `most`), the cheapest first; a query claimed twice goes to its cheapest target. boxes (Q, 4), scores (Q,) in 0..1,
    targets (T, 4). A query that overlaps its target by `least` or less is not taken. No targets: empty.
    """
    if len(targets) == 0 or len(boxes) == 0:
        empty = torch.zeros(0, dtype=torch.long, device=boxes.device)
        return empty, empty
    iou = pairwise_iou(boxes, targets)  # (Q, T)
    cost = -scores.clamp(1e-6, 1).log()[:, None] - iou.clamp(1e-8).log()
    count = iou.topk(min(top, len(boxes)), dim=0).values.sum(0).int().clamp(1, most)  # (T,)
    order = cost.argsort(dim=0)
    rank = order.argsort(dim=0)
    claimed = (rank < count[None]) & (iou > least)
    best = torch.where(claimed, cost, torch.inf).min(1)
    queries = claimed.any(1).nonzero()[:, 0]
    return queries, best.indices[queries]


def select_instances(
    boxes: Tensor, scores: Tensor, targets: list[Tensor], ignored: list[Tensor], complete: Tensor, slots: int
) -> tuple[Tensor, Tensor]:
    """Queries to decode in a batch: indices (B, slots) and what each is trained on (B, slots).

    The second tensor holds a target's index, NEGATIVE (a false detection) or PADDING (nothing). Of the queries that
    SimOTA gives to one hand a random one is taken: neighbouring queries see the same pixels, so another image teaches
    more than they do. targets and ignored are lists of (T, 4) boxes; `complete` (B,) bool: all hands of an image are
    listed, so that other detections are false.
    """
    indices = torch.zeros(len(boxes), slots, dtype=torch.long, device=boxes.device)
    assigned = torch.full((len(boxes), slots), PADDING, dtype=torch.long, device=boxes.device)
    for b in range(len(boxes)):
        likely = (scores[b] > LIKELY).nonzero()[:, 0]
        queries, owners = simota(boxes[b][likely], scores[b][likely], targets[b], least=OVERLAP)
        chosen = [(int(likely[query]), int(owner)) for query, owner in shuffled(queries, owners)]
        chosen = list({owner: query for query, owner in chosen}.items())[:slots]
        if complete[b] and len(chosen) < slots:
            hands = torch.cat([targets[b], ignored[b]])
            chosen += [(NEGATIVE, query) for query in false_detections(boxes[b], scores[b], hands, slots - len(chosen))]
        for slot, (owner, query) in enumerate(chosen):
            indices[b, slot], assigned[b, slot] = query, owner
    return indices, assigned


def shuffled(queries: Tensor, owners: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The pairs in random order."""
    order = torch.randperm(len(queries), device=queries.device)
    return list(zip(queries[order], owners[order], strict=True))


def false_detections(boxes: Tensor, scores: Tensor, hands: Tensor, count: int) -> list[int]:
    """Up to `count` queries with high scores that overlap no hand, one per place."""
    order = scores.topk(min(40, len(scores))).indices
    order = order[scores[order] > LIKELY]
    if len(hands):
        order = order[pairwise_iou(boxes[order], hands).amax(1) < 0.15]
    kept: list[int] = []
    for query in order.tolist():
        if len(kept) == count:
            break
        if not kept or pairwise_iou(boxes[[query]], boxes[kept]).max() < 0.5:
            kept.append(query)
    return kept
