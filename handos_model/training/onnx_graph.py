"""`handos export`: one ONNX graph from uint8 image to hands, with the candidates' filter inside."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from handos_model import __version__
from handos_model.io.files import write_checksum
from handos_model.network.candidates import Candidates
from handos_model.network.handos import Chosen, HandOS
from handos_model.prediction.session import OUTPUTS, OUTPUTS_2D
from handos_model.training.objective.matcher import pairwise_iou

OPSET = 17
OF_DETECTOR = ("score_threshold", "size")  # metadata that the detector determines


class Suppress(torch.autograd.Function):
    """Non-maximum suppression as defined by ONNX, which torch lacks: kept indices (N,), best score first."""

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, scores: Tensor, min_score: float, max_overlap: float, max_kept: int) -> Tensor:
        """boxes (Q, 4) xyxy, scores (Q,); the best `max_kept` of those above min_score."""
        order = scores.argsort(descending=True, stable=True)
        order = order[scores[order] > min_score]
        kept: list[int] = []
        for query in order.tolist():
            if len(kept) == max_kept:
                break
            if not kept or pairwise_iou(boxes[[query]], boxes[kept]).max() <= max_overlap:
                kept.append(query)
        return torch.tensor(kept, dtype=torch.long, device=boxes.device)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, min_score: float, max_overlap: float, max_kept: int) -> Any:
        """The nodes that stand for `forward` in a graph g: NonMaxSuppression of one image and one class."""

        def constant(value: Tensor) -> Any:
            return g.op("Constant", value_t=value)

        axes = constant(torch.tensor([0]))
        boxes = g.op("Unsqueeze", boxes, axes)
        scores = g.op("Unsqueeze", g.op("Unsqueeze", scores, axes), axes)
        limits = [torch.tensor([max_kept]), torch.tensor([max_overlap]), torch.tensor([min_score])]
        kept = g.op("NonMaxSuppression", boxes, scores, *(constant(value) for value in limits))
        return g.op("Gather", kept, constant(torch.tensor(2)), axis_i=1)


def with_one(scores: Tensor, min_score: float) -> Tensor:
    """Scores (Q,) of which the best one exceeds min_score, whatever it was.

    ONNX's suppression cannot return nothing, nor its Reshape pass on zero hands: the best candidate always stays.
    """
    best = (torch.arange(scores.shape[0], device=scores.device) == scores.argmax()).float()
    return torch.maximum(scores, best * 1.01 * min_score)


class Graph(nn.Module):
    """The network with the contract of the ONNX file: see handos_model/prediction/session.py for the outputs."""

    def __init__(self, network: HandOS, min_score: float | None = None, stage: str = "full"):
        """min_score: of a candidate that is decoded; the detector's when None."""
        super().__init__()
        self.network, self.stage = network, stage
        self.outputs = OUTPUTS if stage == "full" else OUTPUTS_2D
        self.min_score = network.detector.min_score if min_score is None else min_score

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """image (1, H, W, 3) uint8."""
        wanted = []

        def choose(candidates: Candidates) -> Chosen:
            indices = self.likely(candidates)
            wanted.append(candidates.scores[0, indices[0]] > self.min_score)
            return Chosen(indices)

        found = self.hands(image, choose)
        found["scores"] = found["scores"] * wanted[0]
        return tuple(found[name] for name in self.outputs)

    def likely(self, candidates: Candidates) -> Tensor:
        """Indices (1, N) of candidates whose score is high enough, the best of those that overlap."""
        detector, wanted = self.network.detector, with_one(candidates.scores[0], self.min_score)
        return Suppress.apply(candidates.boxes[0], wanted, self.min_score, detector.max_overlap, detector.max_hands)[
            None
        ]

    def hands(self, image: Tensor, choose: Callable[[Candidates], Chosen]) -> dict[str, Tensor]:
        """Predictions for the chosen instances of the image, by their names in the file."""
        hands = self.network(image.permute(0, 3, 1, 2).float() / 255, choose, self.stage)
        found = {
            "scores": hands["pred_scores"],
            "joints_2d": hands["pred_joints_2d"],
            "joint_confidence": hands["pred_joint_confidence"].sigmoid(),
            "view": hands["pred_views"],
        }
        if self.stage == "full":
            for name in ("vertices", "joints_3d", "translation", "right"):
                found[name] = hands[f"pred_{name}"]
        return {name: value[0] for name, value in found.items()}


def describe(network: HandOS) -> dict[str, str]:
    """The entries of session.METADATA that the network determines."""
    own = {name: f"{getattr(network.detector, name):g}" for name in OF_DETECTOR}
    return {"name": "handos", "version": __version__, "template": network.template} | own


def export(network: HandOS, path: Path, metadata: dict[str, str], stage: str = "full") -> None:
    """Writes `path`, its checksum next to it, and the trained weights in half precision as .npz, to continue training.

    stage "2d": a file of joints in the image alone, with the outputs OUTPUTS_2D.

    metadata: entries of session.METADATA that replace the defaults: name, score_threshold, size. The graph returns no
    hand below the detector's min_score, or below score_threshold if that is less.
    """
    detector = network.detector
    min_score = min(detector.min_score, float(metadata.get("score_threshold", detector.score_threshold)))
    graph = Graph(network, min_score, stage)
    example = torch.zeros(1, *network.detector.example, 3, dtype=torch.uint8)
    axes = {"image": {1: "height", 2: "width"}} | {name: {0: "hands"} for name in graph.outputs}
    trace(graph, path, "image", example, graph.outputs, axes)
    write_checked(onnx.load(str(path)), path, describe(network) | metadata)
    arrays: dict[str, Any] = {name: value.half().numpy() for name, value in network.trainable_state().items()}
    np.savez_compressed(path.with_suffix(".npz"), template=network.template, **arrays)


def trace(
    graph: nn.Module,
    path: Path,
    name: str,
    example: Tensor,
    outputs: Sequence[str],
    axes: dict[str, dict[int, str]],
) -> None:
    """Writes a graph with one input of this name; moves its network to the CPU, in float32."""
    graph = graph.cpu().float().eval()
    graph.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # which torch's stubs leave out
    with warnings.catch_warnings():  # of what tests show to be right: sizes that are fixed, and indices
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", "Constant folding|Exporting aten::index", UserWarning)
        torch.onnx.export(
            graph,
            (example,),
            str(path),
            input_names=[name],
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def write_checked(model: onnx.ModelProto, path: Path, metadata: dict[str, str]) -> None:
    """Checks a model and writes it with only this metadata, and its checksum next to it."""
    del model.metadata_props[:]
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    write_checksum(path)
