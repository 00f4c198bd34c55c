"""Models of transformers from a hub id or a local folder: only safetensors and JSON, and every weight accounted for.

A hub id may name a commit of the model: owner/name@commit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from transformers import BertTokenizerFast, PretrainedConfig, PreTrainedModel
from transformers.utils import cached_file

PREPROCESSOR = "preprocessor_config.json"
COUNTERS = "num_batches_tracked"  # of batch normalisation: older files lack them, and evaluation does not use them


class Normalisation(NamedTuple):
    """Mean and standard deviation of RGB in 0..1 that a detector was trained with."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PLAIN = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def located(source: str) -> tuple[str, str]:
    """Name and revision for transformers' loaders of a source: a folder, a hub id, or a hub id and a commit."""
    name, _, revision = source.partition("@")
    return (source, "main") if not revision or Path(source).is_dir() else (name, revision)


def load_model(architecture: type[PreTrainedModel], source: str) -> PreTrainedModel:
    """The model of a hub id or a local folder, in evaluation mode.

    Raises FileNotFoundError for a missing folder, ValueError for anything in it that does not fit.
    """
    config, (name, revision) = load_config(architecture, source), located(source)
    try:
        model, report = architecture.from_pretrained(
            name, revision=revision, config=config, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # transformers raises arbitrary errors for a bad file
        raise ValueError(f"there are no weights in {source}: {reason(error)} (only safetensors are read)") from error
    missing = missing_weights(model, report["missing_keys"])
    if missing:
        raise ValueError(
            f"the weights in {source} are incomplete: {len(missing)} are missing, the first is {missing[0]}"
        )
    return model.eval()


def load_config(architecture: type[PreTrainedModel], source: str) -> PretrainedConfig:
    """The model's configuration, checked to be for `architecture`, and set up to need no network and no CUDA code."""
    kind = architecture.config_class
    assert kind is not None  # each architecture with weights has one
    wanted, (name, revision) = kind.model_type, located(source)
    if not source:
        raise ValueError(f"a detector of kind {wanted} needs a source: a hub id or a local folder")
    if (Path(source).is_absolute() or source.startswith(".")) and not Path(source).is_dir():
        raise FileNotFoundError(
            f"detector not found: {source} is not a folder; give a folder, or the id of a model on the hub"
        )
    try:
        settings, _ = PretrainedConfig.get_config_dict(name, revision=revision)
        found = settings.get("model_type")
        config = kind.from_dict(settings) if found == wanted else None
    except Exception as error:
        raise ValueError(f"there is no detector in {source}: {reason(error)}") from error
    if found is None:
        raise ValueError(f"there is no detector in {source}: it has no config.json that names its model_type")
    if config is None:
        raise ValueError(f"{source} holds a model of type {found}, expected {wanted}")
    config.use_pretrained_backbone = False  # its weights are also in the file
    config.disable_custom_kernels = True  # deformable attention in PyTorch, which exports
    return config


def missing_weights(model: PreTrainedModel, names: list[str]) -> list[str]:
    """Those of `names`, which have no weight in the file, that need one: others share that of another name."""
    weights = model.state_dict(keep_vars=True)
    loaded = {id(weight) for name, weight in weights.items() if name not in names}
    return sorted(name for name in names if id(weights[name]) not in loaded and not name.endswith(COUNTERS))


def load_normalisation(source: str) -> Normalisation | None:
    """How the source's image processor normalises colours; None if the source has no image processor."""
    name, revision = located(source)
    file = cached_file(name, PREPROCESSOR, revision=revision, _raise_exceptions_for_missing_entries=False)
    if file is None:
        return None
    try:
        settings = json.loads(Path(file).read_text())
        if not settings.get("do_normalize", True):
            return PLAIN
        mean, std = (tuple(float(v) for v in settings[key]) for key in ("image_mean", "image_std"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{PREPROCESSOR} in {source} has no usable image_mean and image_std ({error})") from error
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise ValueError(f"{PREPROCESSOR} in {source} must have three image_mean and three positive image_std")
    return Normalisation(mean, std)


def load_tokenizer(source: str) -> BertTokenizerFast:
    """The tokenizer of a detector whose text backbone is BERT."""
    name, revision = located(source)
    try:
        return BertTokenizerFast.from_pretrained(name, revision=revision)
    except Exception as error:
        raise ValueError(f"there is no tokenizer in {source}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """The first sentence of an error message, as part of another sentence."""
    return str(error).strip().split("\n")[0].split(". ")[0].rstrip(".")
