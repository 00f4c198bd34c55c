"""From the folders of the data sets to every row of the paper: stage 1, stage 2, evaluations, submission files.

Everything is below the current folder, as in the recipes: datasets/, runs/NAME for what is trained, results/NAME for
what is measured. Whatever exists is not made again, so a reproduction that was stopped can continue; if it was made
with other settings, as in a trial, that is an error.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from handos_model.data.registry import Dataset, open_dataset
from handos_model.evaluation.dataset import evaluate_dataset, evaluate_detector
from handos_model.evaluation.paper.rows import DETECTOR, FOUND_HANDS, GIVEN_BOXES, Measurement, measurements
from handos_model.evaluation.paper.table import read_results
from handos_model.evaluation.paper.whole_image import BoxPredictor
from handos_model.evaluation.submission import SPLIT, SUBMITTED, Submission
from handos_model.options import between, whole
from handos_model.output.output_file import completed
from handos_model.prediction.letterbox import INPUT_STRIDE
from handos_model.training.batches import mano_folder
from handos_model.training.cost import chosen_device
from handos_model.training.recipe import Recipe, build, merged, read_values
from handos_model.training.trained import TrainedNetwork
from handos_model.training.trainer import CHECKPOINT, train

RUNS_FOLDER, RESULTS_FOLDER = Path("runs"), Path("results")
DONE = "done"  # file in the folder of a run that has finished
TRAINED = "reproduced.yaml"  # file there with the settings of the run
SETTINGS = "settings"  # key of a file of results


@dataclass(frozen=True)
class Step:
    """Something to be made, and where it will lie."""

    name: str
    path: Path
    source: Measurement | None = None  # to be evaluated; None for a training

    def __str__(self) -> str:
        return f"{'train' if self.source is None else 'evaluate'} {self.name} -> {self.path}"


@dataclass
class Reproduction:
    """The steps to reproduce the paper, by recipes in `folder`.

    changes: settings that go into every recipe, such as a smaller decoder for a trial. launch: the words that start a
    training on several processes, such as accelerate launch --multi_gpu --num_processes 8; without them it runs in this
    process. only: names of the recipes whose rows are wanted, all by default. limit: images of each evaluation.
    """

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)
    launch: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    device: str = "auto"
    size: int | None = None
    threshold: float | None = None
    limit: int | None = None
    opened: tuple[str, BoxPredictor] | None = field(default=None, init=False, repr=False)
    read: dict[str, dict[str, Any]] = field(default_factory=dict, init=False, repr=False)

    def recipe(self, name: str) -> Recipe:
        """The recipe of that name, with the changes; FileNotFoundError if there is none."""
        return build(Recipe, self.values(name), f"recipe {name}")

    def values(self, name: str) -> dict[str, Any]:
        """The settings of a recipe, with the changes; its files are read once."""
        if name not in self.read:
            self.read[name] = merged(read_values(self.folder / f"{name}.yaml"), self.changes)
        return self.read[name]

    @cached_property
    def wanted(self) -> list[Measurement]:
        """The measurements to make. ValueError for a name that belongs to no row."""
        every = measurements()
        if unknown := set(self.only) - {source.recipe for source in every}:
            names = ", ".join(dict.fromkeys(source.recipe for source in every))
            raise ValueError(f"no row of the paper needs {', '.join(sorted(unknown))}: known are {names}")
        return [source for source in every if not self.only or source.recipe in self.only]

    def steps(self) -> list[Step]:
        """All that is still to be made, in an order in which it can be. ValueError if a part of it has been made with
        other settings."""
        trainings: dict[str, Step] = {}
        for source in self.wanted:
            for name in self.chain(source.recipe):
                trainings[name] = Step(name, RUNS_FOLDER / name / CHECKPOINT)
        evaluations = [
            Step(f"{source.recipe} on {source.dataset} {source.split}", RESULTS_FOLDER / source.file, source)
            for source in self.wanted
        ]
        for step in trainings.values():
            path = step.path.with_name(TRAINED)
            if path.is_file():
                _check_same(path, read_values(path), self.values(step.name))
        for step in evaluations:
            if results := read_results(step.path):  # those of `handos evaluate --json` do not tell their settings
                _check_same(step.path, results.get(SETTINGS, self.settings), self.settings)
        trained = [step for step in trainings.values() if not (step.path.parent / DONE).is_file()]
        return trained + [step for step in evaluations if not step.path.is_file()]

    def check(self, steps: list[Step]) -> None:
        """Raises ValueError or FileNotFoundError for all that would stop one of the steps after days of others."""
        if self.limit is not None:
            whole(1)("--limit", self.limit)
        if self.size is not None:
            whole(INPUT_STRIDE, unit="px")("--size", self.size)
        if self.threshold is not None:
            between(0, 1)("--threshold", self.threshold)
        chosen_device(self.device)
        if self.launch and shutil.which(self.launch[0]) is None:
            raise FileNotFoundError(f"--launch: there is no command {self.launch[0]}")
        recipes = [self.recipe(step.name if step.source is None else step.source.recipe) for step in steps]
        for recipe in recipes:
            recipe.check_run()
        if missing := dict.fromkeys(path for recipe in recipes for path in _needed(recipe) if not Path(path).exists()):
            raise FileNotFoundError(
                f"the recipes need what is not there: {', '.join(missing)}; docs/datasets.md describes the data sets, "
                "docs/detectors.md the folder of a detector, and --only leaves recipes out"
            )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that results depend on, apart from the recipe itself."""
        return {"changes": self.changes, "size": self.size, "threshold": self.threshold, "limit": self.limit}

    def chain(self, name: str) -> Iterator[str]:
        """The names of the recipes from which a recipe starts, followed by its own."""
        start = Path(self.recipe(name).start_from)
        if start.parts[:1] == RUNS_FOLDER.parts:
            yield from self.chain(start.parent.name)
        yield name

    def run(self, step: Step) -> None:
        """Does a step."""
        if step.source is None:
            self.train(step.name)
        else:
            self.evaluate(step.source)

    def train(self, name: str) -> None:
        """Trains a recipe, or continues it. ValueError if training in another process ends with an error."""
        folder = RUNS_FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / TRAINED
        with completed(path) as place:
            place.write_text(yaml.safe_dump(self.values(name), sort_keys=False))
        if self.launch:
            command = [*self.launch, "-m", "handos_model.cli", "train", str(path), "--out", str(folder)]
            if code := subprocess.run(command).returncode:
                raise ValueError(f"training {name} ended with {code}: {' '.join(command)}")
        else:
            train(path, folder)
        (folder / DONE).touch()

    def evaluate(self, source: Measurement) -> None:
        """Write the results of a measurement, and the file for its data set's server."""
        dataset = self.dataset(source)
        predictor = self.predictor(source.recipe)
        submission = None
        if source.what == FOUND_HANDS and source.dataset in SUBMITTED and source.split == SPLIT and self.limit is None:
            submission = Submission(source.dataset, source.split, predictor.template.name)
        if source.what == DETECTOR:
            results = evaluate_detector(dataset, predictor, self.limit)
        else:
            results = evaluate_dataset(dataset, predictor, self.limit, submission, source.what == GIVEN_BOXES)
        path = RESULTS_FOLDER / source.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if submission is not None:
            with completed(path.with_name(f"{source.dataset}_pred.zip")) as place:
                submission.write(place)
        content = {"dataset": source.dataset, "split": source.split, SETTINGS: self.settings, **results}
        with completed(path) as place:
            place.write_text(json.dumps(content, indent=1) + "\n")

    def predictor(self, name: str) -> BoxPredictor:
        """The predictor of what a recipe trained; kept until another one is requested."""
        if self.opened is None or self.opened[0] != name:
            network = TrainedNetwork(RUNS_FOLDER / name / CHECKPOINT, None, self.device, self.threshold)
            self.opened = name, BoxPredictor(network, network.template, self.size, self.threshold)
        return self.opened[1]

    def dataset(self, source: Measurement) -> Dataset:
        """The data set, at the location in the measured recipe. ValueError if that does not train on it."""
        for share in self.recipe(source.recipe).mixture.datasets:
            if share.name == source.dataset:
                return open_dataset(source.dataset, Path(share.root), source.split, mano_folder(share.mano))
        raise ValueError(f"recipe {source.recipe} does not train on {source.dataset}, so it gives no folder for it")


def _needed(recipe: Recipe) -> list[str]:
    """The paths that a recipe reads and no other recipe writes; a detector with a commit is not on this disk."""
    source = recipe.detector.source
    shares = recipe.mixture.datasets
    paths = [recipe.template, *(path for share in shares for path in (share.root, share.mano))]
    return [path for path in (*paths, "" if "@" in source else source) if path]


def _check_same(path: Path, made: dict[str, Any], wanted: dict[str, Any]) -> None:
    """ValueError if what lies at a path was made with other settings than those wanted."""
    if other := sorted(name for name in made.keys() | wanted if made.get(name) != wanted.get(name)):
        names = ", ".join(other)
        raise ValueError(
            f"{path} was made with other settings ({names}): give the same ones, or move {path.parent} away"
        )
