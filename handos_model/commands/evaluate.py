"""Score a predictor on photos, hand-free photos, renders and videos that it was not trained on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .predict import add_predictor_arguments, open_predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos evaluate`."""
    parser.add_argument(
        "dataset", nargs="*", metavar="DATASET", help="annotated, val, backgrounds, renders, videos or all (all)"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of annotated, train and video")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N images of each, evenly spread")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure here")
    add_predictor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the figures as tables."""
    from ..evaluation import evaluate, report  # the renders need numba

    if not args.data.is_dir():
        raise FileNotFoundError(f"there is no folder {args.data}")
    results = evaluate.run(args.dataset or ["all"], args.data, open_predictor(args), args.limit)
    print(report.markdown(results))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0
