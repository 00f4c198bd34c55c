"""Places without a hand that a trained finder takes for one: the best examples for learning to tell hands apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handos_model.network.finder import HandFinder
from handos_model.training.views.labelled_frames import Frames

LOW_SCORE = 0.04  # score from which on a place is taken
MAX_PER_PHOTO = 6
APART = 0.35  # distance of two places, in sizes of the better one
CANVAS = 256  # px, a multiple of 32, of the photo as the finder sees it


@dataclass(frozen=True)
class Lookalikes:
    """Views in hand-free photos."""

    frames: Tensor  # (n,)
    views: Tensor  # (n, 4) px of the frame


@torch.no_grad()
def find_lookalikes(backgrounds: Frames, finder: HandFinder) -> Lookalikes:
    """The finder's best places in every hand-free photo."""
    finder.eval()
    frames, views = [], []
    for number in range(len(backgrounds)):
        image = backgrounds.pixels(torch.tensor([number], device=backgrounds.images.device))[:, :, :CANVAS, :CANVAS]
        logits, places = finder(image)
        chosen = apart(places[0, logits[0].argsort(descending=True)[: int((logits[0].sigmoid() > LOW_SCORE).sum())]])
        frames.append(torch.full((len(chosen),), number, device=logits.device))
        views.append(chosen)
    return Lookalikes(torch.cat(frames), torch.cat(views))


def apart(views: Tensor) -> Tensor:
    """The first of views (n, 4) that do not cover an earlier one."""
    kept: list[Tensor] = []
    for view in views:
        if all((view[:2] - other[:2]).norm() > APART * other[2] for other in kept):
            kept.append(view)
        if len(kept) == MAX_PER_PHOTO:
            break
    return torch.stack(kept) if kept else views[:0]
