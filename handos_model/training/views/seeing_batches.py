"""Batches of views for `see` and of images for `find`, cut from frames and changed at random."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from numpy.random import Generator
from torch import Tensor

from handos_model.hand import VERTICES
from handos_model.network.instances import camera_rotation, to_view
from handos_model.prediction.views import SIZE
from handos_model.training.objective.criterion import SIGNS, HandTargets, hand_size, view_rays
from handos_model.training.views.appearance import change_colours, cover, spoil
from handos_model.training.views.cutting import cut, joint_views
from handos_model.training.views.labelled_frames import MAX_HANDS, Frames
from handos_model.training.views.lookalikes import Lookalikes

MIRRORED = torch.tensor([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Sources:
    """Where training frames come from. `backgrounds` show no hand; `lookalikes` are places in them."""

    renders: Frames
    photos: Frames
    backgrounds: Frames
    lookalikes: Lookalikes | None = None


def uniform(count: int, device: torch.device, low: float = 0.0, high: float = 1.0) -> Tensor:
    """(count,) numbers between low and high."""
    return low + (high - low) * torch.rand(count, device=device)


def normal(count: int, device: torch.device, spread: float) -> Tensor:
    """(count,) numbers about 0."""
    return spread * torch.randn(count, device=device)


def background_crops(backgrounds: Frames, count: int, size: int) -> Tensor:
    """Parts (count, 3, size, size) of hand-free photos."""
    device = backgrounds.images.device
    frames = torch.randint(len(backgrounds), (count,), device=device)
    extents = backgrounds.extents[frames]
    centre = extents * (0.15 + 0.7 * torch.rand(count, 2, device=device))
    turned = torch.where(
        uniform(count, device) < 0.3, uniform(count, device, -math.pi, math.pi), normal(count, device, 0.2)
    )
    edge = extents.amin(1) * uniform(count, device, 0.25, 1.15)
    views = torch.cat([centre, edge[:, None], turned[:, None]], 1)
    every = torch.ones(count, dtype=torch.bool, device=device)
    black = torch.zeros(count, 3, size, size, device=device)
    return cut(backgrounds.pixels(frames), extents, views, sides(count, device), size, black, every)


def sides(count: int, device: torch.device) -> Tensor:
    """(count,) -1 or 1: mirrored or not."""
    return torch.where(uniform(count, device) < 0.5, -1.0, 1.0)


def surroundings(backgrounds: Frames, count: int, size: int) -> Tensor:
    """Fill beyond the edges of frames: part of a hand-free photo, or nothing."""
    around = background_crops(backgrounds, count, size)
    return around * (uniform(count, around.device) > 0.2)[:, None, None, None]


def jittered(views: Tensor) -> Tensor:
    """Views (n, 4) as a finder or the last frame would place them: shifted, turned, larger or smaller."""
    count, device = len(views), views.device
    wide = torch.where(uniform(count, device) < 0.12, normal(count, device, 0.35), 0.0)
    size = views[:, 2] * (normal(count, device, 0.14) + wide).exp().clamp(0.6, 2.2)
    shift = views[:, 2:3] * 0.06 * torch.randn(count, 2, device=device)
    lost = torch.where(uniform(count, device) < 0.06, uniform(count, device, -math.pi, math.pi), 0.0)
    angle = views[:, 3] + normal(count, device, 0.18) + lost
    return torch.cat([views[:, :2] + shift, size[:, None], angle[:, None]], 1)


def see_batch(
    sources: Sources, counts: tuple[int, int, int, int], rng: Generator
) -> tuple[Tensor, HandTargets, Tensor]:
    """Views (B, 3, 224, 224), targets of the first n of them, which show a hand, and whether each view shows one.

    counts: of renders, photos, places beside hands, hand-free photos. Presence is -1 where it is not known.
    """
    images, targets, presence = [], [], []
    for frames, count in ((sources.renders, counts[0]), (sources.photos, counts[1])):
        chosen, number = frames.draw(count)
        views = jittered(joint_views(frames.joints_2d[chosen, number, :, :2]))
        flips = sides(count, views.device)
        images.append(place(frames, chosen, views, flips, SIZE, sources.backgrounds))
        targets.append(view_targets(frames, chosen, number, views, flips))
        presence.append(torch.ones(count, device=views.device))
    chosen, views, free = beside_hands(sources.renders, counts[2])
    images.append(place(sources.renders, chosen, views, sides(counts[2], views.device), SIZE, sources.backgrounds))
    presence.append(torch.where(free, 0.0, -1.0))
    lookalikes = sources.lookalikes
    alike = counts[3] // 2 if lookalikes is not None and len(lookalikes.frames) else 0
    images.append(background_crops(sources.backgrounds, counts[3] - alike, SIZE))
    if lookalikes is not None and alike:
        images.append(lookalike_crops(sources, lookalikes, alike))
    presence.append(torch.zeros(counts[3], device=views.device))
    x = cover(torch.cat(images), 0.18)
    order = torch.randperm(len(x), device=x.device)  # images that share a blur shall not share a source
    x = spoil(change_colours(x[order]), rng, 1.0)[order.argsort()]
    return x, joined(targets), torch.cat(presence)


def lookalike_crops(sources: Sources, lookalikes: Lookalikes, count: int) -> Tensor:
    """Views (count, 3, 224, 224) of places that a finder takes for hands."""
    chosen = torch.randint(len(lookalikes.frames), (count,), device=lookalikes.frames.device)
    views = jittered(lookalikes.views[chosen])
    flips = sides(count, views.device)
    return place(sources.backgrounds, lookalikes.frames[chosen], views, flips, SIZE, sources.backgrounds)


def place(frames: Frames, chosen: Tensor, views: Tensor, flips: Tensor, size: int, backgrounds: Frames) -> Tensor:
    """Views of the chosen frames, with something around what these show."""
    around = surroundings(backgrounds, len(chosen), size)
    repeat = uniform(len(chosen), views.device) > 0.6
    return cut(frames.pixels(chosen), frames.extents[chosen], views, flips, size, around, repeat)


def beside_hands(renders: Frames, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames (count,), views (count, 4) anywhere in them, and whether these are free of hands (count,)."""
    device, size = renders.images.device, renders.size
    chosen = torch.randint(len(renders), (count,), device=device)
    edge = size * uniform(count, device, 0.15, 0.9)
    centre = size * torch.rand(count, 2, device=device)
    turned = uniform(count, device, -math.pi, math.pi)
    views = torch.cat([centre, edge[:, None], turned[:, None]], 1)
    joints = renders.joints_2d[chosen][..., :2]
    low, high = joints.amin(2), joints.amax(2)
    distance = ((low + high) / 2 - centre[:, None]).norm(dim=-1)
    clear = distance > 0.5 * (high - low).amax(-1) + 0.38 * edge[:, None]
    known = torch.arange(MAX_HANDS, device=device) < renders.count[chosen, None]
    return chosen, views, (clear | ~known).all(1)


def view_targets(frames: Frames, chosen: Tensor, number: Tensor, views: Tensor, flips: Tensor) -> HandTargets:
    """Targets of the hands `number` of the chosen frames in their views, scaled to 1 m of palm and finger bones.

    The criterion scales them to its template's hand.
    """
    K, joints_px = frames.K[chosen], frames.joints_2d[chosen, number]
    rotation = camera_rotation(views, K)
    focal, rays = view_rays(joints_px, K, views, rotation)
    joints_3d = frames.joints_3d[chosen, number]
    unit = 1 / hand_size(joints_3d).clamp(min=1e-3)[:, None, None]
    joints_3d = (joints_3d - joints_3d[:, :1]) @ rotation * unit
    solid = torch.full_like(focal, float(frames.vertices.shape[2] > 0))
    vertices = torch.zeros(len(chosen), VERTICES, 3, device=focal.device)
    if frames.vertices.shape[2]:
        vertices = frames.vertices[chosen, number].float() @ rotation * unit
    mirror = torch.where(flips[:, None, None] < 0, MIRRORED.to(focal.device), 1.0)
    joints = to_view(joints_px[..., :2], views) * mirror[..., :2]
    extent = joints.amax(1) - joints.amin(1)
    edge = extent.amax(-1).clamp(min=0.05)
    return HandTargets(
        joints=joints,
        rays=rays * mirror[..., :2],
        weight=(joints_px[..., 2] > 0).float(),
        long_edge=edge,
        area=torch.maximum(extent.prod(-1), 0.3 * edge.square()),
        joints_3d=joints_3d * mirror,
        vertices=vertices * mirror,
        has_3d=torch.ones_like(focal),
        has_vertices=solid,
        measured=solid > 0,
        focal=focal,
        sign=SIGNS.to(focal.device)[frames.side[chosen, number]] * flips,
    )


def joined(parts: list[HandTargets]) -> HandTargets:
    """The hands of several parts of a batch."""
    return HandTargets(*(torch.cat(values) for values in zip(*(vars(part).values() for part in parts), strict=True)))
