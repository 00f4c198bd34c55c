"""HandOS and MediaPipe Hands on the same photos in one run: PCK, recall, side, false hands.

    make mediapipe
    python benchmarks/accuracy.py --data ../shared/data

The 3D error on val is ours alone: its labels are MediaPipe's own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mediapipe_hands import VERSION, MediaPipeHands
from script import new_file, options, run_script

from handos_model import HandPredictor
from handos_model.evaluation.own_sets import run

DATASETS = ("annotated", "val", "backgrounds")
FIGURES = ("hands", "pck@0.05", "pck@0.1", "pck@0.2", "recall", "side", "false_hands")
OURS_ALONE = {"val": ("pa_mpjpe",)}


def main() -> None:
    """Scores both and prints the comparison as Markdown."""
    arguments = _arguments()
    with MediaPipeHands() as mediapipe:
        theirs = run(arguments.dataset, arguments.data, mediapipe)
    ours = run(arguments.dataset, arguments.data, HandPredictor(arguments.weights))
    print(comparison(ours, theirs))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"handos": ours, f"mediapipe {VERSION}": theirs}, indent=1) + "\n")


def comparison(ours: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Mapping[str, Any]]) -> str:
    """A table with one row per figure of each data set and each of its groups."""
    lines = [f"| photos | figure | HandOS | MediaPipe {VERSION} | ratio |", "|---|---|---|---|---|"]
    for name in ours:
        for group in ("", *ours[name]["groups"]):
            own = ours[name]["groups"][group] if group else ours[name]
            peer = theirs[name]["groups"][group] if group else theirs[name]
            for figure in FIGURES:
                if figure in own or figure in peer:
                    lines.append(_row(f"{name} {group}".strip(), figure, own.get(figure), peer.get(figure)))
            for figure in OURS_ALONE.get(name, ()):
                if figure in own:
                    lines.append(_row(f"{name} {group}".strip(), figure, own[figure], None))
    return "\n".join(lines)


def _row(photos: str, figure: str, own: float | None, peer: float | None) -> str:
    ratio = f"{own / peer:.2f}" if own is not None and peer and figure != "hands" else ""
    return f"| {photos} | {figure} | {_number(own)} | {_number(peer)} | {ratio} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with train and annotated")
    parser.add_argument("--dataset", nargs="+", choices=DATASETS, default=list(DATASETS), help="default: all three")
    parser.add_argument("--weights", type=Path, help="ONNX file; default: the embedded one")
    parser.add_argument("--json", type=new_file, help="also write every figure here")
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
