"""Backgrounds of synthetic frames: random crops of photos, or procedural pictures where no photos are given."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from handos_model.io.image_file import read_image

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
SCALED_DOWN = 448  # px, long edge of a photo kept in memory


@lru_cache(maxsize=16)
def list_photos(folder: str, excluded: frozenset[str]) -> tuple[str, ...]:
    """Sorted paths of the photos under a folder, without those whose path ends in an excluded name.

    An excluded name is a path with forward slashes that a photo's path ends with, for example
    `backgrounds/kitchen/12.jpg`. Raises FileNotFoundError when the folder is missing or holds no photo.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"backgrounds folder {folder} does not exist: give a folder of photos, or none")
    photos, held_out = [], 0
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in PHOTO_SUFFIXES:
            continue
        parts = path.resolve().parts
        tails = {"/".join(parts[-k:]) for k in range(1, min(5, len(parts)) + 1)}
        if tails & excluded:
            held_out += 1
        else:
            photos.append(str(path))
    if held_out and not photos:
        raise FileNotFoundError(
            f"all {held_out} photos of the backgrounds folder {folder} are kept for evaluation: give others"
        )
    if not photos:
        raise FileNotFoundError(f"backgrounds folder {folder} contains no photos ({', '.join(sorted(PHOTO_SUFFIXES))})")
    return tuple(photos)


@lru_cache(maxsize=1200)
def _load(path: str) -> np.ndarray | None:
    """RGB photo of at most 448 px, uint8; None when it cannot be read."""
    try:
        image = read_image(Path(path))
    except (OSError, ValueError):
        return None
    scale = SCALED_DOWN / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return image


def procedural(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A made-up background (H,W,3) uint8: coloured noise at several scales, a gradient, some shapes."""
    image = np.zeros((height, width, 3), np.float32) + rng.uniform(30, 220, 3)
    for cells in (2, 4, 9, 25, 60):
        noise = rng.normal(0, 1, (cells, cells, 3)) * 0.5 + rng.normal(0, 1, (cells, cells, 1))
        size = (width, height)
        image += cv2.resize(noise.astype(np.float32), size, interpolation=cv2.INTER_CUBIC) * rng.uniform(2, 22)
    for _ in range(rng.integers(0, 12)):
        colour = tuple(float(c) for c in rng.uniform(0, 255, 3))
        points = (rng.uniform(-0.2, 1.2, 2) + rng.normal(0, 0.2, (rng.integers(3, 6), 2))) * (width, height)
        layer = image.copy()
        if rng.random() < 0.6:
            cv2.fillPoly(layer, [cv2.convexHull(points.astype(np.int32))], colour, cv2.LINE_AA)
        else:
            cv2.polylines(layer, [points.astype(np.int32)], False, colour, int(rng.integers(1, 12)), cv2.LINE_AA)
        image = image + (layer - image) * rng.uniform(0.4, 1.0)
    return np.clip(image, 0, 255).astype(np.uint8)


def random_crop(rng: np.random.Generator, photo: np.ndarray, height: int, width: int) -> np.ndarray:
    """A random crop (H,W,3) of a photo with the wanted aspect ratio, flipped and scaled at random."""
    share = rng.uniform(0.35, 1.0)
    scale = share * min(photo.shape[0] / height, photo.shape[1] / width)
    crop_h, crop_w = max(1, int(height * scale)), max(1, int(width * scale))
    y = int(rng.integers(0, photo.shape[0] - crop_h + 1))
    x = int(rng.integers(0, photo.shape[1] - crop_w + 1))
    crop = photo[y : y + crop_h, x : x + crop_w]
    crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR)
    return cv2.flip(crop, 1) if rng.random() < 0.5 else crop


def background(
    rng: np.random.Generator, height: int, width: int, folder: Path | None, excluded: frozenset[str]
) -> np.ndarray:
    """A background (H,W,3) uint8 RGB: a crop of a photo of the folder, or procedural without a folder."""
    if folder is None:
        return procedural(rng, height, width)
    photos = list_photos(str(folder), excluded)
    photo = _load(photos[int(rng.integers(len(photos)))])
    if photo is None:
        return procedural(rng, height, width)
    return random_crop(rng, photo, height, width)


def textures(rng: np.random.Generator, behind: np.ndarray, folder: Path | None, excluded: frozenset[str]) -> np.ndarray:
    """Three textures (3,96,96,3) float32 in 0..1 for cloth and objects: two of another background, one of this one."""
    other = background(rng, 192, 192, folder, excluded)
    crops = [random_crop(rng, picture, 96, 96) for picture in (other, other, behind)]
    return np.stack(crops).astype(np.float32) / 255
