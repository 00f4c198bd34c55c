"""The frozen foundation's output for training views, on disk: it needs no gradient, and is used many times.

On one core it takes 30 ms to cut, change and see a view; learning from a cached one takes 10 to 20 ms. One takes 22 kB,
or 142 kB with the maps, which only a decoder that looks at them needs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from handos_model.network.detectors.detector import Detection
from handos_model.network.detectors.landmark_detector import QUERY, LandmarkDetector
from handos_model.output.array_file import array_file
from handos_model.output.output_file import completed
from handos_model.training.objective.criterion import HandTargets
from handos_model.training.views.seeing_batches import Sources, see_batch

BATCH = 64
PROGRESS = "cached.json"
PAUSE = 1.0  # s
HALF = ("map8", "map16", "map32", "vector", "seen", "vertices")  # kept at half precision


def batch_of(detection: Detection, targets: HandTargets, presence: Tensor, maps: bool) -> dict[str, Tensor]:
    """One row per view: the foundation's outputs, its maps if asked for, and labels, zeros where there is no hand."""
    rows = {}
    if maps:
        rows = {f"map{stride}": m for stride, m in zip(detection.memory_strides, detection.memory, strict=True)}
    vector, said = detection.queries.split((QUERY[0], sum(QUERY[1:])), -1)
    rows |= {"vector": vector, "said": said, "points": detection.keypoints, "seen": detection.seen}
    rows["presence"] = presence
    shows = torch.zeros_like(presence)
    shows[: len(targets.joints)] = 1
    for name, value in vars(targets).items():
        rows[name] = value.new_zeros(len(presence), *value.shape[1:])
        rows[name][: len(value)] = value
    return rows | {"shows": shows}


def detection_of(batch: dict[str, Tensor], detector: LandmarkDetector) -> Detection:
    """The foundation's original outputs for the rows of a batch."""
    maps = [batch[f"map{stride}"] for stride in detector.memory_strides if f"map{stride}" in batch]
    return detector.detection(maps, torch.cat([batch["vector"], batch["said"]], -1), batch["points"], batch["seen"])


def seeded(seed: int, number: int) -> np.random.Generator:
    """The generator of a batch; seeds torch's as well, so that a batch depends only on the seed and its number."""
    rng = np.random.default_rng([seed, number])
    torch.manual_seed(int(rng.integers(2**31)))
    return rng


def fill_cache(
    folder: Path, made: dict[str, Any], counts: tuple[int, int, int, int], frames: Callable[[float], Sources],
    see: Callable[[Tensor], Detection],
) -> None:  # fmt: skip
    """Cache as many views as are missing. An interrupted run continues, with the same rows.

    made: everything that the views depend on, as JSON holds it; used here are count, seed and maps, which is whether to
    cache the foundation's maps. counts: kinds of views in a batch. frames: returns those to cut from, given the
    fraction of the cache that is filled. Raises ValueError if the folder holds another cache.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress = folder / PROGRESS
    count, batches, done = made["count"], batches_of(made), filled(folder, made)
    files: dict[str, np.ndarray] = {}
    for k in tqdm(range(done, batches), desc="cache", unit="batch"):
        sources = frames(k / batches)
        rng = seeded(made["seed"], k)
        with torch.no_grad():
            images, targets, presence = see_batch(sources, counts, rng)
            rows = batch_of(see(images), targets, presence, made["maps"])
        files = files or {name: opened(folder, name, value, count) for name, value in rows.items()}
        for name, value in rows.items():
            files[name][k * BATCH : (k + 1) * BATCH] = value[: count - k * BATCH].cpu().numpy()
        with completed(progress) as place:  # other processes read it meanwhile
            place.write_text(json.dumps(made | {"batches": k + 1}))


def filled(folder: Path, made: dict[str, Any]) -> int:
    """How many batches of a cache are there. Raises ValueError if the folder holds another cache."""
    progress = folder / PROGRESS
    done = json.loads(progress.read_text()) if progress.is_file() else made | {"batches": 0}
    if other := sorted(name for name in done.keys() | made if name != "batches" and done.get(name) != made.get(name)):
        raise ValueError(
            f"{folder} contains a cache with other settings ({', '.join(other)}; see {progress}): give another folder"
        )
    return done["batches"]


def batches_of(made: dict[str, Any]) -> int:
    """How many batches a whole cache has."""
    return -(-made["count"] // BATCH)


def await_cache(folder: Path, made: dict[str, Any]) -> None:
    """Waits until another process, perhaps on another machine, has filled the cache."""
    while filled(folder, made) < batches_of(made):
        time.sleep(PAUSE)


def opened(folder: Path, name: str, value: Tensor, count: int) -> np.ndarray:
    """The file of one kind of row, made where it is missing."""
    path = folder / f"{name}.npy"
    kind = np.float16 if name in HALF else np.float32
    if path.is_file():
        return np.load(path, mmap_mode="r+")
    return array_file(path, kind, (count, *value.shape[1:]))


def cached_batches(folder: Path, size: int, draws: Iterable[np.random.Generator]) -> Iterator[dict[str, Tensor]]:
    """Batches of random rows of a whole cache, each drawn by the next generator."""
    files = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
    if not files:
        raise FileNotFoundError(f"there is no cache in {folder}")
    count = len(files["presence"])
    for rng in draws:
        rows = np.sort(rng.integers(count, size=size))
        yield {name: torch.from_numpy(np.array(file[rows])).float() for name, file in files.items()}
