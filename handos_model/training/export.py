"""`handos export`: one ONNX graph from uint8 image to hands, with the candidates' filter inside."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from handos_model import __version__
from handos_model.network.handos import HandOS
from handos_model.network.instances import view_boxes
from handos_model.template import EMBEDDED_SHA256
from handos_model.training.matcher import pairwise_iou

OPSET = 17
# Score from which a candidate is decoded. The paper's 0.1 decodes twice as many here and finds 1 % more hands.
CANDIDATE_SCORE = 0.25
CANDIDATE_IOU = 0.5  # candidates that overlap more are one hand; the paper's 0.9 would decode each hand many times
MOST_HANDS = 12
OUTPUTS = ("scores", "joints_2d", "joint_confidence", "vertices", "joints_3d", "view", "translation", "right")


class Suppress(torch.autograd.Function):
    """Non-maximum suppression as ONNX defines it, which torch alone lacks: kept indices (N,), best score first."""

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, scores: Tensor) -> Tensor:
        """boxes (Q, 4) xyxy, scores (Q,)."""
        order = scores.argsort(descending=True, stable=True)
        order = order[scores[order] > CANDIDATE_SCORE]
        kept: list[int] = []
        for query in order.tolist():
            if len(kept) == MOST_HANDS:
                break
            if not kept or pairwise_iou(boxes[[query]], boxes[kept]).max() <= CANDIDATE_IOU:
                kept.append(query)
        return torch.tensor(kept, dtype=torch.long, device=boxes.device)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any) -> Any:
        def constant(value: Tensor) -> Any:
            return g.op("Constant", value_t=value)

        axes = constant(torch.tensor([0]))
        boxes = g.op("Unsqueeze", boxes, axes)
        scores = g.op("Unsqueeze", g.op("Unsqueeze", scores, axes), axes)
        limits = [torch.tensor([MOST_HANDS]), torch.tensor([CANDIDATE_IOU]), torch.tensor([CANDIDATE_SCORE])]
        kept = g.op("NonMaxSuppression", boxes, scores, *(constant(value) for value in limits))
        return g.op("Gather", kept, constant(torch.tensor(2)), axis_i=1)


class Graph(nn.Module):
    """The network with the contract of the ONNX file: see handos_model/session.py for the outputs."""

    def __init__(self, network: HandOS):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """image (1, H, W, 3) uint8."""
        images = image.permute(0, 3, 1, 2).float() / 255
        detection, values, candidates = self.network.detect(images)
        # ONNX's Reshape cannot pass zero hands on: the best candidate is always decoded, and scored 0 if it was none.
        found, views = candidates.scores[0], candidates.views
        best = (torch.arange(found.shape[0], device=found.device) == found.argmax()).float()
        kept = Suppress.apply(view_boxes(views)[0], torch.maximum(found, best * 1.01 * CANDIDATE_SCORE))[None]
        hands = self.network.decode(detection, values, candidates, kept)[-1]
        confidence = hands["pred_joint_confidence"][0].sigmoid()
        # The candidate's score alone is the paper's; where there is no hand, its joints are not sure of themselves.
        score = (found[kept[0]] * confidence.mean(-1)).sqrt()
        return (
            score * (found[kept[0]] > CANDIDATE_SCORE),
            hands["pred_joints_2d"][0],
            confidence,
            hands["pred_vertices"][0],
            hands["pred_joints_3d"][0],
            views[0][kept[0]],
            hands["pred_translation"][0],
            hands["pred_sides"][0].sigmoid(),
        )


def export(network: HandOS, path: Path, metadata: dict[str, str]) -> None:
    """Write `path`, its checksum beside it, and the trained weights in half precision as .npz, to train on from.

    metadata: at least score_threshold and size (see session.py).
    """
    graph = Graph(network.cpu().float().to(memory_format=torch.contiguous_format)).eval()
    example = torch.zeros(1, 160, 192, 3, dtype=torch.uint8)
    torch.onnx.export(
        graph,
        (example,),
        str(path),
        input_names=["image"],
        output_names=list(OUTPUTS),
        dynamic_axes={"image": {1: "height", 2: "width"}} | {name: {0: "hands"} for name in OUTPUTS},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(str(path))
    entries = {"name": "handos_small", "version": __version__, "template": EMBEDDED_SHA256} | metadata
    for key, value in entries.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")
    arrays = {name: value.half().numpy() for name, value in network.trainable_state().items()}
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
