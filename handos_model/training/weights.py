"""Trained weights on disk: reading them, their mean, and starting another network from them."""

from __future__ import annotations

import warnings
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handos_model.io.archives.npz_file import read_npz
from handos_model.io.archives.zip_file import open_zip
from handos_model.io.files import MB, TRAINED, one_line, open_file, shown
from handos_model.network.frozen import Trainable

OF_TEMPLATE = ("lifting", "lifted_reference", "vertex_box", "vertex_embedding", "rest_vertices", "vertices")
"""Modules and parameters of the decoder that belong to the numbering of a template's vertices."""
LARGEST_INDEX = 4 * MB
"""Names and shapes of a checkpoint's weights; a thousand weights take 0.4 MB."""


def load_weights(path: Path) -> dict[str, Tensor]:
    """Averaged weights of a checkpoint.pt, or the arrays of a .npz."""
    return load_with_template(path)[0]


def load_with_template(path: Path) -> tuple[dict[str, Tensor], str]:
    """The weights, and the name of the hand template that they were trained on.

    Raises FileNotFoundError where there is no such file, ValueError for one that is damaged or holds something else.
    """
    if path.suffix == ".npz":
        arrays = read_npz(path, TRAINED)
        template = arrays.pop("template", np.zeros(0))
        if template.dtype.kind != "U" or any(array.dtype.kind not in "fi" for array in arrays.values()):
            raise ValueError(f"{TRAINED.name} {shown(path)} does not hold weights of a network: {TRAINED.hint}")
        return {name: torch.from_numpy(array).float() for name, array in arrays.items()}, str(template)
    state = read_checkpoint(path)
    return state["averaged"], state["template"]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Checkpoint of Trainer.save: network and averaged (weights by name), optimizer, step, seconds, samples, template.

    Nothing in the file runs. Raises as load_with_template.
    """
    with open_file(path, TRAINED) as file:
        try:
            archive = open_zip(file, compressed=False)
            if max(m.file_size for m in archive.infolist() if m.filename.endswith("data.pkl")) > LARGEST_INDEX:
                raise ValueError("its list of weights is too long")
            file.seek(0)
            with warnings.catch_warnings():  # of a pickle that is damaged
                warnings.simplefilter("ignore")
                state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged archives, pickles and tensors share no base class
            raise ValueError(
                f"{TRAINED.name} {shown(path)} is damaged or not a checkpoint.pt: {one_line(error)}"
            ) from error
    if not _is_checkpoint(state):
        raise ValueError(f"{TRAINED.name} {shown(path)} is not the checkpoint of a run")
    return state


def _is_checkpoint(state: Any) -> bool:
    """Whether each key is there, and of its type."""
    return isinstance(state, dict) and all(
        (
            *(_are_weights(state.get(name)) for name in ("network", "averaged")),
            isinstance(state.get("optimizer"), dict),
            isinstance(state.get("step"), int),
            isinstance(state.get("seconds"), int | float),
            isinstance(state.get("samples"), int),
            isinstance(state.get("template"), str),
        )
    )


def _are_weights(values: Any) -> bool:
    return isinstance(values, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) and _is_plain(value) for name, value in values.items()
    )


def _is_plain(value: Tensor) -> bool:
    """Whether each number of a tensor lies in the file: one with strides of 0 says to have any number of them."""
    if value.layout != torch.strided or value.device.type != "cpu":
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def mean_weights(runs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the weights of several runs; ValueError where they do not have the same ones."""
    shapes = [{(name, value.shape) for name, value in run.items()} for run in runs]
    if different := shapes[0].union(*shapes) - shapes[0].intersection(*shapes):
        name = min(name for name, _ in different)
        raise ValueError(f"the checkpoints are of different networks: {one_line(name)} differs between them")
    return {name: reduce(torch.add, (run[name].float() for run in runs)) / len(runs) for name in runs[0]}


def load_into(network: Trainable, weights: dict[str, Tensor], path: Path) -> None:
    """Loads all weights of a network; ValueError that names the file they are from if they are of another one."""
    try:
        network.load_trainable_state(weights)
    except ValueError as error:
        raise ValueError(f"{shown(path)}: {error}") from error


def start_from(network: Trainable, path: Path) -> str:
    """Loads the weights in `path` that have the same name and shape in the network; returns a description of them.

    Weights that belong to the vertices of another template keep their initial values. Raises ValueError if none fits.
    """
    (weights, template), own = load_with_template(path), network.trainable_state()
    common = {name: value for name, value in weights.items() if name in own and value.shape == own[name].shape}
    if template != network.template:
        common = {name: value for name, value in common.items() if set(name.split(".")).isdisjoint(OF_TEMPLATE)}
    if not common:
        raise ValueError(
            f"none of the {len(weights)} weights in {path} fits this network: start_from "
            "needs weights of the same architecture"
        )
    network.load_trainable_state(own | common)
    new = sorted({owner(name) for name in own.keys() - common.keys()})
    left = sorted({owner(name) for name in weights.keys() - common.keys()})
    report = f"{len(common)} of {len(own)} weights are from {path}"
    report += f"; new: {', '.join(new)}" if new else ""
    return report + (f"; not used: {', '.join(left)}" if left else "")


def owner(name: str) -> str:
    """The module that a weight belongs to, without its innermost parts: decoder.layers.1, finder.read."""
    parts = name.split(".")[:-1] or [name]
    return ".".join(parts[: 3 if len(parts) > 2 and parts[2].isdigit() else 2])
