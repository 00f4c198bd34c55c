"""One pass over a batch of views, from what the frozen foundation says to the loss."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handos_model.network.detectors.detector import Detection
from handos_model.network.detectors.landmark_detector import QUERY, landmark_detector
from handos_model.network.handos import HandOS
from handos_model.training.objective.criterion import Criterion, HandTargets
from handos_model.training.objective.term import HANDS, Term, weigh
from handos_model.training.views.feature_cache import detection_of


class SeeStep(nn.Module):
    """Network and criterion. A batch holds rows of views.feature_cache.batch_of."""

    def __init__(self, network: HandOS, criterion: Criterion, dropout: float = 0.0):
        """dropout: share of the foundation's features that are hidden from the decoder in training."""
        super().__init__()
        self.network, self.criterion, self.dropout = network, criterion, dropout

    def totals(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Labels in a batch, to be summed over all batches of an optimiser step: see term.py."""
        shows = batch["shows"]
        return {
            HANDS: shows.sum(),
            "sides": (shows * batch["sign"].abs()).sum(),
            "joints_3d": (shows * batch["has_3d"]).sum(),
            "vertices": (shows * batch["has_vertices"]).sum(),
            "views": (batch["presence"] >= 0).sum(),
        }

    def forward(self, batch: dict[str, Tensor], totals: dict[str, Tensor]) -> tuple[Tensor, dict[str, Term]]:
        """This batch's part of the loss of the whole step, and its terms."""
        detector = landmark_detector(self.network.detector, "stage see")
        detection = self.network.tuned(detection_of(batch, detector))
        if self.training:
            detection = hidden(detection, self.dropout)
        only = torch.zeros(len(batch["shows"]), 1, dtype=torch.long, device=batch["shows"].device)
        proposed = self.network.propose(None, detection)
        layers = self.network.decode(*proposed, only, "full", batch["sign"][:, None])
        shown = batch["shows"] > 0
        target = targets_of(batch, shown, self.criterion.size)
        loss = torch.zeros((), device=shown.device)
        report: dict[str, Term] = {}
        for layer in layers:
            hands = {name: value[shown, 0].float() for name, value in layer.items()}
            terms = self.criterion.layer_terms(hands, target)
            loss = loss + weigh(terms, totals, self.criterion.weights)
            report |= terms
        report["presence"] = presence_term(layers[-1]["pred_presence"][:, 0].float(), batch["presence"])
        loss = loss + weigh({"presence": report["presence"]}, totals, self.criterion.weights)
        return loss, {name: Term(*(part.detach() for part in term)) for name, term in report.items()}


def hidden(detection: Detection, share: float) -> Detection:
    """The detection with a random share of the decoder's features set to 0; what it says about the hand is kept."""
    vector, said = detection.queries.split((QUERY[0], sum(QUERY[1:])), -1)
    queries = torch.cat([F.dropout(vector, share), said], -1)
    return replace(detection, queries=queries, seen=F.dropout(detection.seen, share))


def targets_of(batch: dict[str, Tensor], shown: Tensor, size: float) -> HandTargets:
    """The labels of the rows that show a hand, at the size of the template's hand, m of palm and finger bones."""
    rows = {field.name: batch[field.name][shown] for field in fields(HandTargets)}
    target = HandTargets(**rows | {"measured": rows["measured"] > 0})
    return replace(target, joints_3d=target.joints_3d * size, vertices=target.vertices * size)


def presence_term(logits: Tensor, presence: Tensor) -> Term:
    """Cross entropy of whether a view shows a hand, for views where that is known."""
    known = (presence >= 0).float()
    entropy = F.binary_cross_entropy_with_logits(logits, presence.clamp(min=0), reduction="none")
    return Term((entropy * known).sum(), known.sum())
