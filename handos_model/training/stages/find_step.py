"""One pass over a batch of images for the finder: a peak at every hand, and its view (CenterNet's terms)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handos_model.network.finder import HandFinder
from handos_model.training.objective.peaks import finder_targets, finder_terms
from handos_model.training.objective.term import Term, weigh


class FindStep(nn.Module):
    """Finder and weights of its terms. A batch holds the fields of views.finding_batches.FinderBatch."""

    def __init__(self, finder: HandFinder, weights: object):
        super().__init__()
        self.finder, self.weights = finder, weights

    def totals(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Peaks and cells in a batch, to be summed over all batches of an optimiser step: see term.py."""
        return finder_targets(batch).totals()

    def forward(self, batch: dict[str, Tensor], totals: dict[str, Tensor]) -> tuple[Tensor, dict[str, Term]]:
        """This batch's part of the loss of the whole step, and its terms."""
        detection = self.finder.detector(batch["images"])
        logits, views = self.finder.hourglass(detection.backbone, detection.memory)
        with torch.autocast(logits.device.type, enabled=False):
            terms = finder_terms(logits.float(), views.float(), finder_targets(batch))
            loss = weigh(terms, totals, self.weights)
        return loss, {name: Term(*(part.detach() for part in term)) for name, term in terms.items()}
