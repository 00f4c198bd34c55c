"""Render synthetic hands: a pool of labelled frames to train on, or a contact sheet to look at."""

from __future__ import annotations

import argparse
from pathlib import Path

from handos_model.commands.predict import add_overwrite
from handos_model.output.output_file import check_files, suffix_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos render`."""
    parser.add_argument(
        "out", type=Path, metavar="DIR|FILE.png", help="folder for a pool, or image file for a contact sheet"
    )
    parser.add_argument(
        "--count", type=int, default=24, metavar="N", help="number of images; a sheet has rows of 6 (24)"
    )
    parser.add_argument("--size", type=int, default=256, metavar="PX", help="width and height of an image (256)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed: the same seed gives the same images (0)"
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="number of processes that render a pool (1)"
    )
    add_overwrite(parser)
    parser.add_argument("--backgrounds", type=Path, metavar="DIR", help="photos without hands; default: procedural")


def run(args: argparse.Namespace) -> int:
    """Writes the frames; photos held out for evaluation are never used as backgrounds."""
    _check(args)
    if suffix_of(args.out) == ".png":
        check_files([args.out], [args.backgrounds] if args.backgrounds else [], args.overwrite)
    from handos_model.data.photos import held_out_backgrounds  # numba, below
    from handos_model.synthetic.contact_sheet import contact_sheet
    from handos_model.synthetic.pool_writer import write_pool
    from handos_model.synthetic.render_options import RenderOptions

    excluded = frozenset(held_out_backgrounds())
    options = RenderOptions(args.size, args.size, backgrounds=args.backgrounds, excluded=excluded)
    if suffix_of(args.out) == ".png":
        contact_sheet(args.out, min(args.count, 6), -(-args.count // 6), args.seed, options)
    elif not write_pool(args.out, args.count, args.size, args.seed, options, args.workers, args.overwrite):
        print(f"{args.out} is complete: nothing was rendered; --overwrite renders it again")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises ValueError or FileNotFoundError for wrong arguments, before anything is written."""
    if suffix_of(args.out) not in ("", ".png") or (args.out.is_file() and suffix_of(args.out) == ""):
        raise ValueError(f"render writes a folder or a .png, got {args.out}")
    for name, least in (("count", 1), ("seed", 0), ("workers", 1)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name} is {getattr(args, name)}, must be {least} or more")
    if args.backgrounds is not None and not args.backgrounds.is_dir():
        raise FileNotFoundError(f"there is no folder {args.backgrounds}")
    if args.backgrounds is not None and (args.backgrounds / "labels.json.gz").is_file():
        raise ValueError(f"{args.backgrounds} also contains photos of hands: give its folder of photos without hands")
