"""Turn a trained checkpoint into the ONNX file that predicts."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos export`."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="checkpoint of a run")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the ONNX file to write")


def run(args: argparse.Namespace) -> int:
    """Writes the ONNX file and its checksum, after comparing it with the network that it came from."""
    from ..training.export import export  # torch

    export(args.checkpoint, args.out)
    return 0
