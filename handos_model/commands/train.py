"""Train the network according to a recipe, or continue a run."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos train`."""
    parser.add_argument(
        "recipe", type=Path, metavar="RECIPE", help="YAML file, such as config/train/small.yaml of a checkout"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run; an existing run is resumed")
    parser.add_argument("--memory", action="store_true", help="estimate the memory of a training step and stop")


def run(args: argparse.Namespace) -> int:
    """Trains until the recipe's time is over."""
    if args.out is None and not args.memory:
        raise ValueError("give --out DIR, the folder of the run")
    from handos_model.network.handos import STAGES  # torch
    from handos_model.output.output_file import check_folder
    from handos_model.training.memory import of_recipe, wanted_before_a_run
    from handos_model.training.recipe import read_recipe
    from handos_model.training.trainer import train

    recipe = read_recipe(args.recipe)
    recipe.check_run()
    if args.memory:
        recipe.check_stage(args.recipe, "--memory")
    else:
        check_folder(args.out)
    if args.memory or (recipe.stage in STAGES and wanted_before_a_run()):
        print(of_recipe(recipe), flush=True)
    if not args.memory:
        train(args.recipe, args.out)
    return 0
