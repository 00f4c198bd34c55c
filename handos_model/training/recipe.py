"""A training recipe: one YAML file, every key known, every value checked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from handos_model.data.augment import Augmentation
from handos_model.network.decoder import DecoderSize
from handos_model.training.criterion import LossWeights


@dataclass(frozen=True)
class Mixture:
    """Where training images come from. Shares are relative; a source without a folder must have share 0."""

    photos: str = ""  # folder with labels.json.gz
    pool: str = ""  # folder of pre-rendered frames
    share_photos: float = 0.45
    share_renders: float = 0.45
    share_backgrounds: float = 0.1
    transplants: float = 0.0  # share of the photos whose hands are cut out and put before a background
    backdrops: float = 0.0  # share of the images around which a background shows
    source_weights: dict[str, float] = field(default_factory=dict)  # photos of a source count this much (default 1)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run."""

    name: str = "small"
    stage: str = "full"
    seed: int = 0
    batch_size: int = 32
    slots: int = 1  # instances decoded per image
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 200
    decay_from: float = 0.6  # share of the run after which the learning rate falls on a cosine
    minutes: float = 60.0
    max_steps: int = 1_000_000
    ema: float = 0.999
    clip: float = 30.0
    bf16: bool = True
    workers: int = 2
    threads: int = 2
    checkpoint_minutes: float = 3.0
    start_from: str = ""  # weights to start from (a checkpoint of another run), "" for none
    side_tuning: str = "backbone"  # what it starts from: backbone, scratch (a Swin-T) or off (Table 6)
    side_widths: tuple[int, ...] = (48, 64, 64)  # one per scale of the detector's backbone
    decoder: DecoderSize = field(default_factory=DecoderSize)
    weights: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    mixture: Mixture = field(default_factory=Mixture)


def build(kind: type, values: dict[str, Any], where: str) -> Any:
    """A dataclass from a mapping; ValueError for a key it does not have or a value of the wrong type."""
    known = {f.name: f for f in fields(kind)}
    for key in values:
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}; known are {', '.join(known)}")
    default = kind()
    out: dict[str, Any] = {}
    for key, value in values.items():
        wanted = getattr(default, key)
        if hasattr(wanted, "__dataclass_fields__"):
            if not isinstance(value, dict):
                raise ValueError(f"{where}: {key} is {value!r}, expected a mapping")
            out[key] = build(type(wanted), value, f"{where}: {key}")
        elif isinstance(wanted, tuple):
            out[key] = tuple(value)
        elif isinstance(wanted, float) and isinstance(value, (int, float)) and not isinstance(value, bool):
            out[key] = float(value)
        elif type(value) is not type(wanted):
            raise ValueError(f"{where}: {key} is {value!r}, expected {type(wanted).__name__}")
        else:
            out[key] = value
    return kind(**out)


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file. Raises FileNotFoundError, or ValueError that names the key."""
    if not path.is_file():
        raise FileNotFoundError(f"no recipe at {path}: config/train holds the published ones")
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds {type(values).__name__}, expected a mapping of settings")
    return build(Recipe, values, str(path))
