"""List the published data sets that can be read, check one, or fetch the photos of the published figures."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from handos_model.commands.predict import add_overwrite
from handos_model.output.output_file import check_files

if TYPE_CHECKING:
    from handos_model.data.registry import Dataset
    from handos_model.template.mano_layer import ManoLayer

CELL = 256  # px


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos datasets`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|check|fetch")
    actions.add_parser(
        "list", help="list data sets and their splits", description="Prints the name and the splits of every data set."
    )
    check = actions.add_parser(
        "check", help="draw samples and check their labels for contradictions",
        description="Prints one line per fault; the exit code is 1 if there is any. How to get the data: "
                    "docs/datasets.md.",
    )  # fmt: skip
    check.add_argument("name", metavar="NAME", help="data set, see `handos datasets list`")
    check.add_argument("root", type=Path, metavar="ROOT", help="folder of the data set")
    check.add_argument("--split", metavar="SPLIT", help="split to check; default: the first")
    check.add_argument("--mano", type=Path, metavar="DIR", help="folder of MANO_RIGHT.pkl and MANO_LEFT.pkl")
    check.add_argument(
        "--count", type=int, default=24, metavar="N", help="number of images, evenly spread over the split (24)"
    )
    add_overwrite(check)
    check.add_argument("--out", type=Path, metavar="FILE.png", help="also draw these images with their labels")
    fetch = actions.add_parser(
        "fetch", help="download the public photos and videos of docs/accuracy.md",
        description="Brings about 240 files from GitHub, each checked, with a table of their licences: SOURCES.md. "
        "Then: handos evaluate annotated backgrounds renders videos --data DIR.",
    )  # fmt: skip
    fetch.add_argument("name", choices=("evaluation",), metavar="evaluation", help="the set to download: evaluation")
    fetch.add_argument("root", type=Path, metavar="DIR", help="folder to put them in; existing files stay")
    fetch.add_argument(
        "--mirror",
        type=Path,
        metavar="DIR",
        help="read from clones of the repositories, DIR/OWNER/NAME, instead of GitHub",
    )


def run(args: argparse.Namespace) -> int:
    """Returns exit code 1 if a sample has a fault."""
    if args.action == "fetch":
        return _fetch(args.root, args.mirror)
    from handos_model.data.registry import DATASETS

    if args.action == "check":
        return _check(args)
    for name, dataset in DATASETS.items():
        print(f"{name:15s} {' '.join(dataset.splits)}")
    return 0


def _fetch(root: Path, mirror: Path | None) -> int:
    from handos_model.data.evaluation_set.fetch import SOURCES, fetch
    from handos_model.data.evaluation_set.repository_files import read_from_clone, read_from_github

    brought = fetch(root, partial(read_from_clone, mirror) if mirror else read_from_github)
    print(f"fetched {brought} files into {root}; their sources and licences are in {root / SOURCES}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from handos_model.data.registry import DATASETS, open_dataset
    from handos_model.template.mano_layer import ManoLayer, mano_files

    if args.count < 1 or (args.out and args.out.suffix.lower() != ".png"):
        raise ValueError(
            f"check needs a --count of at least 1 and an --out that ends in .png, got {args.count} and {args.out}"
        )
    if args.out:
        check_files([args.out], [args.root, *mano_files(args.mano)], args.overwrite)
    split = args.split or (DATASETS[args.name].splits[0] if args.name in DATASETS else "")
    dataset = open_dataset(args.name, args.root, split, args.mano)
    mano = ManoLayer.load(args.mano, "right") if args.mano else None
    if not len(dataset):
        raise ValueError(f"split {split} of {args.name} in {args.root} lists no images")
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(args.count, len(dataset))).round().astype(int))
    found, cells = _faults(dataset, chosen.tolist(), mano, draw=args.out is not None)
    for line in found:
        print(line)
    if args.out:
        from handos_model.data.sheet import write_sheet

        write_sheet(args.out, cells)
    print(f"{args.name} {split}: checked {len(chosen)} of {len(dataset)} images, {len(found)} faults")
    return 1 if found else 0


def _faults(
    dataset: Dataset, chosen: list[int], mano: ManoLayer | None, draw: bool
) -> tuple[list[str], list[np.ndarray]]:
    """One line per fault, and the cells of the contact sheet."""
    from handos_model.data.consistency import faults
    from handos_model.data.sheet import blank_cell, cells_of

    found, cells = [], []
    for index in tqdm(chosen, unit="image", disable=None, leave=False):
        name = dataset.name(index)
        try:
            sample = dataset[index]
        except (ValueError, OSError) as error:
            found.append(f"{name}: {error}")
            if draw:
                cells.append(blank_cell(name, CELL))
            continue
        wrong = faults(sample, mano)
        found += [f"{name}: {fault}" for fault in wrong]
        if draw:
            cells += cells_of(sample, name, CELL, mano.faces if mano else None, bool(wrong))
    return found, cells
