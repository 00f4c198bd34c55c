"""Score a predictor on images that it was not trained on: the project's own, or a published data set."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handos_model.commands.predict import add_overwrite, add_predictor_arguments, open_predictor, predictor_files
from handos_model.output.output_file import check_files, completed
from handos_model.prediction.session import OUTPUTS_2D, HandSession
from handos_model.template.load import load_template
from handos_model.template.mano_layer import mano_files

if TYPE_CHECKING:
    from handos_model.evaluation.dataset import MeshPredictor

OWN_OPTIONS = ("own", "data", "dataset", "limit", "json", "weights")
DATASET_OPTIONS = ("root", "split", "mano", "submission", "checkpoint", "given_boxes", "detector")
ONNX_OPTIONS = ("template", "threads")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `handos evaluate`."""
    own = parser.add_argument_group("the project's own photos, renders and videos")
    own.add_argument("own", nargs="*", metavar="NAME", help="annotated, val, backgrounds, renders, videos or all (all)")
    own.add_argument("--data", type=Path, metavar="DIR", help="folder that contains annotated, train and video")
    published = parser.add_argument_group("a published data set")
    published.add_argument("--dataset", metavar="NAME", help="freihand, ho3d, dexycb, hint, ...")
    published.add_argument("--root", type=Path, metavar="DIR", help="folder of the data set")
    published.add_argument("--split", help="split, by the name that the data set uses (evaluation)")
    published.add_argument("--mano", type=Path, metavar="DIR", help="folder of MANO_RIGHT.pkl and MANO_LEFT.pkl")
    published.add_argument(
        "--submission",
        type=Path,
        metavar="FILE.zip",
        help="also write a submission file for the server of the data set",
    )
    trained = parser.add_argument_group("a checkpoint, evaluated as in the paper, on the raw output of the network")
    trained.add_argument("--checkpoint", type=Path, metavar="FILE", help="checkpoint.pt of a run of either stage")
    trained.add_argument(
        "--given-boxes", action="store_true", default=None, help="predict in the boxes of the labels (Table X)"
    )
    trained.add_argument("--detector", action="store_true", default=None, help="measure the AP of the detector's boxes")
    paper = parser.add_argument_group("the paper")
    paper.add_argument(
        "--paper", type=Path, metavar="DIR", help="print every row of the paper next to the results in this folder"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="use at most N images, evenly spread")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures to this file")
    add_overwrite(parser)
    add_predictor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the figures as tables."""
    if args.paper is not None:
        _check_alone(args)
        from handos_model.evaluation.paper.table import paper_markdown

        print(paper_markdown(args.paper), end="")
        return 0
    _check_options(args)
    if args.dataset is None:
        _evaluate_own(args)
    else:
        _evaluate_dataset(args)
    return 0


def _report(args: argparse.Namespace, results: dict[str, Any], table: str) -> None:
    print(table, flush=True)
    if args.json:
        with completed(args.json) as place:
            place.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _check_alone(args: argparse.Namespace) -> None:
    """Raises ValueError for options that --paper, which evaluates nothing, would ignore."""
    for name in (*OWN_OPTIONS, *DATASET_OPTIONS):
        if getattr(args, name) not in (None, []):
            given = args.own[0] if name == "own" else f"--{name.replace('_', '-')}"
            raise ValueError(f"--paper only prints the results in {args.paper}: leave out {given}")


def _check_options(args: argparse.Namespace) -> None:
    """Raises FileNotFoundError or ValueError for incompatible options and for results that could not be written."""
    outputs = [path for path in (args.json, args.submission) if path is not None]
    for path in outputs:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} to: make it first")
    check_files(outputs, _read(args), args.overwrite)
    given = [name.replace("_", "-") for name in DATASET_OPTIONS if getattr(args, name) is not None]
    if args.dataset is None:
        if given:
            raise ValueError(f"--{given[0]} is for a published data set: name it with --dataset NAME")
        if args.data is None:
            raise ValueError("give --data DIR for the project's own images, or --dataset NAME --root DIR")
        return
    if args.own or args.data is not None:
        came = args.own[0] if args.own else "--data"
        raise ValueError(f"{came} belongs to the project's own images: give either that or --dataset {args.dataset}")
    if args.root is None:
        raise ValueError(f"--dataset {args.dataset} needs --root DIR, the folder of the data set")
    if args.checkpoint is None and (args.given_boxes or args.detector):
        raise ValueError("--given-boxes and --detector need --checkpoint FILE: an ONNX file does not offer this")
    if args.detector and (args.given_boxes or args.submission is not None):
        other = "--given-boxes" if args.given_boxes else "--submission"
        raise ValueError(f"--detector measures the detector's boxes, and predicts no hands: leave out {other}")
    if args.checkpoint is not None and args.weights is not None:
        raise ValueError("give either --checkpoint or --weights")
    if args.checkpoint is not None and (unused := [name for name in ONNX_OPTIONS if getattr(args, name) is not None]):
        raise ValueError(f"--{unused[0]} is for weights in an ONNX file, and has no effect with --checkpoint")
    if args.submission is not None and args.limit is not None:
        raise ValueError("--submission needs every image: leave out --limit")
    if args.submission is not None and args.submission.suffix.lower() != ".zip":
        raise ValueError(f"--submission must end in .zip, got {args.submission}")


def _read(args: argparse.Namespace) -> list[Path]:
    """The files that an evaluation reads; folders stand for all files below them, such as labels in JSON."""
    own = [] if args.data is None else [args.data / name for name in ("annotated", "train", "video")]
    published = [*([args.root] if args.root else []), *mano_files(args.mano)]
    trained = [] if args.checkpoint is None else [args.checkpoint, args.checkpoint.with_name("recipe.yaml")]
    return [*own, *published, *trained, *predictor_files(args)]


def _evaluate_own(args: argparse.Namespace) -> None:
    from handos_model.evaluation import own_sets, report  # the renders need numba

    if not args.data.is_dir():
        raise FileNotFoundError(f"there is no folder {args.data}")
    results = own_sets.run(args.own or ["all"], args.data, open_predictor(args), args.limit)
    _report(args, results, report.markdown(results))


def _evaluate_dataset(args: argparse.Namespace) -> None:
    from handos_model.data.registry import open_dataset
    from handos_model.evaluation.dataset import evaluate_dataset, evaluate_detector
    from handos_model.evaluation.paper.whole_image import BoxPredictor
    from handos_model.evaluation.report import dataset_markdown
    from handos_model.evaluation.submission import SPLIT, Submission

    split = args.split or SPLIT
    predictor = _open_evaluated(args)
    submission = None if args.submission is None else Submission(args.dataset, split, predictor.template.name)
    if submission is not None and getattr(predictor, "flat", False):
        raise ValueError("--submission is of hands in 3D, which a network of stage 2d does not predict: leave it out")
    dataset = open_dataset(args.dataset, args.root, split, args.mano)
    if args.detector:
        assert isinstance(predictor, BoxPredictor)  # _check_options asks for a checkpoint
        figures = evaluate_detector(dataset, predictor, args.limit)
    else:
        figures = evaluate_dataset(dataset, predictor, args.limit, submission, bool(args.given_boxes))
    results = {"dataset": args.dataset, "split": split, **figures}
    _report(args, results, dataset_markdown(results))
    if submission is not None:  # last, as its gigabyte may not fit on the disk
        with completed(args.submission) as place:
            submission.write(place)


def _open_evaluated(args: argparse.Namespace) -> MeshPredictor:
    """The bare network for a checkpoint or for stage 2d; otherwise the predictor that a robot runs."""
    from handos_model.evaluation.paper.whole_image import BoxPredictor, WholeImagePredictor

    if args.checkpoint is not None:
        from handos_model.training.trained import TrainedNetwork  # torch

        network = TrainedNetwork(args.checkpoint, None, args.device, args.threshold)
        return BoxPredictor(network, network.template, args.size and int(args.size), args.threshold)
    if args.weights is not None:
        session = HandSession(args.weights, args.device, args.threads, flat=True)
        if session.outputs == OUTPUTS_2D:
            template = load_template(args.template)
            return WholeImagePredictor(session, template, args.size and int(args.size), args.threshold)
    return open_predictor(args)
