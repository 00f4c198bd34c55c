"""Turn a trained checkpoint into the ONNX file that predicts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from handos_model.commands.predict import add_overwrite
from handos_model.io.files import checksum_file
from handos_model.options import between, whole
from handos_model.output.output_file import check_files, completed_together, suffix_of
from handos_model.prediction.letterbox import INPUT_STRIDE
from handos_model.prediction.session import HandSession
from handos_model.prediction.view_network import FIND, SEE, SEE_IN_8_BITS

if TYPE_CHECKING:
    from handos_model.network.handos import HandOS
    from handos_model.training.recipe import Recipe

FIND_THRESHOLD = 0.2
"""Minimum score of a place for it to be looked at; what `see` finds there decides."""
SCORE_THRESHOLD = 0.5
"""Minimum presence of a hand in prediction."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos export`."""
    parser.add_argument(
        "checkpoints", type=Path, nargs="+", metavar="CHECKPOINT",
        help="checkpoint.pt of a run, or an .npz; several checkpoints of one training are averaged",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE",
        help="ONNX file to write; with --finder, FILE.find.onnx and FILE.see.onnx",
    )  # fmt: skip
    add_overwrite(parser)
    parser.add_argument(
        "--finder", type=Path, metavar="CHECKPOINT", help="checkpoint of the finder, for a CHECKPOINT of stage see"
    )
    parser.add_argument(
        "--int8", action="store_true", help="also write FILE.see.int8.onnx, for CPUs; it needs the recipe's images"
    )
    parser.add_argument(
        "--recipe", type=Path, metavar="FILE", help="its recipe; default: recipe.yaml next to the last CHECKPOINT"
    )
    parser.add_argument("--threshold", type=float, metavar="T", help="minimum detection score; default: the detector's")
    parser.add_argument(
        "--size", type=int, metavar="PX", help="long edge of the input in pixels; default: the detector's"
    )


def run(args: argparse.Namespace) -> int:
    """Writes the ONNX file and its checksum."""
    _check(args)
    recipe_path = args.recipe or args.checkpoints[-1].with_name("recipe.yaml")
    weights = [*args.checkpoints, *([args.finder] if args.finder else [])]
    for path in (*weights, recipe_path):
        if not path.is_file():
            hint = ": give the recipe of the training with --recipe" if path == recipe_path else ""
            raise FileNotFoundError(f"there is no {path}{hint}")
    from handos_model.training.onnx_graph import export  # torch
    from handos_model.training.recipe import read_files, read_recipe
    from handos_model.training.trainer import build_network
    from handos_model.training.weights import load_into, load_weights, mean_weights

    recipe = read_recipe(recipe_path)
    recipe.check_stage(recipe_path, "export", ("2d", "full", "see"))
    if recipe.stage == "see" and args.finder is None:
        raise ValueError(f"{recipe_path} is of stage see, which needs --finder CHECKPOINT")
    if recipe.stage != "see" and args.finder is not None:
        raise ValueError(f"{recipe_path} is of stage {recipe.stage}: leave out --finder, which is for stage see")
    named = [Path(path) for path in (recipe.template, recipe.start_from) if path]
    written = _written(args)
    stale = [] if args.int8 or not args.finder else _graph(args.out, SEE_IN_8_BITS)  # of an older pair
    check_files([*written, *stale], [*weights, *read_files(recipe_path), *named], args.overwrite)
    if args.finder is None and suffix_of(args.out) != ".onnx":
        raise ValueError(f"--out must end in .onnx, got {args.out}: an .npz of the same name is written beside it")
    network = build_network(recipe)
    load_into(network, mean_weights([load_weights(path) for path in args.checkpoints]), args.checkpoints[-1])
    with completed_together(written) as place:
        out = place / args.out.name
        if args.finder:
            write_pair(network, recipe, args, out)
        else:
            given = {"score_threshold": args.threshold, "size": args.size}
            chosen = {name: str(value) for name, value in given.items() if value is not None}
            export(network, out, {"name": f"handos_{recipe.name}"} | chosen, recipe.stage)
            HandSession(out, "cpu", flat=True)
    for path in stale:
        path.unlink(missing_ok=True)
    for path in written:
        if path.suffix not in (".sha256", ".npz"):
            print(f"wrote {path}, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises ValueError for values that nothing could be predicted with, and for options that have no effect."""
    if args.threshold is not None:
        between(0, 1)("--threshold", args.threshold)
    if args.size is not None:
        whole(INPUT_STRIDE, unit="px")("--size", args.size)
    if args.finder is None and args.int8:
        raise ValueError("--int8 is for a checkpoint of stage see: give --finder CHECKPOINT as well")
    if args.finder is not None and args.size is not None:
        raise ValueError(f"--size {args.size} is for stages 2d and full: leave it out, or --finder {args.finder}")


def _written(args: argparse.Namespace) -> list[Path]:
    """All files that are written for --out."""
    out: Path = args.out
    if not args.finder:
        return [out, checksum_file(out), out.with_suffix(".npz")]
    parts = (FIND, SEE, SEE_IN_8_BITS) if args.int8 else (FIND, SEE)
    return [path for part in parts for path in _graph(out, part)]


def _graph(out: Path, part: str) -> list[Path]:
    """A file of a pair and its checksum."""
    path = out.with_name(f"{out.name}{part}.onnx")
    return [path, checksum_file(path)]


def write_pair(network: HandOS, recipe: Recipe, args: argparse.Namespace, stem: Path) -> None:
    """Writes the find and see graphs of the embedded checkpoint to <stem>.<...>, and see in 8 bits if asked for."""
    from handos_model.training.stages.pair_graphs import export_pair, quantise
    from handos_model.training.stages.tasks import calibration_views, read_finder

    finder = read_finder(args.finder)
    threshold = SCORE_THRESHOLD if args.threshold is None else args.threshold
    thresholds = {"find_threshold": FIND_THRESHOLD, "score_threshold": threshold}
    metadata = {"name": "handos_small"} | {name: f"{value:g}" for name, value in thresholds.items()}
    paths = export_pair(network, finder, stem, metadata)
    if args.int8:
        quantise(paths[1], calibration_views(recipe, network), paths[1].with_suffix(".int8.onnx"))
