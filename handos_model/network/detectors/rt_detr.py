"""RT-DETR v2 as the frozen detector (Lv et al., arXiv 2407.17140)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from transformers import PreTrainedModel, RTDetrV2ForObjectDetection
from transformers.utils import ModelOutput

from handos_model.network.detectors.pretrained import PLAIN
from handos_model.network.detectors.transformers_detector import ClassDetector, Parts


class RTDetr(ClassDetector):
    """Three scales, strides 8 to 32; the memory is the whole output of the hybrid encoder, which has no layers."""

    architecture: ClassVar[type[PreTrainedModel]] = RTDetrV2ForObjectDetection
    normalisation = PLAIN
    layered = False

    @property
    def picked(self) -> int:
        """As many as there are queries."""
        return self.model.config.num_queries

    def freeze(self) -> None:
        """Before that, makes anchors fit each image, not one fixed size."""
        self.model.config.anchor_image_size = None
        super().freeze()

    def parts(self) -> Parts:
        """The backbone and the decoder: all maps are the backbone's own."""
        return Parts(self.model.model.backbone, self.model.model.decoder, [])

    def memory(self, outputs: ModelOutput, maps: list[Tensor]) -> list[Tensor]:
        """The hybrid encoder's output, which consists of maps (B, d, h, w) already."""
        return list(outputs["encoder_last_hidden_state"])
