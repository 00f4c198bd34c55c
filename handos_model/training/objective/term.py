"""One loss term as a sum and the sum of its weights, so that a batch may be split over processes and passes.

With a mean over the hands of each part, a hand's weight would depend on the others in its part. So every term is a sum
that is divided by the number of labels of its kind in the whole batch (`totals`, known before the network runs), as
DETR does with its number of boxes. The gradient is then that of the whole batch, however it was split.
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
"""The label that a term needs, if a hand alone is not enough."""


class Term(NamedTuple):
    """A term's weighted sum, and the sum of the weights: of hands, or of the finder's cells."""

    total: Tensor
    weight: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean over the hands or cells that have the label; zero if none has."""
        return self.total / self.weight.clamp(min=1e-6)


def weighted(values: Tensor, weight: Tensor) -> Term:
    """The term of values (n,) with weights (n,); zero, with a gradient of zero, for n = 0."""
    return Term((values * weight).sum(), weight.sum())


def label_totals(batch: dict[str, Tensor], slots: int) -> dict[str, Tensor]:
    """Hands to learn from in a batch, and how many have a side, 3D joints and vertices.

    If an image has more hands than `slots`, only that many are learned, so each of its hands counts less in proportion.
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
