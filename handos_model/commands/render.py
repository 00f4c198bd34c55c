"""Render synthetic hands: a pool of labelled frames for training, or a contact sheet to look at."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos render`."""
    parser.add_argument("out", type=Path, metavar="DIR|FILE.png", help="folder of a pool, or a contact sheet")
    parser.add_argument("--count", type=int, default=48, metavar="N", help="frames (48)")
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="their edge (256)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same frames (0)")
    parser.add_argument("--backgrounds", type=Path, metavar="DIR", help="photos without hands")


def run(args: argparse.Namespace) -> int:
    """Writes the frames."""
    from ..data.synthetic.render import main  # numba

    return main(args)
