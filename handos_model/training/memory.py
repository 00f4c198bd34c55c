"""How much of a GPU's memory a training step will take: measured on small steps on the CPU, and extrapolated.

The bytes of tensors that are alive at once in a step, forwards and backwards, grow linearly with the pixels of a batch
and with the hands that are decoded. Three small steps give the three coefficients. A step in bfloat16 takes less,
kernels and fragmentation take more: the estimate is for choosing a batch size, not for filling a card.
"""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from handos_model.hand import VERTICES
from handos_model.network.candidates import Candidates
from handos_model.training.recipe import Recipe
from handos_model.training.step import TrainingStep
from handos_model.training.trainer import build_criterion, build_network

SMALL = ((256, 1), (384, 1), (256, 3))  # px and hands of the steps that are measured
STATES = 5  # copies of the trained weights: themselves, gradients, two of Adam, their running mean


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of storages that are created while it is active, and the most that are alive at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for value in tree_flatten(result)[0]:
            if isinstance(value, Tensor):
                self.add(value.untyped_storage())
        return result

    def add(self, storage: torch.UntypedStorage) -> None:
        """Counts a storage until it is freed."""
        address, size = storage.data_ptr(), storage.nbytes()
        if not size or address in self.known:
            return
        self.known.add(address)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.remove, address, size)

    def remove(self, address: int, size: int) -> None:
        """Stops counting a storage that was freed."""
        self.known.discard(address)
        self.now -= size


class FirstInstances(TrainingStep):
    """A step that trains each image's first instances on its hands: an untrained detector might find none of these."""

    def assign(self, batch: dict[str, Tensor], candidates: Candidates) -> tuple[Tensor, Tensor]:
        """Instances and their hands (B, slots): number i is trained on hand i."""
        first = torch.arange(self.recipe.slots, device=batch["count"].device).expand(len(batch["count"]), -1)
        return first, first


@dataclass(frozen=True)
class Memory:
    """Bytes of one process."""

    weights: float  # the frozen detector's, and STATES times the trained ones
    step: float  # tensors of the largest step

    def __str__(self) -> str:
        whole = (self.weights + self.step) / 2**30
        return (
            f"memory of each process: about {whole:.1f} GiB ({self.weights / 2**30:.1f} GiB weights, gradients and "
            f"optimiser, {self.step / 2**30:.1f} GiB for a step in float32), extrapolated from small steps"
        )


def wanted_before_a_run() -> bool:
    """Whether there is a GPU, and this is the first of the processes that a launcher started."""
    return torch.cuda.is_available() and int(os.environ.get("RANK", "0")) == 0


def of_recipe(recipe: Recipe) -> Memory:
    """The memory for a run of a recipe, whose detector must be available."""
    return estimate(TrainingStep(build_network(recipe), build_criterion(recipe, torch.device("cpu")), recipe))


def estimate(losses: TrainingStep) -> Memory:
    """The memory for the recipe of a step, whose network must be on the CPU; clears its gradients."""
    recipe, network = losses.recipe, losses.network
    peaks = [step_peak(losses, px, hands) for px, hands in SMALL]
    pixels = np.array([px * px for px, _ in SMALL])
    hands = np.array([count for _, count in SMALL])
    line = np.linalg.solve(np.column_stack([np.ones(3), pixels, hands]), peaks).clip(min=0)
    side = recipe.augmentation.canvas
    batch = recipe.batch_size
    step = line @ [1, batch * side * side, batch * recipe.slots]
    sizes = {True: 0.0, False: 0.0}
    for parameter in network.parameters():
        sizes[parameter.requires_grad] += parameter.numel() * parameter.element_size()
    return Memory(STATES * sizes[True] + sizes[False], float(step))


def step_peak(losses: TrainingStep, px: int, hands: int) -> int:
    """Most bytes alive in a step on one image of px x px with that many hands."""
    batch = blank_batch(px, hands)
    small = FirstInstances(losses.network, losses.criterion, replace(losses.recipe, slots=hands, bf16=False))
    with LiveBytes() as counted:
        loss, _ = small(batch, small.totals(batch))
        loss.backward()
    losses.network.zero_grad(set_to_none=True)
    return counted.peak


def blank_batch(px: int, hands: int) -> dict[str, Tensor]:
    """A batch of one grey image with hands that carry every label."""
    joints = torch.rand(1, hands, 21, 3) * (px / 2) + px / 4
    joints[..., 2] = 2
    yes = torch.ones(1, hands, dtype=torch.bool)
    K = torch.tensor([[[float(px), 0, px / 2], [0, float(px), px / 2], [0, 0, 1]]])
    return {
        "images": torch.full((1, 3, px, px), 127, dtype=torch.uint8),
        "sizes": torch.tensor([[px, px]]),
        "K": K,
        "joints_2d": joints,
        "joints_3d": torch.rand(1, hands, 21, 3) * 0.1 + torch.tensor([0, 0, 0.5]),
        "vertices": torch.rand(1, hands, VERTICES, 3) * 0.1 + torch.tensor([0, 0, 0.5]),
        "boxes": torch.tensor([[[px / 4, px / 4, 3 * px / 4, 3 * px / 4]]]).repeat(1, hands, 1),
        "side": torch.ones(1, hands, dtype=torch.int8),
        "has_3d": yes,
        "has_vertices": yes,
        "count": torch.tensor([hands]),
        "ignored": torch.tensor([0]),
        "complete": torch.ones(1, dtype=torch.bool),
        "absolute": torch.ones(1, dtype=torch.bool),
        "seeds": torch.zeros(1, dtype=torch.long),
    }
