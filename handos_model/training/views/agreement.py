"""Labels of photos on which the frozen foundation agrees with itself.

A pseudo-label is a single look of one network. The mean over moved, turned and mirrored views is closer to the hand;
where the looks disagree, the truth is unknown, and labels stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from handos_model.network.detectors.detector import Detection
from handos_model.network.detectors.landmark_detector import QUERY
from handos_model.network.instances import camera_rotation, to_pixels, to_view, turn
from handos_model.prediction.views import SIZE
from handos_model.training.views.cutting import cut, joint_views
from handos_model.training.views.labelled_frames import Frames
from handos_model.training.views.seeing_batches import MIRRORED, normal

LOOKS = 6
MOVED = (0.025, 0.08, 0.15)  # standard deviations of the place in view sizes, the size's logarithm, the angle in rad
BATCH = 64
MAX_SPREAD = 0.06  # mean distance of a look's joints from the median look's, in sizes of the hand
MAX_MOVE = 0.08  # distance of the mean of all looks from the label, likewise
MIN_LOOKS = 4  # number of looks that must agree


@torch.no_grad()
def agree(photos: Frames, see: Callable[[Tensor], Detection], seed: int) -> int:
    """Replaces the labels of photos' hands by the mean of LOOKS looks where these agree; returns their number."""
    torch.manual_seed(seed)
    replaced = 0
    for part in photos.hands.split(BATCH):
        frames, numbers = part.unbind(1)
        label = photos.joints_2d[frames, numbers, :, :2]
        looks = [look(photos, frames, label, see, mirror) for mirror in (-1.0, 1.0) * (LOOKS // 2)]
        joints, world, sure = (torch.stack(values, 1) for values in zip(*looks, strict=True))
        extent = (label.amax(1) - label.amin(1)).amax(-1)
        spread = (joints - joints.median(1, keepdim=True).values).norm(dim=-1).mean(-1) / extent[:, None]
        counted = (sure & (spread < MAX_SPREAD)).float()
        share = (counted / counted.sum(1, keepdim=True).clamp(min=1))[:, :, None, None]
        joints, world = (joints * share).sum(1), (world * share).sum(1)
        moved = (joints - label).norm(dim=-1).mean(-1) / extent
        good = (counted.sum(1) >= MIN_LOOKS) & (moved < MAX_MOVE)
        upright = torch.cat([joints.mean(1), torch.ones_like(label[:, :1, 0]), torch.zeros_like(label[:, :1, 0])], 1)
        world = world @ camera_rotation(upright, photos.K[frames]).mT
        photos.joints_2d[frames[good], numbers[good], :, :2] = joints[good]
        photos.joints_3d[frames[good], numbers[good]] = world[good]
        replaced += int(good.sum())
    return replaced


def look(
    photos: Frames, frames: Tensor, joints: Tensor, see: Callable[[Tensor], Detection], mirror: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Results of the foundation on one moved view of the hands at `joints`, mirrored if mirror is -1.

    Joints (n, 21, 2) px, world landmarks (n, 21, 3) m in the axes of a camera looking at the hand, and if it is one.
    """
    count, device = len(frames), joints.device
    views = joint_views(joints)
    place, size, angle = MOVED
    shift = views[:, 2:3] * place * torch.randn(count, 2, device=device)
    views = torch.cat(
        [
            views[:, :2] + shift,
            (views[:, 2] * normal(count, device, size).exp())[:, None],
            (views[:, 3] + normal(count, device, angle))[:, None],
        ],
        1,
    )
    every = torch.ones(count, dtype=torch.bool, device=device)
    around = torch.zeros(count, 3, SIZE, SIZE, device=device)
    x = cut(photos.pixels(frames), photos.extents[frames], views, every * mirror, SIZE, around, every)
    seen = see(x)
    _, world, presence, _ = seen.queries[:, 0].split(QUERY, -1)
    whole = torch.tensor([(SIZE - 1) / 2, (SIZE - 1) / 2, SIZE, 0.0], device=device).expand(count, 4)
    flip = MIRRORED.to(device) if mirror < 0 else torch.ones(3, device=device)
    found = to_pixels(to_view(seen.keypoints[:, 0], whole) * flip[:2], views)
    world = world.unflatten(-1, (-1, 3)) * flip
    flat = turn(world[..., :2], views[:, 3])
    return found, torch.cat([flat, world[..., 2:]], -1), presence[:, 0] > 0
