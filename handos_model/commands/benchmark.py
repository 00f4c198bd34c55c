"""Measure how long a prediction takes on this machine, or what the network of a recipe costs."""

from __future__ import annotations

import argparse
import json
import re
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from handos_model.commands.predict import add_predictor_arguments, open_predictor
from handos_model.io.inputs import open_inputs
from handos_model.prediction.predictor import HandPredictor

RUNS, WARMUP = 100, 10
OF_AN_IMAGE = ("runs", "warmup", "weights", "template", "size", "threshold", "threads")
"""Options that --cost does not use."""
OF_A_COST = ("pixels", "hands")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos benchmark`."""
    parser.add_argument(
        "image", metavar="IMAGE", nargs="?", help="image to process, ideally with as many hands as you expect"
    )
    parser.add_argument("--runs", type=int, metavar="N", help=f"number of timed predictions ({RUNS})")
    parser.add_argument("--warmup", type=int, metavar="N", help=f"number of untimed predictions before them ({WARMUP})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    cost = parser.add_argument_group("cost of a network, with random weights")
    cost.add_argument(
        "--cost", type=Path, metavar="RECIPE", help="instead: parameters, FLOPs, times and memory of a recipe's network"
    )
    cost.add_argument("--pixels", metavar="WxH", help="size of the input image (1280x960, or the only one it takes)")
    cost.add_argument("--hands", type=int, metavar="N", help="number of hands to decode (1)")
    add_predictor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the median and 95th percentile of the time from image to hands, or the cost of a recipe's network."""
    if args.image is None and args.cost is None:
        raise ValueError("give an IMAGE to process, or --cost RECIPE")
    if args.image is not None and args.cost is not None:
        raise ValueError(f"--cost {args.cost} measures a network without an image: leave out {args.image}, or --cost")
    unused, what = (OF_A_COST, "an IMAGE") if args.cost is None else (OF_AN_IMAGE, "--cost RECIPE")
    if given := [name for name in unused if getattr(args, name) is not None]:
        raise ValueError(f"--{given[0]} has no effect with {what}: leave it out")
    if args.cost is not None:
        return cost_report(args)
    runs, warmup = RUNS if args.runs is None else args.runs, WARMUP if args.warmup is None else args.warmup
    if runs < 1 or warmup < 0:
        raise ValueError(f"--runs must be 1 or more and --warmup 0 or more, got {runs} and {warmup}")
    frame = next(iter(open_inputs([args.image])[0]))
    if frame.image is None:
        raise ValueError(frame.problem)
    figures = measure(open_predictor(args), frame.image, runs, warmup)
    figures = {**figures, "threads": args.threads or "default"}
    if args.json:
        print(json.dumps(figures))
    else:
        print("{median_ms:.2f} ms median, {p95_ms:.2f} ms p95 over {runs} runs".format(**figures))
        print("{width}x{height} px, {hands} hands, network {size} px, {provider}, {threads} threads".format(**figures))
    return 0


def cost_report(args: argparse.Namespace) -> int:
    """Prints the cost of a recipe's network, measured on CUDA if available, unless --device is cpu."""
    size = re.fullmatch(r"(\d+)x(\d+)", args.pixels or "1280x960")
    if not size:
        raise ValueError(f"--pixels is {args.pixels}, must be WIDTHxHEIGHT, as in 1280x960")
    from handos_model.training import cost  # torch
    from handos_model.training.recipe import read_recipe
    from handos_model.training.trainer import build_network

    device = cost.chosen_device(args.device)
    recipe = read_recipe(args.cost)
    recipe.check_stage(args.cost, "--cost", ("2d", "full", "see"))
    network = build_network(recipe)
    width, height = int(size[1]), int(size[2])
    if args.pixels is None and network.detector.fixed:
        height, width = network.detector.fixed
    found = cost.measure(network, width, height, 1 if args.hands is None else args.hands, device)
    print(json.dumps(asdict(found)) if args.json else cost.report(found))
    return 0


def measure(predictor: HandPredictor, image: np.ndarray, runs: int, warmup: int) -> dict:
    """Wall-clock times of HandPredictor.predict on an image (H, W, 3) uint8 RGB, ms."""
    for _ in range(warmup):
        predictor.predict(image)
    times, hands = [], []
    for _ in range(runs):
        start = time.perf_counter()
        hands = predictor.predict(image)
        times.append(1e3 * (time.perf_counter() - start))
    return {
        "median_ms": round(float(np.median(times)), 3), "p95_ms": round(float(np.percentile(times, 95)), 3),
        "runs": runs, "hands": len(hands), "width": image.shape[1], "height": image.shape[0],
        "size": predictor.size, "provider": predictor.provider,
        "weights": f"{predictor.name} {predictor.version}",
    }  # fmt: skip
