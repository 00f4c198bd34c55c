"""The two stages of the embedded checkpoint: what a run of `see` or `find` trains, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from handos_model.network.finder import HandFinder
from handos_model.network.handos import HandOS
from handos_model.training.batches import Source, open_sources
from handos_model.training.objective.criterion import Criterion
from handos_model.training.recipe import Recipe
from handos_model.training.views.batches import Sources, see_batch
from handos_model.training.views.feature_cache import batch_of, cached_batches, fill_cache
from handos_model.training.views.find_step import FindStep
from handos_model.training.views.finding_batches import finder_batch
from handos_model.training.views.frames import load_frames
from handos_model.training.views.see_step import SeeStep

PHOTO, BACKGROUND = 320, 256  # px: long edge of photos as frames
CANVASES = ((128, (11.0, 110.0)), (128, (11.0, 110.0)), (128, (11.0, 110.0)), (192, (45.0, 165.0)))
"""Sides of the finder's images in turn, and min and max long edge of a hand in them, px: small images are cheap."""


class ViewTask:
    """Frames of a recipe's photos, renders and backgrounds. Raises ValueError where one of them is missing."""

    def __init__(self, recipe: Recipe, device: torch.device):
        self.recipe, self.device = recipe, device
        self.sources: list[Source] = open_sources(recipe.mixture)
        names = {source.name for source in self.sources}
        if missing := {"photos", "renders", "backgrounds"} - names:
            raise ValueError(f"stage {recipe.stage} learns from photos, renders and backgrounds: no {sorted(missing)}")

    @property
    def images(self) -> int:
        """How many images all sources hold."""
        return sum(len(source.samples) for source in self.sources)

    def frames(self) -> Sources:
        """All frames, on the task's device."""
        by_name = {source.name: source.samples for source in self.sources}
        photos = by_name["photos"]
        often = self.recipe.mixture.source_weights
        weights = [often.get(record["source"], 1.0) for record in photos.records]
        renders = by_name["renders"]
        return Sources(
            load_frames((renders[i] for i in range(len(renders))), renders[0].image.shape[0], self.device),
            load_frames((photos[i] for i in range(len(photos))), PHOTO, self.device, weights),
            load_frames(
                (by_name["backgrounds"][i] for i in range(len(by_name["backgrounds"]))), BACKGROUND, self.device
            ),
        )


class SeeTask(ViewTask):
    """The decoder on the frozen landmark network, on cached features or on views cut as they are needed."""

    def __init__(self, recipe: Recipe, network: HandOS, device: torch.device):
        super().__init__(recipe, device)
        self.network = network

    def step(self, criterion: Criterion) -> nn.Module:
        """What a process trains."""
        return SeeStep(self.network, criterion)

    def stream(self, start: int, rank: int, processes: int) -> Iterator[dict[str, Tensor]]:
        """Batches of process `rank` of a run that has seen `start` views."""
        recipe = self.recipe
        detector = self.network.detector
        if recipe.views.cache:
            folder = Path(recipe.views.cache)
            if rank == 0:
                views = recipe.views
                fill_cache(folder, self.frames, views.shares, views.cached, recipe.seed, detector)
            yield from cached_batches(folder, recipe.batch_size, recipe.seed, start, rank, processes)
        frames = self.frames()
        counts = recipe.views.shares.counts(recipe.batch_size)
        for number in numbers(start, recipe.batch_size, rank, processes):
            rng = seeded(recipe.seed, number)
            with torch.no_grad():
                images, targets, presence = see_batch(frames, counts, rng)
                batch = batch_of(detector(images), targets, presence)
            yield batch  # outside: whoever takes it learns with gradients


class FindTask(ViewTask):
    """The finder's hourglass on the frozen palm detector."""

    def __init__(self, recipe: Recipe, device: torch.device):
        super().__init__(recipe, device)
        torch.manual_seed(recipe.seed)
        self.network = HandFinder()

    def step(self, criterion: Criterion) -> nn.Module:
        """What a process trains."""
        return FindStep(self.network, criterion.weights)

    def stream(self, start: int, rank: int, processes: int) -> Iterator[dict[str, Tensor]]:
        """Batches of process `rank` of a run that has seen `start` images."""
        recipe, frames = self.recipe, self.frames()
        shares = recipe.views.shares
        renders, photos, beside, backgrounds = shares.counts(recipe.batch_size)
        for number in numbers(start, recipe.batch_size, rank, processes):
            size, extents = CANVASES[number % len(CANVASES)]
            rng = seeded(recipe.seed, number)
            counts = (renders, photos, beside + backgrounds)
            with torch.no_grad():
                batch = finder_batch(frames, counts, size, extents, rng)
            yield dict(vars(batch))


def numbers(start: int, size: int, rank: int, processes: int) -> Iterator[int]:
    """Numbers of the batches of process `rank`, from the one after `start` samples on, without end."""
    number = start // size + rank
    while True:
        yield number
        number += processes


def seeded(seed: int, number: int) -> np.random.Generator:
    """The generator of a batch, and torch's own set likewise: a batch depends on the seed and its number alone."""
    rng = np.random.default_rng([seed, number])
    torch.manual_seed(int(rng.integers(2**31)))
    return rng
