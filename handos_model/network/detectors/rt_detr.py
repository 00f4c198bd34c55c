"""RT-DETR v2 as the frozen detector (Lv et al., arXiv 2407.17140)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from transformers import PreTrainedModel, RTDetrV2ForObjectDetection
from transformers.utils import ModelOutput

from handos_model.network.detectors.pretrained import PLAIN, Normalisation
from handos_model.network.detectors.transformers_detector import ClassDetector, Parts


class RTDetr(ClassDetector):
    """Three scales, strides 8 to 32; the memory is the whole output of the hybrid encoder, which has no layers."""

    architecture: ClassVar[type[PreTrainedModel]] = RTDetrV2ForObjectDetection
    normalisation = PLAIN

    def __init__(
        self,
        model: PreTrainedModel,
        target: str = "hand",
        memory_layer: int | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        """target: the class whose score counts."""
        if memory_layer is not None:
            raise ValueError(f"memory_layer is {memory_layer}, but this encoder has no layers to choose from")
        super().__init__(model, target, normalisation)
        self.picked = model.config.num_queries
        model.config.anchor_image_size = None  # anchors for this image, not for one fixed size
        self.freeze()

    def parts(self) -> Parts:
        return Parts(self.model.model.backbone, self.model.model.decoder, [])

    def memory(self, outputs: ModelOutput, maps: list[Tensor]) -> list[Tensor]:
        return list(outputs.encoder_last_hidden_state)
