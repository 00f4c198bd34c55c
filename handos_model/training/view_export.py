"""The two graphs of the embedded checkpoint: find, on an image or a part of it, and see, on a view of one hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handos_model.network.finder import HandFinder
from handos_model.network.handos import HandOS
from handos_model.network.instances import view_boxes
from handos_model.training.onnx_graph import Suppress

FIND_OUTPUTS = ("scores", "views")
SEE_OUTPUTS = ("presence", "joints_2d", "joint_confidence", "joints_3d", "vertices", "translation", "right")
MIN_SCORE = 0.05  # of a candidate that the graph gives out
MAX_OVERLAP = 0.6  # IoU of the boxes of two: hands that touch overlap as well
MAX_CANDIDATES = 64


class FindGraph(nn.Module):
    """image uint8 (1, H, W, 3) to FIND_OUTPUTS: scores (N,) and views (N, 4) px, best first."""

    def __init__(self, finder: HandFinder) -> None:
        super().__init__()
        self.finder = finder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, views = self.finder(image.permute(0, 3, 1, 2).float() / 255)
        scores = logits[0].sigmoid()
        # ONNX's suppression cannot pass nothing on: the best candidate always stays, and scores 0 if it is none.
        best = (torch.arange(scores.shape[0], device=scores.device) == scores.argmax()).float()
        wanted = torch.maximum(scores, best * 1.01 * MIN_SCORE)
        kept = Suppress.apply(view_boxes(views[0]), wanted, MIN_SCORE, MAX_OVERLAP, MAX_CANDIDATES)
        return scores[kept] * (scores[kept] > MIN_SCORE), views[0][kept]


class SeeGraph(nn.Module):
    """view uint8 (1, 224, 224, 3) to SEE_OUTPUTS, each with a leading 1: see handos_model/session.py."""

    def __init__(self, network: HandOS) -> None:
        super().__init__()
        self.network = network

    def forward(self, view: Tensor) -> tuple[Tensor, ...]:
        detection, values, candidates = self.network.detect(view.permute(0, 3, 1, 2).float() / 255)
        only = torch.zeros(1, 1, dtype=torch.long, device=view.device)
        hand = self.network.decode(detection, values, candidates, only)[-1]
        return (
            hand["pred_presence"][0].sigmoid(),
            hand["pred_joints_2d"][0],
            hand["pred_joint_confidence"][0].sigmoid(),
            hand["pred_joints_3d"][0],
            hand["pred_vertices"][0],
            hand["pred_translation"][0],
            self.network.decoder.right(hand)[0],
        )
