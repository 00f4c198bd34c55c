"""Images for the finder: frames at any size, turned, in front of other photos."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from numpy.random import Generator
from torch import Tensor

from handos_model.network.instances import to_view
from handos_model.training.views.appearance import change_colours, spoil
from handos_model.training.views.cutting import cut, joint_views
from handos_model.training.views.labelled_frames import MAX_HANDS, Frames
from handos_model.training.views.seeing_batches import Sources, background_crops, normal, sides, surroundings, uniform

SPOILT = 0.35  # strength of camera effects on images for the finder, relative to views
MAX_ENLARGEMENT = 2.2
MIN_SHOWN = 0.45  # share of a hand's joints in the image below which it counts neither as a hand nor as none
MIN_EXTENT = 9.0  # px, likewise


@dataclass(frozen=True)
class FinderBatch:
    """B images and what the finder is to find in each."""

    images: Tensor  # (B, 3, S, S) 0..1
    views: Tensor  # (B, MAX_HANDS, 4) px
    known: Tensor  # (B, MAX_HANDS) bool: a hand to find
    ignored: Tensor  # (B, MAX_HANDS) bool: neither a hand nor none
    complete: Tensor  # (B,) bool: there are no other hands


def finder_batch(
    sources: Sources, counts: tuple[int, int, int], size: int, extents: tuple[float, float], rng: Generator
) -> FinderBatch:
    """counts: of renders, photos, hand-free images. extents: least and greatest long edge of a hand in px."""
    parts = [
        framed(sources.renders, counts[0], size, extents, sources.backgrounds),
        framed(sources.photos, counts[1], size, extents, sources.backgrounds),
        without_hands(sources.backgrounds, counts[2], size),
    ]
    values = [torch.cat(value) for value in zip(*(vars(part).values() for part in parts), strict=True)]
    batch = FinderBatch(*values)
    order = torch.randperm(len(batch.images), device=batch.images.device)
    images = spoil(change_colours(batch.images[order]), rng, SPOILT)[order.argsort()]
    return FinderBatch(images, *values[1:])


def framed(frames: Frames, count: int, size: int, extents: tuple[float, float], backgrounds: Frames) -> FinderBatch:
    """Frames placed so that one of their hands has a size drawn log-uniformly, anywhere in the image."""
    device = frames.images.device
    chosen, number = frames.draw(count)
    joints = frames.joints_2d[chosen][..., :2]
    one = joints[torch.arange(count, device=device), number]
    low, high = one.amin(1), one.amax(1)
    target = uniform(count, device, math.log(extents[0]), math.log(extents[1])).exp()
    scale = (target / (high - low).amax(1).clamp(min=8)).clamp(max=MAX_ENLARGEMENT)
    angle = normal(count, device, 0.3)
    angle = torch.where(uniform(count, device) < 0.12, uniform(count, device, -math.pi, math.pi), angle)
    flips = sides(count, device)
    room = (0.5 - 0.3 * target / size).clamp(min=0.12)
    goal = (
        (2 * torch.rand(count, 2, device=device) - 1) * room[:, None] * torch.stack([flips, torch.ones_like(flips)], 1)
    )
    edge = size / scale
    turned = torch.stack(
        [
            angle.cos() * goal[:, 0] - angle.sin() * goal[:, 1],
            angle.sin() * goal[:, 0] + angle.cos() * goal[:, 1],
        ],
        1,
    )
    views = torch.cat([(low + high) / 2 - edge[:, None] * turned, edge[:, None], angle[:, None]], 1)
    repeat = (uniform(count, device) > 0.75) & (scale > 0.6)
    around = surroundings(backgrounds, count, size)
    images = cut(frames.pixels(chosen), frames.extents[chosen], views, flips, size, around, repeat)
    seen = to_view(joints.flatten(1, 2), views).unflatten(1, (MAX_HANDS, -1))
    seen = torch.stack([seen[..., 0] * flips[:, None, None], seen[..., 1]], -1)
    return FinderBatch(images, *labels(frames, chosen, (seen + 0.5) * size - 0.5, size))


def labels(frames: Frames, chosen: Tensor, joints: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Views, known, ignored and complete of hands with joints (B, MAX_HANDS, 21, 2) px of images of size x size px."""
    there = torch.arange(MAX_HANDS, device=joints.device) < frames.count[chosen, None]
    shown = ((joints > -1) & (joints < size)).all(-1).float().mean(-1)
    extent = (joints.amax(2) - joints.amin(2)).amax(-1)
    unsure = frames.ignore[chosen] | (shown < MIN_SHOWN) | (extent < MIN_EXTENT)
    there = there & (shown > 0)
    complete = torch.full((len(joints),), frames.complete, device=joints.device)
    return joint_views(joints), there & ~unsure, there & unsure, complete


def without_hands(backgrounds: Frames, count: int, size: int) -> FinderBatch:
    """Hand-free photos, most of them small within another: the edge of a picture must not mean a hand."""
    device = backgrounds.images.device
    inset = count * 2 // 3
    chosen = torch.randint(len(backgrounds), (inset,), device=device)
    edge = size * uniform(inset, device, math.log(0.5), math.log(7)).exp()
    shift = 0.9 * (torch.rand(inset, 2, device=device) - 0.5) * edge[:, None]
    views = torch.cat([backgrounds.extents[chosen] / 2 - shift, edge[:, None], normal(inset, device, 0.5)[:, None]], 1)
    around = surroundings(backgrounds, inset, size)
    repeat = uniform(inset, device) > 0.85
    flips = sides(inset, device)
    images = cut(backgrounds.pixels(chosen), backgrounds.extents[chosen], views, flips, size, around, repeat)
    nothing = torch.zeros(count, MAX_HANDS, dtype=torch.bool, device=device)
    return FinderBatch(
        images=torch.cat([images, background_crops(backgrounds, count - inset, size)]),
        views=torch.ones(count, MAX_HANDS, 4, device=device),
        known=nothing,
        ignored=nothing,
        complete=torch.ones(count, dtype=torch.bool, device=device),
    )
