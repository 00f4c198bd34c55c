"""Endless stream of training batches: sources mixed by share, augmented in worker processes, padded and stacked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from handos_model.data.augment import augment
from handos_model.data.photos import Photos
from handos_model.data.pool import Pool
from handos_model.data.sample import VERTICES, Sample
from handos_model.data.transplant import transplant
from handos_model.training.recipe import Recipe

HANDS = 4  # labels kept per image; further hands are ignored


class Mix(IterableDataset):
    """Augmented samples, for ever. Sources are opened once, before the workers start, and shared by them."""

    def __init__(self, recipe: Recipe, start: int, rank: int):
        mixture = recipe.mixture
        self.recipe, self.start, self.rank = recipe, start, rank
        if max(mixture.transplants, mixture.backdrops) > 0 and mixture.share_backgrounds == 0:
            raise ValueError("the recipe puts hands before backgrounds but gives backgrounds no share")
        shares = [mixture.share_photos, mixture.share_renders, mixture.share_backgrounds]
        needs = [mixture.photos, mixture.pool, mixture.photos]
        for share, folder, name in zip(shares, needs, ("photos", "renders", "backgrounds"), strict=True):
            if share > 0 and not folder:
                raise ValueError(f"the recipe gives {name} a share of {share} but no folder")
        self.shares = np.array(shares) / sum(shares)
        self.photos = Photos.load(Path(mixture.photos), "hand", "train") if shares[0] else None
        self.renders = Pool(Path(mixture.pool)) if shares[1] else None
        self.backgrounds = Photos.load(Path(mixture.photos), "background", "train") if shares[2] else None
        if self.photos:
            weights = np.array([mixture.source_weights.get(r["source"], 1.0) for r in self.photos.records])
            self.photo_weights = weights / weights.sum()

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        rng = np.random.default_rng([self.recipe.seed, self.start, self.rank, worker.id if worker else 0])
        while True:
            sample, backdrop = self.draw(rng), None
            if rng.random() < self.recipe.mixture.backdrops:
                backdrop = self.any_of(self.backgrounds, rng).image
            yield augment(sample, rng, self.recipe.augmentation, backdrop).check()

    def draw(self, rng: Generator) -> Sample:
        """One sample of one source."""
        source = rng.choice(3, p=self.shares)
        if source == 0:
            photo = self.photos[rng.choice(len(self.photos), p=self.photo_weights)]
            if rng.random() >= self.recipe.mixture.transplants:
                return photo
            return transplant(photo, self.any_of(self.backgrounds, rng).image, rng)
        return self.any_of(self.renders if source == 1 else self.backgrounds, rng)

    @staticmethod
    def any_of(samples: Photos | Pool, rng: Generator) -> Sample:
        return samples[int(rng.integers(len(samples)))]


def collate(samples: list[Sample]) -> dict[str, Tensor]:
    """Stack samples; hands padded to HANDS. Hands that are `ignore` come last and are counted apart.

    images (B, 3, S, S) uint8; K (B, 3, 3); joints_2d (B, HANDS, 21, 3); joints_3d; vertices; side, has_3d,
    has_vertices (B, HANDS); count, ignored (B,): hands to learn from, then hands to ignore; complete (B,).
    """
    b = len(samples)
    batch = {
        "images": torch.from_numpy(np.stack([s.image for s in samples])).permute(0, 3, 1, 2).contiguous(),
        "K": torch.from_numpy(np.stack([s.K for s in samples])),
        "joints_2d": torch.zeros(b, HANDS, 21, 3),
        "joints_3d": torch.zeros(b, HANDS, 21, 3),
        "vertices": torch.zeros(b, HANDS, VERTICES, 3),
        "side": torch.full((b, HANDS), -1, dtype=torch.int8),
        "has_3d": torch.zeros(b, HANDS, dtype=torch.bool),
        "has_vertices": torch.zeros(b, HANDS, dtype=torch.bool),
        "count": torch.zeros(b, dtype=torch.long),
        "ignored": torch.zeros(b, dtype=torch.long),
        "complete": torch.tensor([s.complete for s in samples]),
    }
    for i, sample in enumerate(samples):
        order = np.argsort(sample.ignore, kind="stable")[:HANDS]
        for name in ("joints_2d", "joints_3d", "vertices", "side", "has_3d", "has_vertices"):
            batch[name][i, : len(order)] = torch.from_numpy(getattr(sample, name)[order])
        batch["count"][i] = int((~sample.ignore[order]).sum())
        batch["ignored"][i] = int(sample.ignore[order].sum())
    return batch


def hand_boxes(joints_2d: Tensor) -> Tensor:
    """Boxes (..., 4) xyxy of joints (..., 21, 3), padded by a tenth of the long edge."""
    low, high = joints_2d[..., :2].amin(-2), joints_2d[..., :2].amax(-2)
    pad = 0.1 * (high - low).amax(-1, keepdim=True)
    return torch.cat([low - pad, high + pad], -1)


def batches(recipe: Recipe, start: int, rank: int = 0) -> Iterator[dict[str, Tensor]]:
    """Batches for process `rank` of a run that is at step `start`: a resumed run does not see the first ones again."""
    loader = DataLoader(
        Mix(recipe, start, rank),
        batch_size=recipe.batch_size,
        num_workers=recipe.workers,
        collate_fn=collate,
        prefetch_factor=4 if recipe.workers else None,
        worker_init_fn=quiet_worker,
    )
    return iter(loader)


def quiet_worker(_: int) -> None:
    """Workers augment with OpenCV: one thread each, the rest is for training."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
