"""The two stages of the embedded checkpoint: what a run of `see` or `find` trains, and on which data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handos_model.network.detectors.detector import Detection
from handos_model.network.detectors.landmark_detector import landmark_detector
from handos_model.network.finder import HandFinder
from handos_model.network.handos import HandOS
from handos_model.training.batches import Source, open_sources, photo_weights
from handos_model.training.objective.criterion import Criterion
from handos_model.training.recipe import Recipe
from handos_model.training.run_folder import describe, sha256
from handos_model.training.stages.find_step import FindStep
from handos_model.training.stages.see_step import SeeStep
from handos_model.training.views.agreement import agree
from handos_model.training.views.feature_cache import (
    BATCH,
    await_cache,
    batch_of,
    cached_batches,
    fill_cache,
    seeded,
)
from handos_model.training.views.finding_batches import finder_batch
from handos_model.training.views.foundation import fast_foundation
from handos_model.training.views.labelled_frames import Frames, load_frames
from handos_model.training.views.lookalikes import Lookalikes, find_lookalikes
from handos_model.training.views.seeing_batches import Sources, see_batch
from handos_model.training.weights import load_into, load_weights

PHOTO, BACKGROUND = 320, 256  # px: long edge of photos as frames
CANVASES = ((128, (11.0, 110.0)), (128, (11.0, 110.0)), (128, (11.0, 110.0)), (192, (45.0, 165.0)))
"""Sides of the finder's images in turn, and min and max long edge of a hand in them, px: small images are cheap."""
CALIBRATION_VIEWS = 128
TURN = 2000  # batches after which all pieces of the renders have had their turn


class ViewTask:
    """Frames of a recipe's photos, renders and backgrounds. Raises ValueError if one of these is missing."""

    def __init__(self, recipe: Recipe, device: torch.device):
        self.recipe, self.device = recipe, device
        self.sources: list[Source] = open_sources(recipe.mixture)
        names = {source.name for source in self.sources}
        if missing := {"photos", "renders", "backgrounds"} - names:
            lacks = ", ".join(sorted(missing))
            raise ValueError(
                f"stage {recipe.stage} needs photos, renders and backgrounds, but the mixture lacks {lacks}"
            )
        self.samples = {source.name: source.samples for source in self.sources}
        self.piece = 0
        self.taken: Sources | None = None

    @property
    def images(self) -> int:
        """How many images all sources hold."""
        return sum(len(source.samples) for source in self.sources)

    def frames(self, at: float) -> Sources:
        """The frames to cut from, on the task's device: all photos, and the piece of the renders whose turn it is.

        at: how often all pieces have had their turn.
        """
        renders, size = self.samples["renders"], self.recipe.views.piece
        pieces = -(-len(renders) // size)
        number = int(at * pieces) % pieces
        if number != self.piece or self.taken is None:
            piece = (renders[i] for i in range(number * size, min((number + 1) * size, len(renders))))
            taken = load_frames(piece, renders[0].image.shape[0], self.device)
            self.piece, self.taken = number, Sources(taken, self.photos, self.backgrounds, self.lookalikes)
        return self.taken

    @cached_property
    def photos(self) -> Frames:
        """All photos with hands."""
        photos = self.samples["photos"]
        weights = photo_weights(photos, self.recipe.mixture.source_weights)
        return load_frames((photos[i] for i in range(len(photos))), PHOTO, self.device, weights)

    @cached_property
    def backgrounds(self) -> Frames:
        """All photos without hands."""
        photos = self.samples["backgrounds"]
        return load_frames((photos[i] for i in range(len(photos))), BACKGROUND, self.device)

    @property
    def lookalikes(self) -> Lookalikes | None:
        """Places that teach what is not a hand; `see` needs them, while `find` makes its own."""
        return None


class SeeTask(ViewTask):
    """The decoder on the frozen landmark network, on cached features or on views cut as they are needed."""

    def __init__(self, recipe: Recipe, network: HandOS, device: torch.device):
        landmark_detector(network.detector, "stage see")  # refuses another before any source is opened
        super().__init__(recipe, device)
        self.network = network
        self.finder = read_finder(Path(recipe.views.finder)) if recipe.views.finder else None

    def step(self, criterion: Criterion) -> SeeStep:
        """The module that a process trains."""
        return SeeStep(self.network, criterion, self.recipe.views.dropout)

    @cached_property
    def see(self) -> Callable[[Tensor], Detection]:
        """Function that returns what the foundation says about views."""
        detector = landmark_detector(self.network.detector, "stage see")
        return fast_foundation(detector, self.recipe.threads) if self.device.type == "cpu" else detector

    @cached_property
    def photos(self) -> Frames:
        """All photos with hands, with labels improved where the foundation agrees with itself."""
        photos = super().photos
        if self.recipe.views.agreement:
            agree(photos, self.see, self.recipe.seed)
        return photos

    @cached_property
    def lookalikes(self) -> Lookalikes | None:
        """Places that the recipe's finder takes for hands."""
        return None if self.finder is None else find_lookalikes(self.backgrounds, self.finder.to(self.device))

    def example_views(self, count: int) -> list[np.ndarray]:
        """Views (1, 224, 224, 3) uint8 as they are trained on."""
        frames, rng = self.frames(0.0), seeded(self.recipe.seed, 0)
        images, _, _ = see_batch(frames, self.recipe.views.shares.counts(count), rng)
        return list((255 * images).round().byte().permute(0, 2, 3, 1)[:, None].cpu().numpy())

    def stream(self, start: int, rank: int, processes: int) -> Iterator[dict[str, Tensor]]:
        """Batches of process `rank` of a run that has seen `start` views."""
        recipe, views = self.recipe, self.recipe.views
        maps = self.network.decoder.size.deformable or self.network.end is not None
        turns = numbers(start, recipe.batch_size, rank, processes)
        if views.cache:
            folder, made = Path(views.cache), self.origin(maps)
            if rank == 0:
                fill_cache(folder, made, views.shares.counts(BATCH), self.frames, lambda images: self.see(images))
            else:
                await_cache(folder, made)
            yield from cached_batches(folder, recipe.batch_size, (seeded(recipe.seed, number) for number in turns))
        counts = views.shares.counts(recipe.batch_size)
        for number in turns:
            frames = self.frames(number / TURN)  # made first, as this draws random numbers of its own
            rng = seeded(recipe.seed, number)
            with torch.no_grad():
                images, targets, presence = see_batch(frames, counts, rng)
                batch = batch_of(self.see(images), targets, presence, maps)
            yield batch  # outside the block, since whoever takes it needs gradients

    def origin(self, maps: bool) -> dict[str, Any]:
        """Everything that cached views depend on."""
        views = self.recipe.views
        sources = [{key: value for key, value in describe(source).items() if key != "root"} for source in self.sources]
        return {
            "count": views.cached,
            "seed": self.recipe.seed,
            "maps": maps,
            "shares": vars(views.shares),
            "agreement": views.agreement,
            "finder": sha256(Path(views.finder)) if views.finder else "",
            "piece": views.piece,
            "source_weights": dict(self.recipe.mixture.source_weights),
            "sources": sources,
        }


class FindTask(ViewTask):
    """The finder's hourglass on the frozen palm detector."""

    def __init__(self, recipe: Recipe, device: torch.device):
        super().__init__(recipe, device)
        torch.manual_seed(recipe.seed)
        self.network = HandFinder()

    def step(self, criterion: Criterion) -> FindStep:
        """The module that a process trains."""
        return FindStep(self.network, criterion.weights)

    def stream(self, start: int, rank: int, processes: int) -> Iterator[dict[str, Tensor]]:
        """Batches of process `rank` of a run that has seen `start` images."""
        recipe = self.recipe
        shares = recipe.views.shares
        renders, photos, beside, backgrounds = shares.counts(recipe.batch_size)
        for number in numbers(start, recipe.batch_size, rank, processes):
            size, extents = CANVASES[number % len(CANVASES)]
            frames = self.frames(number / TURN)
            rng = seeded(recipe.seed, number)
            counts = (renders, photos, beside + backgrounds)
            with torch.no_grad():
                batch = finder_batch(frames, counts, size, extents, rng)
            yield dict(vars(batch))


def calibration_views(recipe: Recipe, network: HandOS) -> list[np.ndarray]:
    """Views (1, 224, 224, 3) uint8 from which the ranges of 8-bit numbers are chosen."""
    as_they_are = replace(recipe, views=replace(recipe.views, agreement=False, finder=""))  # labels do not matter
    return SeeTask(as_they_are, network, torch.device("cpu")).example_views(CALIBRATION_VIEWS)


def read_finder(path: Path) -> HandFinder:
    """The finder of a checkpoint of stage find. Raises FileNotFoundError and ValueError."""
    finder = HandFinder()
    load_into(finder, load_weights(path), path)
    return finder


def numbers(start: int, size: int, rank: int, processes: int) -> Iterator[int]:
    """Numbers of the batches of process `rank`, from the one after `start` samples on, without end."""
    number = start // size + rank
    while True:
        yield number
        number += processes
