"""Trained weights on disk: reading them, their mean, and starting another network from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handos_model.network.handos import HandOS
from handos_model.template.embedded import EMBEDDED_NAME

OF_TEMPLATE = ("lifting", "lifted_reference", "vertex_box", "vertex_embedding", "rest_vertices", "vertices")
"""Modules and parameters of the decoder that belong to the numbering of a template's vertices."""


def load_weights(path: Path) -> dict[str, Tensor]:
    """Averaged weights of a checkpoint.pt, or the arrays of a .npz."""
    return load_with_template(path)[0]


def load_with_template(path: Path) -> tuple[dict[str, Tensor], str]:
    """The weights, and the name of the hand template that they were trained on: the embedded one in older files."""
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}: give a run's checkpoint.pt or a .npz of trained weights")
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            template = str(arrays["template"]) if "template" in arrays.files else EMBEDDED_NAME
            return {n: torch.from_numpy(arrays[n]).float() for n in arrays.files if n != "template"}, template
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state["averaged"], state.get("template", EMBEDDED_NAME)


def mean_weights(runs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the weights of several runs; ValueError where they do not have the same ones."""
    shapes = [{(name, value.shape) for name, value in run.items()} for run in runs]
    if different := set.union(*shapes) - set.intersection(*shapes):
        name = min(name for name, _ in different)
        raise ValueError(f"the checkpoints are of different networks: {name} is not the same in all of them")
    return {name: sum(run[name].float() for run in runs) / len(runs) for name in runs[0]}


def start_from(network: HandOS, path: Path) -> str:
    """Take over the weights in `path` that the network has, too: same name and shape. Returns what these are, in words.

    What belongs to the vertices of another template than the network's starts anew. Raises ValueError where not one
    weight fits.
    """
    (weights, template), own = load_with_template(path), network.trainable_state()
    common = {name: value for name, value in weights.items() if name in own and value.shape == own[name].shape}
    if template != network.template:
        common = {name: value for name, value in common.items() if set(name.split(".")).isdisjoint(OF_TEMPLATE)}
    if not common:
        raise ValueError(f"none of the {len(weights)} weights in {path} fits this network: start_from needs its like")
    network.load_trainable_state(own | common)
    new = sorted({owner(name) for name in own.keys() - common.keys()})
    left = sorted({owner(name) for name in weights.keys() - common.keys()})
    told = f"{len(common)} of {len(own)} weights are from {path}"
    told += f"; new: {', '.join(new)}" if new else ""
    return told + (f"; not used: {', '.join(left)}" if left else "")


def owner(name: str) -> str:
    """The module that a weight belongs to, without its innermost parts: decoder.layers.1, finder.read."""
    parts = name.split(".")[:-1] or [name]
    return ".".join(parts[: 3 if len(parts) > 2 and parts[2].isdigit() else 2])
