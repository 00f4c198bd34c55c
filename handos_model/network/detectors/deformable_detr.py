"""Deformable DETR as the frozen detector (Zhu et al., arXiv 2010.04159), in one stage or two."""

from __future__ import annotations

from torch import Tensor
from transformers import DeformableDetrForObjectDetection, PreTrainedModel
from transformers.utils import ModelOutput

from handos_model.network.detectors.pretrained import Normalisation
from handos_model.network.detectors.transformers_detector import (
    ClassDetector,
    Parts,
    encoder_layer,
    scaled_parts,
    unflatten,
)


class DeformableDetr(ClassDetector):
    """Four scales, strides 8 to 64; the last is a strided convolution on the backbone's last map."""

    architecture = DeformableDetrForObjectDetection

    def __init__(
        self,
        model: PreTrainedModel,
        target: str = "hand",
        memory_layer: int | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        """target: the class whose score counts; memory_layer: the encoder layer, from 1, whose output is the memory."""
        super().__init__(model, target, normalisation)
        self.picked = model.config.two_stage_num_proposals if model.config.two_stage else 0
        self.memory_layer = encoder_layer(memory_layer, model.config.encoder_layers)
        self.freeze()

    def parts(self) -> Parts:
        return scaled_parts(self.model.model, self.model.model.input_proj)

    def memory(self, outputs: ModelOutput, maps: list[Tensor]) -> list[Tensor]:
        return unflatten(outputs.encoder_hidden_states[self.memory_layer], maps)
