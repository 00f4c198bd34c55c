"""The two graphs of the embedded checkpoint: find, on an image or a part of it, and see, on a view of one hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from handos_model import __version__
from handos_model.network.finder import HandFinder
from handos_model.network.handos import Chosen, HandOS
from handos_model.network.instances import view_boxes
from handos_model.prediction.view_network import FIND_OUTPUTS, SEE_OUTPUTS
from handos_model.prediction.views import MAX_OVERLAP, SIZE
from handos_model.training.onnx_graph import Suppress, trace, with_one, write_checked

MIN_SCORE = 0.05  # least score of a candidate that the graph returns
MAX_CANDIDATES = 64
PRESENCE_SHIFT = 4.2
"""Three of four views in training show a hand, but few of the places that a finder proposes do: so a score of 0.5
stands for a logit of 4.2. docs/training.md has what was measured at other values.
"""
SHRINKAGE = 1.03
"""Factor by which hands are larger in the image than joints_2d, where distances are fitted to them. Joints lean towards
the middle of the hand where the network is unsure, and labels of photos are 3 % smaller than hands that people mark:
without it, hands were 7 % too far at any distance. docs/training.md has what was measured at other values.
"""
FIND_SIZE = 192  # px: long edge of the images that the finder was trained on
MIN_HALVED = 1024  # values of an initialiser that is stored at half precision
KEPT_FLOAT = 6
"""Number of convolutions next to the image that stay in float32: in 8 bits, they alone cost 4 px, and converting their
large maps from one kind of number to the other takes as long as is saved."""
IN_8_BITS = ("Conv", "Add", "Clip")


class FindGraph(nn.Module):
    """image uint8 (1, H, W, 3) to FIND_OUTPUTS: scores (N,) and views (N, 4) px, best first."""

    def __init__(self, finder: HandFinder) -> None:
        super().__init__()
        self.finder = finder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """N is between 1 and MAX_CANDIDATES; views hold centre x, y and size in px of the image, and angle in rad."""
        logits, views = self.finder(image.permute(0, 3, 1, 2).float() / 255)
        scores = logits[0].sigmoid()
        wanted = with_one(scores, MIN_SCORE)
        kept = Suppress.apply(view_boxes(views[0]), wanted, MIN_SCORE, MAX_OVERLAP, MAX_CANDIDATES)
        return scores[kept] * (scores[kept] > MIN_SCORE), views[0][kept]  # the best has score 0 if it is no hand


class SeeGraph(nn.Module):
    """view uint8 (1, 224, 224, 3) to SEE_OUTPUTS, each with a leading 1: see handos_model/prediction."""

    def __init__(self, network: HandOS) -> None:
        super().__init__()
        self.network = network

    def forward(self, view: Tensor) -> tuple[Tensor, ...]:
        """The one hand of the view: px of the view, metres in the view's frame, scores in 0..1."""
        only = torch.zeros(1, 1, dtype=torch.long, device=view.device)
        hand = self.network(view.permute(0, 3, 1, 2).float() / 255, lambda candidates: Chosen(only))
        return (
            (hand["pred_presence"][0] - PRESENCE_SHIFT).sigmoid(),
            hand["pred_joints_2d"][0],
            hand["pred_joint_confidence"][0].sigmoid(),
            hand["pred_joints_3d"][0],
            hand["pred_vertices"][0],
            hand["pred_translation"][0],
            hand["pred_right"][0],
        )


def export_pair(network: HandOS, finder: HandFinder, stem: Path, metadata: dict[str, str]) -> list[Path]:
    """Writes <stem>.find.onnx and <stem>.see.onnx with their checksums, and marks them as belonging together.

    metadata: name, find_threshold and score_threshold. Returns the paths.
    """
    states = [{k: v.cpu().float() for k, v in part.trainable_state().items()} for part in (network, finder)]
    pair = hashlib.sha256(b"".join(v.numpy().tobytes() for state in states for v in state.values())).hexdigest()[:16]
    common = {"name": metadata["name"], "version": __version__, "template": network.template, "pair": pair}
    image, view = torch.zeros(1, 160, 192, 3, dtype=torch.uint8), torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
    sizes = {"image": {1: "height", 2: "width"}} | {name: {0: "candidates"} for name in FIND_OUTPUTS}
    find, see = (stem.with_name(f"{stem.name}.{part}.onnx") for part in ("find", "see"))
    trace(FindGraph(finder), find, "image", image, FIND_OUTPUTS, sizes)
    trace(SeeGraph(network), see, "view", view, SEE_OUTPUTS, {})
    finish(find, common | {"size": str(FIND_SIZE), "find_threshold": metadata["find_threshold"]})
    finish(see, common | {"score_threshold": metadata["score_threshold"], "shrinkage": str(SHRINKAGE)})
    return [find, see]


def finish(path: Path, metadata: dict[str, str]) -> None:
    """Stores a graph at half precision, with its metadata and checksum."""
    model = onnx.load(str(path))
    halve(model)
    write_checked(model, path, metadata)


def halve(model: onnx.ModelProto) -> None:
    """Stores large float32 initialisers at half precision; ONNX Runtime converts them back once, when it loads them.

    The foundations' weights were published at half precision, so they do not change.
    """
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < MIN_HALVED or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def quantise(path: Path, views: Sequence[np.ndarray], out: Path) -> None:
    """Write the see graph with its foundation in 8 bits, calibrated on views (1, 224, 224, 3).

    Static, per channel: convolutions and the operations between them, so that values stay in 8 bits from one to the
    next. The decoder's convolutions are few, and stay in float32.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class ViewReader(CalibrationDataReader):
        """The calibration views, once."""

        def __init__(self) -> None:
            self.left: Iterator[np.ndarray] = iter(views)

        def get_next(self) -> dict[str, np.ndarray] | None:
            """The next one as the graph's input."""
            view = next(self.left, None)
            return None if view is None else {"view": view}

    prepared = out.with_suffix(".prepared")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    nodes = onnx.load(str(prepared)).graph.node
    convolutions = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
    foundation = range(convolutions[KEPT_FLOAT], convolutions[-1] + 1)
    kept = [node.name for i, node in enumerate(nodes) if node.op_type in IN_8_BITS and i not in foundation]
    quantize_static(
        str(prepared),
        str(out),
        ViewReader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=list(IN_8_BITS),
        nodes_to_exclude=kept,
    )
    prepared.unlink()
    finish(out, {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props})
