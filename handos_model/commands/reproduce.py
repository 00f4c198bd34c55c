"""Train, evaluate and report every row of the paper, or continue an interrupted run.

Works in the current folder: reads datasets/ and what the recipes name, writes runs/ and results/.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos reproduce`."""
    parser.add_argument(
        "--recipes", type=Path, default=Path("config/train"), metavar="DIR",
        help="folder of recipes; default: config/train of a checkout",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", default=(), metavar="RECIPE", help="rows of these recipes; default: all")
    parser.add_argument(
        "--launch",
        type=str,  # may be empty
        default="",
        metavar="COMMAND",
        help="command that starts training on several processes: 'accelerate launch --multi_gpu --num_processes 8'",
    )
    parser.add_argument("--changes", type=Path, metavar="FILE", help="YAML with changes to every recipe, for a trial")
    parser.add_argument("--list", action="store_true", help="print what remains to be done, and do nothing")
    parser.add_argument("--device", default="auto", help="for evaluations: auto, cpu or cuda (auto)")
    parser.add_argument("--size", type=int, metavar="PX", help="long edge of the input; default: the detector's")
    parser.add_argument("--threshold", type=float, metavar="T", help="minimum detection score; default: the paper's .1")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N images of each evaluation, for a quick look")


def run(args: argparse.Namespace) -> int:
    """Runs what remains to be done, and prints our figures next to those of the paper's tables."""
    from handos_model.evaluation.paper.table import paper_markdown
    from handos_model.training.recipe import read_values
    from handos_model.training.reproduction import RESULTS_FOLDER, Reproduction  # torch

    changes = read_values(args.changes) if args.changes else {}
    try:
        launch = tuple(shlex.split(args.launch))
    except ValueError as error:
        raise ValueError(f"--launch is {args.launch}: {error}") from error
    rest = (args.device, args.size, args.threshold, args.limit)
    work = Reproduction(args.recipes, changes, launch, tuple(args.only), *rest)
    steps = work.steps()
    if not args.list:
        work.check(steps)
    for number, step in enumerate(steps, start=1):
        print(f"{number}/{len(steps)} {step}", flush=True)
        if not args.list:
            work.run(step)
    if not args.list:
        RESULTS_FOLDER.mkdir(exist_ok=True)
        print(paper_markdown(RESULTS_FOLDER), end="")
    return 0
