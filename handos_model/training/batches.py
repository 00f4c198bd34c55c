"""Training batches: sources mixed by share, augmented in worker processes, padded and stacked.

Sample number k of a run depends only on the recipe's seed and k. So neither the number of workers and processes nor a
restart changes what the network sees.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from handos_model.data.augment import augment
from handos_model.data.photos import Photos
from handos_model.data.pool import Pool
from handos_model.data.registry import Dataset, open_dataset
from handos_model.data.sample import Sample, project
from handos_model.hand import FINGERTIPS, VERTICES
from handos_model.template.hand_template import HandTemplate
from handos_model.training.recipe import Mixture, Recipe

SEEDS = 2**63 - 1
Samples = Photos | Pool | Dataset


@dataclass(frozen=True)
class Source:
    """A set of images from which a run draws."""

    name: str
    share: float
    root: Path
    samples: Samples
    weights: np.ndarray | None = None  # (images,) with sum 1; None: all equal

    def any_of(self, rng: Generator) -> Sample:
        """A random image."""
        n = len(self.samples)
        return self.samples[int(rng.integers(n) if self.weights is None else rng.choice(n, p=self.weights))]


def open_sources(mixture: Mixture) -> list[Source]:
    """Every source with a share above 0. Raises ValueError if the mixture makes no sense or a source is empty."""
    photos, pool = Path(mixture.photos), Path(mixture.pool)
    fixed: list[tuple[str, float, Path, Callable[[], Samples]]] = [
        ("photos", mixture.share_photos, photos, lambda: Photos.load(photos, "hand", "train")),
        ("renders", mixture.share_renders, pool, lambda: Pool(pool)),
        ("backgrounds", mixture.share_backgrounds, photos, lambda: Photos.load(photos, "background", "train")),
    ]
    named = [
        (d.name, d.weight, Path(d.root), partial(open_dataset, d.name, Path(d.root), d.split, mano_folder(d.mano)))
        for d in mixture.datasets
    ]
    sources = []
    for name, share, root, opener in fixed + named:
        if share < 0:
            raise ValueError(f"the recipe gives {name} a share of {share}: shares and weights must be 0 or more")
        if share > 0 and root == Path():
            raise ValueError(
                f"the recipe gives {name} a share of {share} but no folder: set its folder, or the share to 0"
            )
        if share > 0:
            samples = opener()
            if not len(samples):
                raise ValueError(f"{name} in {root} contains no images: remove it from the mixture")
            sources.append(Source(name, share * len(samples) if mixture.by_images else share, root, samples))
    if not sources:
        raise ValueError("the mixture of the recipe is empty: give photos, renders or data sets a folder and a share")
    return sources


def mano_folder(path: str) -> Path | None:
    """The folder that a recipe's key names, where "" stands for none."""
    return Path(path) if path else None


class Mix(TorchDataset[tuple[Sample, int]]):
    """The augmented samples of a run by number, without end.

    Sources are opened once, before the workers start, and shared by them. Images are drawn with replacement.
    """

    def __init__(self, recipe: Recipe, template: HandTemplate):
        """template: the one whose vertices are learned; those of other templates count as not labelled."""
        self.recipe, self.template = recipe, template.name
        self.tips = template.joint_regressor[list(FINGERTIPS)]
        self.sources = open_sources(recipe.mixture)
        shares = np.array([source.share for source in self.sources])
        self.shares = shares / shares.sum()
        by_name = {source.name: i for i, source in enumerate(self.sources)}
        if "photos" in by_name and recipe.mixture.source_weights:
            index = by_name["photos"]
            self.sources[index] = weigh_sources(self.sources[index], recipe.mixture.source_weights)

    @property
    def images(self) -> int:
        """Number of images in all sources: an epoch is that many samples."""
        return sum(len(source.samples) for source in self.sources)

    def __getitem__(self, number: int) -> tuple[Sample, int]:
        """The sample, and a seed for random choices in the step that learns from it."""
        rng = np.random.default_rng([self.recipe.seed, number])
        sample = augment(self.draw(rng), rng, self.recipe.augmentation).check()
        if sample.template != self.template:
            sample = replace(sample, has_vertices=np.zeros_like(sample.has_vertices))
        return with_tips(sample, self.tips), int(rng.integers(SEEDS))

    def draw(self, rng: Generator) -> Sample:
        """One sample of one source."""
        return self.sources[rng.choice(len(self.sources), p=self.shares)].any_of(rng)


def with_tips(sample: Sample, regressor: np.ndarray) -> Sample:
    """The sample with fingertips taken from labelled vertices by the regressor's rows (5, 778) of the template.

    Data sets label different vertices as fingertips, some millimetres apart; the network's joints have one convention.
    """
    if sample.tips is None or not sample.has_vertices.any():
        return sample
    joints_2d, joints_3d = sample.joints_2d.copy(), sample.joints_3d.copy()
    for hand in np.flatnonzero(sample.has_vertices):
        joints_3d[hand, list(FINGERTIPS)] = regressor @ sample.vertices[hand]
        joints_2d[hand, list(FINGERTIPS), :2] = project(joints_3d[hand, list(FINGERTIPS)], sample.K)
    return replace(sample, joints_2d=joints_2d, joints_3d=joints_3d)


def photo_weights(photos: Samples, weights: dict[str, float]) -> np.ndarray:
    """Weight of each photo: that of the source that its record names, 1 if it is not in `weights`.

    Raises ValueError unless photos can be drawn by these weights.
    """
    assert isinstance(photos, Photos)  # the source `photos` of open_sources
    each = np.array([weights.get(record["source"], 1.0) for record in photos.records])
    if (each < 0).any() or each.sum() <= 0:
        raise ValueError(f"source_weights are {weights}: expected 0 or more, and one photo above 0")
    return each


def weigh_sources(photos: Source, weights: dict[str, float]) -> Source:
    """Photos drawn by their weight."""
    each = photo_weights(photos.samples, weights)
    return replace(photos, weights=each / each.sum())


def collate(samples: list[Sample], seeds: list[int] | None = None) -> dict[str, Tensor]:
    """Stacks samples, with hands padded to T, the most in any sample. Hands to `ignore` come last, counted separately.

    images (B, 3, H, W) uint8, padded at the right and bottom to the largest; sizes (B, 2): height and width of each
    without padding; K (B, 3, 3); joints_2d (B, T, 21, 3); joints_3d; vertices; boxes (B, T, 4); side, has_3d,
    has_vertices (B, T); count, ignored (B,): hands to learn from, then hands to ignore; complete, absolute (B,);
    seeds (B,), by default 0.
    """
    b, most = len(samples), max(1, *(len(s.joints_2d) for s in samples))
    sizes = torch.tensor([s.image.shape[:2] for s in samples])
    batch = {
        "images": torch.zeros(b, 3, *sizes.amax(0).tolist(), dtype=torch.uint8),
        "sizes": sizes,
        "K": torch.from_numpy(np.stack([s.K for s in samples])),
        "joints_2d": torch.zeros(b, most, 21, 3),
        "joints_3d": torch.zeros(b, most, 21, 3),
        "vertices": torch.zeros(b, most, VERTICES, 3),
        "boxes": torch.zeros(b, most, 4),
        "side": torch.full((b, most), -1, dtype=torch.int8),
        "has_3d": torch.zeros(b, most, dtype=torch.bool),
        "has_vertices": torch.zeros(b, most, dtype=torch.bool),
        "count": torch.zeros(b, dtype=torch.long),
        "ignored": torch.zeros(b, dtype=torch.long),
        "complete": torch.tensor([s.complete for s in samples]),
        "absolute": torch.tensor([s.absolute for s in samples]),
        "seeds": torch.tensor(seeds or [0] * b),
    }
    for i, sample in enumerate(samples):
        height, width = sample.image.shape[:2]
        batch["images"][i, :, :height, :width] = torch.from_numpy(sample.image).permute(2, 0, 1)
        order = np.argsort(sample.ignore, kind="stable")
        batch["boxes"][i, : len(order)] = torch.from_numpy(sample.hand_boxes()[order])
        for name in ("joints_2d", "joints_3d", "vertices", "side", "has_3d", "has_vertices"):
            batch[name][i, : len(order)] = torch.from_numpy(getattr(sample, name)[order])
        batch["count"][i] = int((~sample.ignore[order]).sum())
        batch["ignored"][i] = int(sample.ignore[order].sum())
    return batch


def stack(drawn: list[tuple[Sample, int]]) -> dict[str, Tensor]:
    """A batch of items of Mix."""
    samples, seeds = zip(*drawn, strict=True)
    return collate(list(samples), list(seeds))


class Consecutive(Sampler[list[int]]):
    """Numbers of the samples in each batch of process `rank` of `processes`, from sample `start` on, without end.

    The batches of the processes are consecutive: together they take the next size * processes numbers.
    """

    def __init__(self, start: int, size: int, rank: int, processes: int):
        self.first, self.size, self.stride = start + rank * size, size, size * processes

    def __iter__(self) -> Iterator[list[int]]:
        for first in itertools.count(self.first, self.stride):
            yield list(range(first, first + self.size))


def batches(mix: Mix, start: int, rank: int = 0, processes: int = 1) -> Iterator[dict[str, Tensor]]:
    """Batches of process `rank` of a run that has seen `start` samples."""
    recipe = mix.recipe
    loader = DataLoader(
        mix,
        batch_sampler=Consecutive(start, recipe.batch_size, rank, processes),
        num_workers=recipe.workers,
        collate_fn=stack,
        prefetch_factor=4 if recipe.workers else None,
        worker_init_fn=quiet_worker,
        pin_memory=torch.cuda.is_available(),
    )
    return iter(loader)


def quiet_worker(_: int) -> None:
    """Limits OpenCV, with which workers augment, to one thread each; the rest is for training."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
