"""Train the network by a recipe, or continue a run."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos train`."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="YAML file, such as train/small.yaml")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the run; a run in it is resumed"
    )


def run(args: argparse.Namespace) -> int:
    """Trains until the recipe's time is over."""
    from handos_model.training.trainer import train  # torch

    train(args.recipe, args.out)
    return 0
