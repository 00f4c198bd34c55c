"""The paper's network on one GPU, next to the times and the memory that the paper states. Takes at most ten minutes.

    python benchmarks/paper_gpu.py --full --out paper_gpu.json    # Grounding DINO of full size, random weights, 1280 px
    python benchmarks/paper_gpu.py --out paper_gpu.json           # a small one: whether the script runs, on a CPU too

Times of prediction by stage for 1 to 10 hands, a training step in bfloat16 (time, memory, images/s, and the memory that
`handos train --memory` predicts), and the exported file under ONNX Runtime. The file is written after every part, so a
run that is cut off leaves what it has. Needs the [train] extra; nothing is downloaded. The paper: "our detector takes
0.5s, and decoder time is from 0.1s (H=1) to 0.7s (H=10)" on an RTX 3090, 8 GB.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cost import RECIPE, random_detector, small_detector
from script import at_least, new_file, options, run_script

from handos_model.network.handos import HandOS
from handos_model.prediction.session import HandSession
from handos_model.template.load import load_template
from handos_model.training.cost import median_ms, stage_times
from handos_model.training.memory import FirstInstances, blank_batch, estimate
from handos_model.training.onnx_graph import export
from handos_model.training.recipe import Recipe, read_recipe
from handos_model.training.step import TrainingStep
from handos_model.training.trainer import build_criterion

PAPER = {"detector_s": 0.5, "decoder_s_1_hand": 0.1, "decoder_s_10_hands": 0.7, "memory_gb": 8, "card": "RTX 3090"}
HANDS = (1, 2, 4, 10)


def network_of(full: bool) -> tuple[HandOS, Recipe, tuple[int, int]]:
    """The network under random weights, its recipe on the embedded template, and the image's width and height."""
    recipe = replace(read_recipe(RECIPE), template="")
    if not full:
        decoder = replace(
            recipe.decoder, layers_2d=1, layers_3d=1, d_model=32, d_value=32, heads=2, self_heads=2, feedforward=32
        )
        augmentation = replace(recipe.augmentation, canvas=256)
        recipe = replace(recipe, decoder=decoder, side_widths=(16,) * 4, augmentation=augmentation)
    detector = random_detector("base") if full else small_detector(layers=1, queries=60)
    torch.manual_seed(0)
    network = HandOS(detector, load_template(), recipe.decoder, list(recipe.side_widths), recipe.side_tuning)
    return network, recipe, (1280, 960) if full else (256, 192)


def prediction(network: HandOS, size: tuple[int, int], device: str) -> dict[str, Any]:
    """ms of detector, side tuning and decoder by hands, in float32 as prediction runs; peak memory on a GPU."""
    network = network.to(device).eval()
    reset_memory(device)
    images = torch.rand(1, 3, size[1], size[0], device=device)
    found = {}
    for hands in HANDS:
        names = ("detector_ms", "side_ms", "decoder_ms")
        found[str(hands)] = dict(zip(names, stage_times(network, images, hands), strict=True))
    return {"by_hands": found, "memory_gb": memory(device)}


def training(network: HandOS, recipe: Recipe, device: str) -> dict[str, Any]:
    """A step on two square images with two hands each, in bfloat16 where the detector supports it."""
    network = network.to(device).train()
    side, hands = recipe.augmentation.canvas, 2
    one = blank_batch(side, hands)
    batch = {name: torch.cat([value, value]).to(device) for name, value in one.items()}
    losses = FirstInstances(network, build_criterion(recipe, torch.device(device)), replace(recipe, slots=hands))
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, 1e-5)
    reset_memory(device)

    def step() -> None:
        with torch.autocast(device, torch.bfloat16):
            loss, _ = losses(batch, losses.totals(batch))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    ms = median_ms(step, device)
    return {"step_ms": ms, "images_per_s": 2000 / ms, "images": 2, "px": side, "memory_gb": memory(device)}


def foretold(network: HandOS, recipe: Recipe) -> dict[str, Any]:
    """Prediction of `handos train --memory` for the same step."""
    losses = TrainingStep(network.cpu(), build_criterion(recipe, torch.device("cpu")), replace(recipe, slots=2))
    found = estimate(losses)
    return {"memory_gb": (found.weights + found.step) / 1e9, **asdict(found)}


def exported(network: HandOS, size: tuple[int, int], device: str) -> dict[str, Any]:
    """ms of the exported file for 1 and 10 hands, on the provider that ONNX Runtime has."""
    image = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    found: dict[str, Any] = {}
    for hands in (1, 10):
        network.detector.max_hands = hands
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hands.onnx"
            export(network, path, {"score_threshold": "0"})
            session = HandSession(path, "auto" if device == "cuda" else "cpu")
        decoded = len(session.run(image)["scores"])
        ms = median_ms(lambda session=session: session.run(image), "cpu")
        found[str(hands)] = {"ms": ms, "hands": decoded, "provider": session.provider}
    return found


def reset_memory(device: str) -> None:
    """Count the peak from here."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def memory(device: str) -> float | None:
    """Peak GB of tensors on the GPU."""
    return torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--full", action="store_true", help="Grounding DINO base at 1280 px; needs a GPU")
    parser.add_argument("--out", type=new_file, required=True, metavar="FILE")
    parser.add_argument("--seconds", type=at_least(0.0), default=540, help="no part is begun after these (540)")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # as in training
    begin = time.monotonic()
    network, recipe, size = network_of(arguments.full)
    results: dict[str, Any] = {
        "paper": PAPER,
        "card": torch.cuda.get_device_name() if device == "cuda" else "CPU",
        "torch": torch.__version__,
        "px": size,
        "built_s": time.monotonic() - begin,
    }
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "prediction": lambda: prediction(network, size, device),
        "training": lambda: training(network, recipe, device),
        "foretold": lambda: foretold(network, recipe),
        "exported": lambda: exported(network, size, device),
    }
    for name, part in parts.items():
        started = time.monotonic()
        if started - begin > arguments.seconds:
            results[name] = {"left_out": "no time was left"}
        else:
            try:
                results[name] = part() | {"took_s": time.monotonic() - started}
            except (RuntimeError, ValueError) as error:  # one part without memory or provider must not cost the others
                results[name] = {"failed": " ".join(str(error).split())[:300]}
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")
        print(name, json.dumps(results[name]), flush=True)


if __name__ == "__main__":
    run_script(main)
