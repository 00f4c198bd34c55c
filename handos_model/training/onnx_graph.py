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
from handos_model.training.objective.matcher import pairwise_iou

OPSET = 17
OF_DETECTOR = ("score_threshold", "size", "small_size", "best_size")  # metadata that a detector decides
OUTPUTS = ("scores", "joints_2d", "joint_confidence", "vertices", "joints_3d", "view", "translation", "right")


class Suppress(torch.autograd.Function):
    """Non-maximum suppression as ONNX defines it, which torch alone lacks: kept indices (N,), best score first."""

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, scores: Tensor, least_score: float, most_overlap: float, most: int) -> Tensor:
        """boxes (Q, 4) xyxy, scores (Q,); the best `most` of those above least_score."""
        order = scores.argsort(descending=True, stable=True)
        order = order[scores[order] > least_score]
        kept: list[int] = []
        for query in order.tolist():
            if len(kept) == most:
                break
            if not kept or pairwise_iou(boxes[[query]], boxes[kept]).max() <= most_overlap:
                kept.append(query)
        return torch.tensor(kept, dtype=torch.long, device=boxes.device)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, least_score: float, most_overlap: float, most: int) -> Any:
        def constant(value: Tensor) -> Any:
            return g.op("Constant", value_t=value)

        axes = constant(torch.tensor([0]))
        boxes = g.op("Unsqueeze", boxes, axes)
        scores = g.op("Unsqueeze", g.op("Unsqueeze", scores, axes), axes)
        limits = [torch.tensor([most]), torch.tensor([most_overlap]), torch.tensor([least_score])]
        kept = g.op("NonMaxSuppression", boxes, scores, *(constant(value) for value in limits))
        return g.op("Gather", kept, constant(torch.tensor(2)), axis_i=1)


class Graph(nn.Module):
    """The network with the contract of the ONNX file: see handos_model/prediction/session.py for the outputs."""

    def __init__(self, network: HandOS, least_score: float | None = None):
        """least_score: of a candidate that is decoded; the detector's when None."""
        super().__init__()
        self.network = network
        self.least_score = network.detector.least_score if least_score is None else least_score

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """image (1, H, W, 3) uint8."""
        images = image.permute(0, 3, 1, 2).float() / 255
        detection, values, candidates = self.network.detect(images)
        # ONNX's Reshape cannot pass zero hands on: the best candidate is always decoded, and scored 0 if it was none.
        detector = self.network.detector
        found, least = candidates.scores[0], self.least_score
        best = (torch.arange(found.shape[0], device=found.device) == found.argmax()).float()
        wanted = torch.maximum(found, best * 1.01 * least)
        kept = Suppress.apply(candidates.boxes[0], wanted, least, detector.most_overlap, detector.most_hands)[None]
        hands = self.network.decode(detection, values, candidates, kept)[-1]
        confidence = hands["pred_joint_confidence"][0].sigmoid()
        score = self.network.decoder.score(found[kept[0]], confidence)
        return (
            score * (found[kept[0]] > least),
            hands["pred_joints_2d"][0],
            confidence,
            hands["pred_vertices"][0],
            hands["pred_joints_3d"][0],
            candidates.views[0][kept[0]],
            hands["pred_translation"][0],
            self.network.decoder.right(hands)[0],
        )


def export(network: HandOS, path: Path, metadata: dict[str, str]) -> None:
    """Write `path`, its checksum beside it, and the trained weights in half precision as .npz, to train on from.

    metadata: entries of session.METADATA in place of the defaults: name, score_threshold, size. The graph gives no hand
    below the detector's least_score, nor below score_threshold where that is less.
    """
    detector = network.detector
    least = min(detector.least_score, float(metadata.get("score_threshold", detector.score_threshold)))
    graph = Graph(network.cpu().float().to(memory_format=torch.contiguous_format), least).eval()
    example = torch.zeros(1, *network.detector.example, 3, dtype=torch.uint8)
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
    own = {name: f"{getattr(network.detector, name):g}" for name in OF_DETECTOR}
    entries = {"name": "handos", "version": __version__, "template": network.template} | own
    for key, value in (entries | metadata).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n")
    arrays = {name: value.half().numpy() for name, value in network.trainable_state().items()}
    np.savez_compressed(path.with_suffix(".npz"), template=network.template, **arrays)
