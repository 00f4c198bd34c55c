"""Cost of the paper's network, next to the figures in the paper, with a Grounding DINO of random weights.

    python benchmarks/cost.py

Counts parameters and FLOPs of the recipe paper_freihand on the embedded hand template, under the open Grounding DINO's
two sizes, at a long edge of 1280 px. Nothing is downloaded. `handos benchmark --cost RECIPE` measures times and memory
on your machine. This needs the [train] extra.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from script import options, run_script
from transformers import BertConfig, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

from handos_model.network.detectors.grounding_dino import GroundingDino
from handos_model.network.handos import HandOS
from handos_model.template.load import load_template
from handos_model.training.cost import PAPER_COST, count, parameters
from handos_model.training.recipe import read_recipe

sys.path.append(str(Path(__file__).parents[1] / "test" / "support"))
from small_detectors import save_tokenizer  # noqa: E402

RECIPE = Path(__file__).parents[1] / "config" / "train" / "paper_freihand.yaml"
WIDTH, HEIGHT = 1280, 960
# As published: grounding-dino-tiny stands on Swin-T, grounding-dino-base on Swin-B at 384 px.
BACKBONES = {
    "tiny": dict(embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=7, image_size=224),
    "base": dict(embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], window_size=12, image_size=384),
}


def random_detector(backbone: str) -> GroundingDino:
    """Grounding DINO of published size; its text backbone, which is released after use, is small."""
    image = SwinConfig(**BACKBONES[backbone], out_indices=[2, 3, 4])
    text = BertConfig(vocab_size=1040, hidden_size=768, num_hidden_layers=1)
    model = GroundingDinoForObjectDetection(GroundingDinoConfig(image, text_config=text))
    return _with_tokenizer(model)


def small_detector(layers: int, queries: int, **image: Any) -> GroundingDino:
    """A Grounding DINO that a CPU runs in a second; layers: of encoder and decoder each; image: further SwinConfig."""
    swin = SwinConfig(embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 4], out_indices=[2, 3, 4], **image)
    text = BertConfig(vocab_size=1040, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    config = GroundingDinoConfig(
        swin, text_config=text, max_text_len=16, d_model=64, encoder_layers=layers, decoder_layers=layers,
        num_queries=queries, encoder_ffn_dim=64, decoder_ffn_dim=64, encoder_attention_heads=4,
        decoder_attention_heads=4,
    )  # fmt: skip
    return _with_tokenizer(GroundingDinoForObjectDetection(config))


def _with_tokenizer(model: GroundingDinoForObjectDetection) -> GroundingDino:
    with tempfile.TemporaryDirectory() as folder:
        return GroundingDino(model, save_tokenizer(Path(folder)))


def main() -> None:
    options(__doc__).parse_args()
    recipe, template = read_recipe(RECIPE), load_template()
    print(f"paper: ({PAPER_COST[0]:.0f} + {PAPER_COST[1]:.0f} H) GFLOPs")
    print(f"here, {WIDTH}x{HEIGHT} px, with multiply-accumulates in brackets:")
    for backbone in BACKBONES:
        network = HandOS(
            random_detector(backbone), template, recipe.decoder, list(recipe.side_widths), recipe.side_tuning
        )
        own, trained = parameters(network.detector), parameters(network)
        detector, side, hand = count(network, WIDTH, HEIGHT)
        print(
            f"{backbone}: detector {own / 1e6:.0f} M parameters, trained {(trained - own) / 1e6:.1f} M; "
            f"detector {detector:.0f} ({detector / 2:.0f}), once per image {side:.0f} ({side / 2:.0f}), "
            f"each hand {hand:.1f} ({hand / 2:.1f}) GFLOPs"
        )


if __name__ == "__main__":
    run_script(main)
