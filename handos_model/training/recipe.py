"""A training recipe: one YAML file, every key known, every value checked."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from handos_model.data.augment import Augmentation
from handos_model.io.files import RECIPE, one_line, shown
from handos_model.io.yaml_file import read_yaml
from handos_model.network.decoder import DecoderSize
from handos_model.network.handos import STAGES
from handos_model.options import Check, between, one_of, whole
from handos_model.prediction.letterbox import INPUT_STRIDE
from handos_model.training.objective.criterion import LossWeights
from handos_model.training.views.shares import Shares, Views

LENGTHS = ("minutes", "max_steps", "epochs")
MIN_CLIP = 1e-6
MOST_PROCESSES = 1024  # and threads: PyTorch crashes where it cannot start as many


@dataclass(frozen=True)
class DetectorChoice:
    """The frozen detector: see docs/detectors.md."""

    kind: str = "landmarks"
    source: str = ""  # hub id, best with @ and its commit, or folder; "" for the embedded landmark network
    target: str = "hand"
    memory_layer: int = 0  # the encoder layer whose output is the memory; 0 for the last one


@dataclass(frozen=True)
class DatasetShare:
    """One split of a data set of handos_model/data/registry.py, and how often images are drawn from it."""

    name: str
    root: str
    split: str
    mano: str = ""  # folder of MANO_RIGHT.pkl and MANO_LEFT.pkl, for data sets that store MANO parameters
    weight: float = 1.0


@dataclass(frozen=True)
class Mixture:
    """Where training images come from. Shares and weights are relative to their sum; a share of 0 is not opened."""

    photos: str = ""  # folder with labels.json.gz
    pool: str = ""  # folder of pre-rendered frames
    datasets: tuple[DatasetShare, ...] = ()
    by_images: bool = False  # shares and weights count for each image of a source, as if all were one data set
    share_photos: float = 0.0
    share_renders: float = 0.0
    share_backgrounds: float = 0.0
    source_weights: dict[str, float] = field(default_factory=dict)  # photos of a source count this much (default 1)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run. One optimiser step sees batch_size * accumulate * processes images."""

    name: str = "small"
    stage: str = "full"
    seed: int = 0
    batch_size: int = 32  # images of one process in one pass
    accumulate: int = 1  # passes of every process per optimiser step
    slots: int = 1  # instances decoded per image
    learning_rate: float = 1e-3
    weight_decay: float = 0.01  # 0: Adam, as in the paper
    warmup_steps: int = 200
    decay_from: float = 0.6  # share of the run after which the learning rate falls on a cosine
    minutes: float = 0.0  # the run's length: one of these three. Only runs by steps or epochs repeat bit by bit.
    max_steps: int = 0
    epochs: float = 0.0  # of as many images as the mixture's sources hold
    ema: float = 0.999  # 0: the averaged weights are the last ones
    clip: float = 30.0
    bf16: bool = True
    workers: int = 2
    threads: int = 2
    checkpoint_minutes: float = 3.0
    start_from: str = ""  # weights to start from (a checkpoint of another run or stage), "" for none
    template: str = ""  # MANO_RIGHT.pkl or a template .npz, "" for the embedded hand
    detector: DetectorChoice = field(default_factory=DetectorChoice)
    side_tuning: str = "backbone"  # backbone, scratch (a Swin-T), off (Table 6), last_stage (of the landmark network)
    side_widths: tuple[int, ...] = (48, 64, 64)  # one per scale of the detector's backbone
    decoder: DecoderSize = field(default_factory=DecoderSize)
    weights: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    mixture: Mixture = field(default_factory=Mixture)
    views: Views = field(default_factory=Views)

    def check_run(self) -> None:
        """Raises ValueError unless this defines a run: it needs one length, and meaningful numbers."""
        for name, check in LIMITS.items():
            check(name, attrgetter(name)(self))
        if not any(vars(self.views.shares).values()):
            raise ValueError("views.shares are all 0: one of them must be above 0")
        lengths = {name: getattr(self, name) for name in LENGTHS}
        if len([value for value in lengths.values() if value]) != 1 or min(lengths.values()) < 0:
            came = ", ".join(f"{name} {value:g}" for name, value in lengths.items())
            raise ValueError(f"a run needs one length, but the recipe has {came}: set exactly one of them above 0")
        for width in self.side_widths:
            whole(1)("one of side_widths", width)
        self._check_heads()
        if self.stage in ("full", "see") and self.decoder.layers_3d < 1:
            raise ValueError(f"stage {self.stage} needs an interactive layer: decoder: layers_3d is 0")

    def _check_heads(self) -> None:
        """Raises ValueError unless the heads of each attention share its numbers out evenly."""
        size = self.decoder
        pairs = [("self_heads", "d_model"), *([("heads", "d_value")] if size.deformable else [])]
        for heads, width in pairs:
            if getattr(size, width) % getattr(size, heads):
                came = f"decoder.{heads} is {getattr(size, heads)}"
                raise ValueError(f"{came}, must divide decoder.{width}, which is {getattr(size, width)}")

    def check_stage(self, path: Path, what: str, stages: tuple[str, ...] = STAGES) -> None:
        """Raises ValueError unless `what` works for the stage of this recipe, which is in the file `path`."""
        if self.stage not in stages:
            known = f"{', '.join(stages[:-1])} and {stages[-1]}"
            raise ValueError(f"{shown(path)} is of stage {self.stage}: {what} works for the stages {known}")


LIMITS: dict[str, Check[Any]] = {
    "stage": one_of((*STAGES, "see", "find")),
    "seed": whole(0),
    **dict.fromkeys(("batch_size", "accumulate", "slots", "warmup_steps", "views.cached", "views.piece"), whole(1)),
    "threads": whole(1, MOST_PROCESSES),
    "workers": whole(0, MOST_PROCESSES),
    **dict.fromkeys(("learning_rate", "weight_decay", "checkpoint_minutes"), between(0, math.inf)),
    "clip": between(MIN_CLIP, math.inf),
    **dict.fromkeys(("decay_from", "ema", "augmentation.flip", "views.dropout"), between(0, 1)),
    "augmentation.canvas": whole(INPUT_STRIDE, unit="px"),
    **{f"decoder.{f.name}": whole(1) for f in fields(DecoderSize) if type(f.default) is int},
    **dict.fromkeys(("decoder.layers_2d", "decoder.layers_3d"), whole(0)),
    **{f"weights.{f.name}": between(0, math.inf) for f in fields(LossWeights)},
    **{f"views.shares.{f.name}": between(0, math.inf) for f in fields(Shares)},
}
"""Limits of the values of a recipe, by their names."""


def build(kind: type, values: Any, where: str) -> Any:
    """A dataclass from a mapping; ValueError for a key it does not have, one it needs, or a value of the wrong type."""
    if not isinstance(values, dict):
        raise ValueError(f"{where} is {one_line(repr(values))}, expected a mapping")
    known, types = {f.name: f for f in fields(kind)}, get_type_hints(kind)
    for key in values:
        if key not in known:
            raise ValueError(f"{where}: unknown key {one_line(repr(key))}; known are {', '.join(known)}")
    for name, f in known.items():
        if name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ValueError(f"{where}: there is no {name}")
    return kind(**{key: convert(types[key], value, f"{where}: {key}") for key, value in values.items()})


def convert(kind: Any, value: Any, where: str) -> Any:
    """A value from YAML converted to `kind`, the type of a recipe's field."""
    if isinstance(kind, type) and is_dataclass(kind):
        return build(kind, value, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} is {one_line(repr(value))}, expected a list")
        return tuple(convert(get_args(kind)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where} is {one_line(repr(value))}, expected a mapping")
        return {key: convert(get_args(kind)[1], item, f"{where}: {key}") for key, item in value.items()}
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise ValueError(f"{where} is {one_line(repr(value))}, expected {kind.__name__}")
    return value


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file. Raises FileNotFoundError, or a ValueError that names the key.

    `extends: other.yaml` takes over the values of another recipe next to it; mappings are merged key by key.
    """
    return build(Recipe, read_values(path), str(path))


def read_values(path: Path) -> dict[str, Any]:
    """The values of a recipe's file and of those that it extends."""
    values: dict[str, Any] = {}
    for own in reversed(read_files(path).values()):
        values = merged(values, own)
    return values


def read_files(path: Path) -> dict[Path, dict[str, Any]]:
    """A recipe's file, and those that it extends, one after another, each with the values that it sets itself."""
    files: dict[Path, dict[str, Any]] = {}
    while True:
        if path in files:
            raise ValueError(f"{shown(path)} extends itself")
        values = read_yaml(path, RECIPE) or {}
        if not isinstance(values, dict):
            raise ValueError(f"{shown(path)} holds {type(values).__name__}, expected a mapping of settings")
        base = values.pop("extends", None)
        files[path] = values
        if base is None:
            return files
        if not isinstance(base, str) or not base or Path(base).name != base:
            raise ValueError(
                f"{shown(path)}: extends is {one_line(repr(base))}, expected the name of a recipe in the same folder"
            )
        path = path.with_name(base)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes`; where both hold a mapping, key by key."""
    result = base | changes
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            result[key] = merged(base[key], value)
    return result
