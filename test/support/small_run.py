"""A training run that takes seconds: a few renders of 96 px, a small detector and a small decoder."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import yaml
from small_detectors import saved_detector

from handos_model.data.augment import Augmentation
from handos_model.data.pool import Pool
from handos_model.data.registry import DATASETS
from handos_model.data.sample import UNKNOWN_SIDE, without_hands
from handos_model.network.decoder import DecoderSize
from handos_model.synthetic.pool_writer import write_pool
from handos_model.synthetic.render_options import RenderOptions
from handos_model.training.recipe import DatasetShare, DetectorChoice, Mixture, Recipe
from handos_model.training.run_folder import plain

PX = 96


def write_small_pool(folder: Path, count: int = 12) -> Path:
    """Renders of one large hand each."""
    write_pool(folder, count, PX, 5, RenderOptions(width=PX, height=PX, hand_size=(0.4, 0.6), hands=(0.0, 1.0, 0.0)), 1)
    return folder


def small_recipe(**changes) -> Recipe:
    """Without a mixture."""
    return replace(
        Recipe(
            batch_size=4,
            max_steps=4,
            warmup_steps=2,
            workers=0,
            threads=1,
            bf16=False,
            detector=DetectorChoice("rt_detr", str(saved_detector())),
            decoder=DecoderSize(d_model=32, d_value=32, feedforward=32),
            augmentation=Augmentation(canvas=PX),
        ),
        **changes,
    )


def of_renders(pool: Path) -> Mixture:
    return Mixture(pool=str(pool), share_renders=1.0)


class Uneven:
    """The renders of a pool as a data set: of three, one has all labels of its hand, one only 2D, one shows no hand."""

    def __init__(self, root: Path, split: str, mano: Path | None):
        self.renders = Pool(root)

    def __len__(self):
        return len(self.renders)

    def __getitem__(self, index):
        sample = self.renders[index]
        if index % 3 == 0:
            return sample
        if index % 3 == 1:
            no = np.zeros_like(sample.has_3d)
            side = np.full_like(sample.side, UNKNOWN_SIDE)
            return replace(sample, has_3d=no, has_vertices=no, side=side, absolute=False)
        return without_hands(np.full_like(sample.image, 90))

    def name(self, index):
        return str(index)

    def frame(self, index):
        return None


def of_uneven(pool: Path) -> Mixture:
    """Registers the data set in this process."""
    DATASETS["uneven"] = Uneven
    return Mixture(datasets=(DatasetShare("uneven", str(pool), "training"),))


def write_recipe(recipe: Recipe, path: Path) -> Path:
    path.write_text(yaml.safe_dump(plain(asdict(recipe))))
    return path
