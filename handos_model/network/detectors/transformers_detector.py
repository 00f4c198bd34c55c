"""Base of the DETR-like detectors of Hugging Face transformers: one pass, in which parts of a model are observed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from handos_model.network.detectors.detector import Detection, Detector
from handos_model.network.detectors.pretrained import IMAGENET, Normalisation, load_model, load_normalisation

PROBE = 256  # px: side of the image from which channels and strides are read, with 1,360 cells at strides 8 to 64


class Parts(NamedTuple):
    """Modules of a detector whose inputs or outputs a detection holds."""

    backbone: nn.Module  # returns pairs of a map (B, C, h, w) and a mask, finest first
    decoder: nn.Module  # called with inputs_embeds (B, Q, d), which are Q_0
    coarser: list[nn.Module]  # strided convolutions that make further maps (B, d, h, w) of the backbone's last


@dataclass
class Call:
    """One call of a module."""

    arguments: dict[str, Any] = field(default_factory=dict)  # those given by keyword
    result: Any = None


@contextmanager
def listening(modules: list[nn.Module]) -> Iterator[list[Call]]:
    """The calls of `modules` while the block runs, which show what a model computes but does not return."""

    def listener(call: Call) -> Any:
        def listen(module: nn.Module, positional: tuple, arguments: dict[str, Any], result: Any) -> None:
            call.arguments, call.result = arguments, result

        return listen

    calls = [Call() for _ in modules]
    hooks = [m.register_forward_hook(listener(c), with_kwargs=True) for m, c in zip(modules, calls, strict=True)]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


class TracedSizes(TorchFunctionMode):
    """Keeps the maps' heights and widths in an ONNX graph, so that it serves every image size.

    transformers collects them with torch.as_tensor(list of pairs), which a trace takes for constants.
    """

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        if function is torch.as_tensor and isinstance(args[0], list):
            return torch.stack([torch.stack([torch.as_tensor(size) for size in pair]) for pair in args[0]])
        return function(*args, **(kwargs or {}))


class TransformersDetector(Detector):
    """A frozen detector around a model of transformers; docs/detectors.md says what a subclass fills in.

    Raises ValueError for images whose size does not fit.
    """

    architecture: ClassVar[type[PreTrainedModel]]
    normalisation: ClassVar[Normalisation] = IMAGENET  # if the source does not give one
    # Cells for 900 queries, and Swin's windows of 7 or 12 pad every map: a trace without padding would never pad.
    example = (256, 320)
    layered: ClassVar[bool] = True  # the encoder has layers, each of which may give the memory
    mean: Tensor  # (3, 1, 1)
    std: Tensor  # (3, 1, 1)

    def __init__(
        self, model: PreTrainedModel, memory_layer: int | None = None, normalisation: Normalisation | None = None
    ) -> None:
        """model: with its weights; it becomes part of the detector, and a subclass may change it.

        memory_layer: the encoder layer, from 1, whose output is the memory; None for the last one.
        """
        super().__init__()
        self.model = model
        self.memory_layer = encoder_layer(memory_layer, model.config.encoder_layers if self.layered else 0)
        mean, std = normalisation or self.normalisation
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def freeze(self) -> None:
        """Also reads channels and strides from a small image, so that no subclass has to state them."""
        super().freeze()
        self.backbone_strides = self.memory_strides = ()  # not known before this pass
        found = self(self.mean.new_zeros(1, 3, PROBE, PROBE))
        self.backbone_channels = tuple(m.shape[1] for m in found.backbone)
        self.backbone_strides = tuple(PROBE // m.shape[-1] for m in found.backbone)
        self.memory_channels = tuple(m.shape[1] for m in found.memory)
        self.memory_strides = tuple(PROBE // m.shape[-1] for m in found.memory)
        self.query_size = found.queries.shape[-1]

    @property
    def picked(self) -> int:
        """Number of cells that become queries; an image must have as many."""
        raise NotImplementedError

    def parts(self) -> Parts:
        """The parts of the model."""
        raise NotImplementedError

    def run(self, images: Tensor) -> ModelOutput:
        """The model's own forward pass over normalised images (B, 3, H, W)."""
        return self.model(pixel_values=images, output_hidden_states=True, return_dict=True)

    def memory(self, outputs: ModelOutput, maps: list[Tensor]) -> list[Tensor]:
        """The encoder's maps (B, d, h, w), one for each of the backbone's `maps`."""
        raise NotImplementedError

    def scores(self, logits: Tensor) -> Tensor:
        """Scores (B, Q) in 0..1 from the model's logits (B, Q, classes or tokens)."""
        raise NotImplementedError

    def check(self, images: Tensor) -> None:
        """Raise ValueError for images that do not fit, or that have fewer cells than the model picks."""
        super().check(images)
        height, width = (int(size) for size in images.shape[2:])
        cells = sum(-(height // -stride) * -(width // -stride) for stride in self.memory_strides)
        if cells < self.picked and self.memory_strides:
            raise ValueError(
                f"images of {height} x {width} px are too small: they have {cells} cells, and this detector picks "
                f"{self.picked} of them"
            )

    @torch.no_grad()
    def forward(self, images: Tensor) -> Detection:
        """images: float (B, 3, H, W) RGB in 0..1."""
        self.check(images)
        backbone, decoder, coarser = self.parts()
        traced = TracedSizes() if torch.jit.is_tracing() else nullcontext()
        # The output must be the same in training and prediction, and half precision puts boxes on a grid of 4 px.
        exact = torch.autocast(images.device.type, enabled=False)
        with exact, traced, listening([backbone, decoder, *coarser]) as calls:
            outputs = self.run((images - self.mean) / self.std)
        maps = [feature for feature, _ in calls[0].result] + [call.result for call in calls[2:]]
        queries = torch.cat([calls[1].arguments["inputs_embeds"], outputs["last_hidden_state"]], -1)
        keypoints = queries.new_zeros(*queries.shape[:2], 0, 2)
        return Detection(
            maps,
            self.memory(outputs, maps),
            to_pixels(outputs["pred_boxes"], images),
            self.scores(outputs["logits"]),
            self.backbone_strides,
            self.memory_strides,
            queries,
            keypoints,
            seen=keypoints[..., :0],
        )


class ClassDetector(TransformersDetector):
    """A detector that scores classes, of which only the one named `target` counts."""

    @classmethod
    def from_source(cls, source: str, target: str = "hand", memory_layer: int | None = None) -> ClassDetector:
        """See `handos_model.network.detectors.build.build_detector`."""
        return cls(load_model(cls.architecture, source), target, memory_layer, load_normalisation(source))

    def __init__(
        self,
        model: PreTrainedModel,
        target: str = "hand",
        memory_layer: int | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        """target: the class whose score counts."""
        super().__init__(model, memory_layer, normalisation)
        self.index = class_index(model, target)
        self.freeze()

    def scores(self, logits: Tensor) -> Tensor:
        """Scores (B, Q) in 0..1 of the class `target`, from logits (B, Q, classes)."""
        return logits[..., self.index].sigmoid()


def to_pixels(boxes: Tensor, images: Tensor) -> Tensor:
    """Boxes (B, Q, 4) from centre and size, in fractions of the image, to xyxy px; the first pixel's centre is at 0."""
    centre, size = boxes.split(2, -1)
    x, y = torch.cat([centre - size / 2, centre + size / 2], -1).unflatten(-1, (2, 2)).unbind(-1)
    return torch.stack([x * images.shape[3] - 0.5, y * images.shape[2] - 0.5], -1).flatten(2)


def unflatten(states: Tensor, maps: list[Tensor]) -> list[Tensor]:
    """Encoder states (B, all cells, d) as maps (B, d, h, w) with the sizes of `maps`."""
    found, start = [], 0
    for height, width in (m.shape[2:] for m in maps):
        part = states[:, start : start + height * width]
        found.append(part.transpose(1, 2).reshape(len(states), -1, height, width))
        start = start + height * width
    return found


def scaled_parts(model: PreTrainedModel, projections: nn.ModuleList) -> Parts:
    """The parts of a model whose further input `projections`, beyond the backbone's maps, make coarser maps."""
    encoder: Any = model.get_submodule("backbone.conv_encoder")  # of a class that depends on the architecture
    further = projections[len(encoder.intermediate_channel_sizes) :]
    return Parts(encoder, model.get_submodule("decoder"), list(further))


def class_index(model: PreTrainedModel, target: str) -> int:
    """The class named `target`, ignoring case; ValueError if the model has no such class."""
    known_as = model.config.id2label or {}
    names = [known_as[i] for i in range(model.config.num_labels)]
    for index, name in enumerate(names):
        if name.lower() == target.lower():
            return index
    known = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise ValueError(f"this detector has no class {target!r}: set target to one of its classes ({known})")


def encoder_layer(asked: int | None, layers: int) -> int:
    """The layer, counted from 1, whose output is the memory: the last one unless asked for another (Table 6).

    layers: of the encoder, 0 if none of them gives a memory by itself.
    """
    if asked is not None and asked not in range(1, layers + 1):
        choice = f"has the layers 1 to {layers}" if layers else "has no layers to choose from"
        raise ValueError(f"memory_layer is {asked}, but this detector's encoder {choice}")
    return layers if asked is None else asked
