"""Deformable DETR as the frozen detector (Zhu et al., arXiv 2010.04159), in one stage or two."""

from __future__ import annotations

from torch import Tensor
from transformers import DeformableDetrForObjectDetection
from transformers.utils import ModelOutput

from handos_model.network.detectors.transformers_detector import (
    ClassDetector,
    Parts,
    scaled_parts,
    unflatten,
)


class DeformableDetr(ClassDetector):
    """Four scales, strides 8 to 64; the last is a strided convolution on the backbone's last map."""

    architecture = DeformableDetrForObjectDetection

    @property
    def picked(self) -> int:
        """The proposals of the first stage, if there are two."""
        config = self.model.config
        return config.two_stage_num_proposals if config.two_stage else 0

    def parts(self) -> Parts:
        """The backbone, the decoder and the convolution that makes the map of stride 64."""
        return scaled_parts(self.model.model, self.model.model.input_proj)

    def memory(self, outputs: ModelOutput, maps: list[Tensor]) -> list[Tensor]:
        """The output of encoder layer `memory_layer` as maps (B, d, h, w)."""
        return unflatten(outputs["encoder_hidden_states"][self.memory_layer], maps)
