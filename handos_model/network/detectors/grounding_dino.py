"""Grounding DINO as the frozen detector (Liu et al., arXiv 2303.05499; paper, section 3.1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertTokenizerFast, GroundingDinoForObjectDetection, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils import ModelOutput

from handos_model.network.detectors.pretrained import Normalisation, load_model, load_normalisation, load_tokenizer
from handos_model.network.detectors.transformers_detector import (
    PROBE,
    Parts,
    TransformersDetector,
    listening,
    scaled_parts,
    unflatten,
)


class KeptText(nn.Module):
    """Replaces the text backbone by its result for the only prompt: features (1, tokens, d)."""

    features: Tensor

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.register_buffer("features", features, persistent=False)

    def forward(self, input_ids: Tensor, *_: Any, **__: Any) -> BaseModelOutput:
        """The kept features (B, tokens, d) for input_ids (B, tokens), whose values do not count."""
        features = self.features.expand(len(input_ids), -1, -1)
        return BaseModelOutput(last_hidden_state=features)  # type: ignore[arg-type]  # transformers names a legacy type


class GroundingDino(TransformersDetector):
    """Four scales, strides 8 to 64; the last is a strided convolution on the backbone's last map.

    Until the encoder fuses them, text features do not depend on the image: they are computed once, and the weights of
    the text backbone are freed.
    """

    architecture = GroundingDinoForObjectDetection
    input_ids: Tensor  # (1, tokens) of the prompt

    @classmethod
    def from_source(cls, source: str, target: str = "hand", memory_layer: int | None = None) -> GroundingDino:
        """See `handos_model.network.detectors.build.build_detector`; `source` also holds the tokenizer."""
        model, tokenizer = load_model(cls.architecture, source), load_tokenizer(source)
        return cls(model, tokenizer, target, memory_layer, load_normalisation(source))

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: BertTokenizerFast,
        target: str = "hand",
        memory_layer: int | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        """target: the prompt, without its full stop."""
        super().__init__(model, memory_layer, normalisation)
        ids = tokenizer(prompt(target), return_tensors="pt")["input_ids"]
        self.register_buffer("input_ids", ids, persistent=False)
        self.words = word_tokens(tokenizer, ids[0].tolist())
        if not self.words:
            raise ValueError(
                f"the prompt {prompt(target)!r} has no word that this detector knows: name the objects to detect"
            )
        model.eval()
        with torch.no_grad(), listening([model.model.text_backbone]) as calls:
            self.run(self.mean.new_zeros(1, 3, PROBE, PROBE))
        model.model.text_backbone = KeptText(calls[0].result.last_hidden_state)
        self.freeze()

    @property
    def picked(self) -> int:
        """As many as there are queries, if there are two stages."""
        return self.model.config.num_queries if self.model.config.two_stage else 0

    def parts(self) -> Parts:
        """The image backbone, the decoder and the convolution that makes the map of stride 64."""
        return scaled_parts(self.model.model, self.model.model.input_proj_vision)

    def run(self, images: Tensor) -> ModelOutput:
        """The model's own forward pass over normalised images (B, 3, H, W), each with the one prompt."""
        ids = self.input_ids.expand(len(images), -1)
        return self.model(pixel_values=images, input_ids=ids, output_hidden_states=True, return_dict=True)

    def memory(self, outputs: ModelOutput, maps: list[Tensor]) -> list[Tensor]:
        """The image half of the output of encoder layer `memory_layer` as maps (B, d, h, w)."""
        return unflatten(outputs["encoder_vision_hidden_states"][self.memory_layer], maps)

    def scores(self, logits: Tensor) -> Tensor:
        """Scores (B, Q) in 0..1: of the prompt's word that fits best, from logits (B, Q, tokens)."""
        return logits[..., self.words].sigmoid().amax(-1)


def prompt(target: str) -> str:
    """The prompt as in the detector's training: in lower case, with a full stop after each phrase."""
    return target.strip().lower().rstrip(".") + "."


def word_tokens(tokenizer: BertTokenizerFast, ids: list[int]) -> list[int]:
    """Positions of the words in the prompt: tokens that are not special, unknown or the end of a phrase."""
    others = {*tokenizer.all_special_ids, *(tokenizer.convert_tokens_to_ids(end) for end in (".", "?"))}
    return [position for position, token in enumerate(ids) if token not in others]
