"""One loss term as a sum and what it is a sum over, so that a batch may be cut over processes and passes.

A mean over each part's own hands would weigh a hand by the company it came in. So every term is a sum, and is divided
by how many labels of its kind the whole batch carries (`totals`, known before the network runs), as DETR does with its
number of boxes. The gradient is then that of the whole batch however it was cut.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

HANDS = "hands"
LABEL_OF = {
    "side": "sides",
    "volume": "sides",
    "vertices": "vertices",
    "normal": "vertices",
    "edge": "vertices",
    "joints_3d": "joints_3d",
    "finder_score": "finder_peaks",
    "finder_view": "finder_cells",
    "presence": "views",
}
"""Which label a term needs, where a hand alone is not enough."""


class Term(NamedTuple):
    """A term's weighted sum, and the sum of the weights: of hands, or of the finder's cells."""

    total: Tensor
    weight: Tensor

    @property
    def mean(self) -> Tensor:
        """Over what carries the label; zero where nothing does."""
        return self.total / self.weight.clamp(min=1e-6)


def weighted(values: Tensor, weight: Tensor) -> Term:
    """The term of values (n,) with weights (n,); zero, with a gradient of zero, for n = 0."""
    return Term((values * weight).sum(), weight.sum())


def label_totals(batch: dict[str, Tensor], slots: int) -> dict[str, Tensor]:
    """Hands to learn from in a batch, and how many have a side, 3D joints and vertices.

    Of an image with more hands than `slots` that many are learned, and each of its hands counts that part.
    """
    count = batch["count"]
    known = torch.arange(batch["side"].shape[1], device=count.device) < count[:, None]  # (B, T)
    hands = known * (slots / count.clamp(min=1)).clamp(max=1)[:, None]
    return {
        HANDS: hands.sum(),
        "sides": (hands * (batch["side"] >= 0)).sum(),
        "joints_3d": (hands * batch["has_3d"]).sum(),
        "vertices": (hands * batch["has_vertices"]).sum(),
    }


def weigh(terms: dict[str, Term], totals: dict[str, Tensor], weights: object) -> Tensor:
    """Sum of all terms, each by its weight (attribute of its name) and per label of the whole batch."""
    return sum(
        getattr(weights, name) * term.total / totals[LABEL_OF.get(name, HANDS)].clamp(min=1e-6)
        for name, term in terms.items()
    )
