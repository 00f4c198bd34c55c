"""One pass over a batch, from images to the loss: what DistributedDataParallel wraps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handos_model.network.candidates import Candidates
from handos_model.network.handos import Chosen, HandOS
from handos_model.training.objective.criterion import SIGNS, Criterion
from handos_model.training.objective.matcher import select_instances
from handos_model.training.objective.term import Term, label_totals
from handos_model.training.recipe import Recipe

LABEL_KEYS = ("K", "joints_2d", "joints_3d", "vertices", "side", "has_3d", "has_vertices", "absolute")


class TrainingStep(nn.Module):
    """Network and criterion."""

    def __init__(self, network: HandOS, criterion: Criterion, recipe: Recipe):
        super().__init__()
        self.network, self.criterion, self.recipe = network, criterion, recipe

    def totals(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Labels in a batch, to be summed over all batches of an optimiser step: see term.py."""
        return label_totals(batch, self.recipe.slots)

    def forward(self, batch: dict[str, Tensor], totals: dict[str, Tensor]) -> tuple[Tensor, dict[str, Term]]:
        """This batch's part of the loss of the whole step, and its terms."""
        images = batch["images"].to(memory_format=torch.channels_last).float() / 255
        chosen: list[tuple[Chosen, Tensor]] = []

        def choose(candidates: Candidates) -> Chosen:
            chosen.append(self.choose(batch, candidates))
            return chosen[0][0]

        outputs = self.network(images, choose, self.recipe.stage, batch["sizes"])
        kept, assigned = chosen[0]
        hands = {name: batch[name][kept.images] for name in LABEL_KEYS}
        with torch.autocast(images.device.type, enabled=False):
            layers = [*outputs["aux_outputs"], outputs]
            loss, terms = self.criterion(layers, hands, outputs["pred_views"].detach(), assigned, totals)
        return loss, {name: Term(*(part.detach() for part in term)) for name, term in terms.items()}

    def choose(self, batch: dict[str, Tensor], candidates: Candidates) -> tuple[Chosen, Tensor]:
        """The instances to decode, and the hand that each is trained on, (b, N) or PADDING.

        Images without a hand to learn from are not decoded, except for one image if none has any.
        """
        indices, assigned = self.assign(batch, candidates)
        shown = (assigned >= 0).any(1)
        shown = shown.nonzero()[:, 0] if shown.any() else shown.new_zeros(1, dtype=torch.long)
        indices, assigned = indices[shown], assigned[shown]
        return Chosen(indices, shown, sides=true_sides(batch["side"][shown], assigned)), assigned

    def assign(self, batch: dict[str, Tensor], candidates: Candidates) -> tuple[Tensor, Tensor]:
        """SimOTA over the batch."""
        targets = [boxes[:n] for boxes, n in zip(batch["boxes"], batch["count"], strict=True)]
        boxes, scores = candidates.boxes.detach(), candidates.scores.detach()
        return select_instances(boxes, scores, targets, self.recipe.slots, batch["seeds"])


def true_sides(side: Tensor, assigned: Tensor) -> Tensor:
    """Sides (B, N) of the hands that instances are trained on: 1 right, -1 left, 0 unknown or no hand."""
    signs = SIGNS.to(side.device)[side.long()].gather(1, assigned.clamp(min=0))
    return torch.where(assigned >= 0, signs, 0.0)
