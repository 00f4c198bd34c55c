"""Detectors of transformers' own classes with small random weights, as they are saved and loaded."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_model
from torch import nn
from transformers import (
    BertConfig,
    BertTokenizerFast,
    DeformableDetrConfig,
    DeformableDetrForObjectDetection,
    DFineConfig,
    DFineForObjectDetection,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    HGNetV2Config,
    PreTrainedModel,
    ResNetConfig,
    RTDetrResNetConfig,
    RTDetrV2Config,
    RTDetrV2ForObjectDetection,
    SwinConfig,
)

from handos_model.network.detectors.build import build_detector
from handos_model.network.detectors.detector import Detector
from handos_model.network.detectors.pretrained import IMAGENET

QUERIES, D = 30, 64
WORDS = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1012: ".", 1029: "?", 1030: "hand", 1031: "##s"}
COMMON = {
    "d_model": D, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "decoder_layers": 2, "num_queries": QUERIES,
}  # fmt: skip
STAGES = {"hidden_sizes": [8, 8, 16, 24], "depths": [1, 1, 1, 1], "embedding_size": 8}
HYBRID = {"encoder_hidden_dim": D, "encoder_in_channels": [8, 16, 24], "decoder_in_channels": [D, D, D]}
HYBRID_KINDS = ("rt_detr", "d_fine")
HEIGHT, WIDTH = 96, 128
IDS = torch.tensor([[101, 1030, 1012, 102]])  # "hand."
CLASSES = {0: "person", 1: "Hand"}
SAVED: list[tempfile.TemporaryDirectory] = []


def grounding_dino(encoder_layers: int = 2) -> PreTrainedModel:
    image = SwinConfig(
        image_size=64, embed_dim=8, depths=[2, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=7, out_indices=[2, 3, 4]
    )
    text = BertConfig(vocab_size=1040, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    config = GroundingDinoConfig(image, text_config=text, encoder_layers=encoder_layers, max_text_len=16, **COMMON)
    return GroundingDinoForObjectDetection(config)


def deformable_detr(two_stage: bool = True) -> PreTrainedModel:
    image = ResNetConfig(layer_type="basic", out_features=["stage2", "stage3", "stage4"], **STAGES)
    config = DeformableDetrConfig(
        use_timm_backbone=False, backbone_config=image, backbone=None, use_pretrained_backbone=False,
        encoder_layers=2, two_stage=two_stage, with_box_refine=two_stage, two_stage_num_proposals=QUERIES,
        id2label=CLASSES, **COMMON,
    )  # fmt: skip
    return DeformableDetrForObjectDetection(config)


def rt_detr() -> PreTrainedModel:
    image = RTDetrResNetConfig(layer_type="basic", out_indices=[2, 3, 4], **STAGES)
    return RTDetrV2ForObjectDetection(RTDetrV2Config(backbone_config=image, id2label=CLASSES, **HYBRID, **COMMON))


def d_fine() -> PreTrainedModel:
    image = HGNetV2Config(
        stem_channels=[3, 8, 8], stage_in_channels=[8, 8, 8, 16], stage_mid_channels=[4, 4, 4, 4],
        stage_out_channels=[8, 8, 16, 24], stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1],
        stage_downsample=[False, True, True, True], stage_light_block=[False, False, True, True],
        stage_kernel_size=[3, 3, 5, 5], out_indices=[2, 3, 4], **STAGES,
    )  # fmt: skip
    config = DFineConfig(backbone_config=image, id2label=CLASSES, lqe_hidden_dim=16, **HYBRID, **COMMON)
    return DFineForObjectDetection(config)


MODELS = {
    "grounding_dino": grounding_dino, "rt_detr": rt_detr, "d_fine": d_fine, "deformable_detr": deformable_detr,
}  # fmt: skip


def small_model(kind: str, **sizes: int) -> PreTrainedModel:
    """A model whose queries differ clearly: transformers' own start would rank them by rounding errors."""
    torch.manual_seed(1)
    model = MODELS[kind](**sizes).eval()
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if weight.ndim > 1:
                nn.init.normal_(weight, std=1.4 / weight[0].numel() ** 0.5)
            elif "bias" in name:
                nn.init.normal_(weight, std=0.1)
    return set_statistics(model) if kind in ("rt_detr", "d_fine") else model


@torch.no_grad()
def set_statistics(model: PreTrainedModel) -> PreTrainedModel:
    """Batch statistics of noise, as training leaves behind: without them the maps fade from layer to layer."""
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = 1.0
        layer.train()
    model(torch.rand(2, 3, 128, 128))
    return model.eval()


def save(model: PreTrainedModel, folder: Path) -> None:
    """As save_pretrained, which refuses the two stages of Deformable DETR: their heads share weights."""
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    save_model(model, str(folder / "model.safetensors"), metadata={"format": "pt"})


def save_tokenizer(folder: Path) -> BertTokenizerFast:
    """A tokenizer of five words, where BERT's uncased vocabulary has them as far as transformers relies on it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS.get(i, f"[unused{i}]") for i in range(1040)))
    tokenizer = BertTokenizerFast(str(vocabulary))
    tokenizer.save_pretrained(folder)
    return tokenizer


def small_detector(kind: str, memory_layer: int | None = None) -> Detector:
    """The detector of a small model, by way of a folder."""
    with tempfile.TemporaryDirectory() as folder:
        save(small_model(kind), Path(folder))
        if kind == "grounding_dino":
            save_tokenizer(Path(folder))
        return build_detector(kind, folder, memory_layer=memory_layer)


@torch.no_grad()
def sees_large_things(model: RTDetrV2ForObjectDetection) -> RTDetrV2ForObjectDetection:
    """The model with boxes of about half the image around its cells, as hands have that fill a small picture."""
    decoder = model.model.decoder
    for head in (model.model.enc_bbox_head, *decoder.bbox_embed):
        head.layers[-1].weight.mul_(0.05)
        head.layers[-1].bias.zero_()
    model.model.enc_bbox_head.layers[-1].bias[2:] = 2.5
    decoder.class_embed[-1].bias += 2.0
    return model


@cache
def saved_detector() -> Path:
    """The folder of a small RT-DETR that sees_large_things, as a recipe's source; it is gone when the process ends."""
    folder = tempfile.TemporaryDirectory()
    SAVED.append(folder)
    save(sees_large_things(small_model("rt_detr")), Path(folder.name))
    return Path(folder.name)


def images(count: int, height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    """Squares of random colours, so that no two places score alike."""
    squares = torch.rand(count, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(5))
    return squares.repeat_interleave(8, 2).repeat_interleave(8, 3)


def plain(kind: str, model, pixels: torch.Tensor):
    """transformers' own forward pass."""
    text = {"input_ids": IDS.expand(len(pixels), -1)} if kind == "grounding_dino" else {}
    with torch.no_grad():
        return model(pixel_values=normalised(kind, pixels), output_hidden_states=True, **text)


def normalised(kind: str, pixels: torch.Tensor) -> torch.Tensor:
    if kind in HYBRID_KINDS:
        return pixels
    mean, std = (torch.tensor(values)[:, None, None] for values in IMAGENET)
    return (pixels - mean) / std
