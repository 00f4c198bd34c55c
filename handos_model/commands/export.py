"""Turn a trained checkpoint into the ONNX file that predicts."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..session import HandSession


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos export`."""
    parser.add_argument(
        "checkpoints", type=Path, nargs="+", metavar="CHECKPOINT",
        help="checkpoint.pt of a run, or a .npz; of several, runs that went on from one another, the mean is exported",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the ONNX file to write")
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="default: recipe.yaml beside the last CHECKPOINT")
    parser.add_argument("--threshold", type=float, default=0.5, metavar="T", help="default least score of a hand (0.5)")
    parser.add_argument("--size", default="192", metavar="PX", help="default long edge of the input (192)")


def run(args: argparse.Namespace) -> int:
    """Writes the ONNX file and its checksum."""
    recipe = args.recipe or args.checkpoints[-1].with_name("recipe.yaml")
    for path in (*args.checkpoints, recipe):
        if not path.is_file():
            raise FileNotFoundError(f"there is no {path}")
    from ..training.export import export  # torch
    from ..training.recipe import read_recipe
    from ..training.train import build_network
    from ..training.weights import load_weights, mean_weights

    network = build_network(read_recipe(recipe))
    network.load_trainable_state(mean_weights([load_weights(path) for path in args.checkpoints]))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    export(network, args.out, {"score_threshold": str(args.threshold), "size": args.size})
    HandSession(args.out, "cpu")
    print(f"wrote {args.out}, {args.out.stat().st_size / 1e6:.1f} MB")
    return 0
