"""SeenHands: what a network says about the hands of one image, and which of several results are the same hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

DUPLICATE_DISTANCE = 0.15
"""Two results are one hand when their joints lie this close on average, as a fraction of the larger one's extent."""
DUPLICATE_OVERLAP = 0.7
"""They are also one hand when their boxes have this intersection over union: it may be seen in two poses."""

PART = 0.5
"""If one of two results lies in the other's box and is smaller by this factor, only one of them is a hand. The larger
one is kept, since knuckles can look like a hand, unless the smaller one is far more certain: a hand with its forearm
looks a little like a larger hand."""
WHOLE_ODDS = 10.0
"""The smaller one is kept if the odds of its score are more than this many times those of the larger one's."""

AGREEMENT = 0.034
"""Distance between the joints of two estimates, as a fraction of the view's size, that speaks neither for nor against a
hand. The two are closer in 19 of 20 photos of hands, but rarely for other things."""
LEAST_APART = 0.1
"""Distance as a fraction of AGREEMENT below which closer estimates count no more."""


Box = list[tuple[float, float]]
"""(low, high) px of x, then of y."""


@dataclass(frozen=True)
class SeenHands:
    """N hands; pixels are those of the source image."""

    scores: np.ndarray  # (N,)
    joints_2d: np.ndarray  # (N, 21, 2) px
    joint_confidence: np.ndarray  # (N, 21)
    joints_3d: np.ndarray  # (N, 21, 3) m, relative to the wrist, view frame
    vertices: np.ndarray  # (N, 778, 3) m, likewise
    views: np.ndarray  # (N, 4) cx, cy, size in px, angle in rad of the square that they were seen in
    translation: np.ndarray  # (N, 3) of the normalised camera
    right: np.ndarray  # (N,) probability of a right hand

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: np.ndarray | list[int]) -> SeenHands:
        """The hands at `index`, in that order."""
        index = np.asarray(index, np.intp)
        return SeenHands(*(getattr(self, f.name)[index] for f in fields(self)))

    def where(self, kept: np.ndarray) -> SeenHands:
        """The hands for which `kept` (N,) is true."""
        return self if kept.all() else self.take(np.flatnonzero(kept))

    def finite(self) -> SeenHands:
        """The hands whose numbers contain neither NaN nor infinity."""
        values = [np.asarray(getattr(self, f.name)) for f in fields(self)]
        flat = [value.reshape(len(self), math.prod(value.shape[1:])) for value in values]
        return self.where(np.isfinite(np.concatenate(flat, axis=1).sum(axis=1)))  # no sum that includes NaN is finite

    def mirrored(self, width: int) -> SeenHands:
        """The hands in the mirror image, `width` px wide, of the view that joints_2d lie in: left becomes right."""
        x = np.array([-1, 1, 1], np.float32)
        joints_2d = self.joints_2d * x[:2] + np.array([width - 1, 0], np.float32)
        return SeenHands(
            self.scores, joints_2d, self.joint_confidence, self.joints_3d * x, self.vertices * x, self.views,
            self.translation * x, 1 - self.right,
        )  # fmt: skip

    def kept(self, order: Sequence[int]) -> list[int]:
        """The indices in `order` of hands that are neither the same as an earlier one nor hidden by another."""
        # Plain numbers: on a few hands NumPy takes several times as long.
        joints = self.joints_2d.tolist()
        boxes = [[(min(axis), max(axis)) for axis in zip(*points, strict=True)] for points in joints]
        extents = [max(high - low for low, high in box) for box in boxes]
        odds = [score / max(1 - score, 1e-6) for score in self.scores.tolist()]

        def hides(i: int, j: int) -> bool:
            """Whether one is a part of the other and, of the two, only i is a hand."""
            small, large = (i, j) if extents[i] < extents[j] else (j, i)
            part = extents[small] < PART * extents[large] and _within(boxes[small], boxes[large])
            return part and (odds[small] > WHOLE_ODDS * odds[large]) == (i == small)

        kept: list[int] = []
        for i in order:
            hidden = any(hides(j, i) for j in order)
            if not hidden and not any(_same(joints[i], joints[j], boxes[i], boxes[j]) for j in kept):
                kept.append(i)
        return kept

    def distinct(self) -> SeenHands:
        """The best result for each hand, without the others that are the same hand; best score first."""
        scores = self.scores.tolist()
        kept = self.kept(sorted(range(len(scores)), key=lambda i: -scores[i]))
        return self if kept == list(range(len(self))) else self.take(kept)


def agreed(one: SeenHands, other: SeenHands) -> SeenHands:
    """The mean of two estimates of the same N hands, each seen in one view.

    If they disagree about the side of a hand, the mean of its shapes is meaningless, and the more confident one is
    kept. The odds of a score are divided by the distance between the joints of the two, in units of AGREEMENT: where
    there is no hand, the two estimates differ three times as much.
    """
    first = np.abs(one.right - 0.5) >= np.abs(other.right - 0.5)
    differ = (one.right > 0.5) != (other.right > 0.5)

    def shape(name: str) -> np.ndarray:
        a, b = getattr(one, name), getattr(other, name)
        choose = (slice(None), *(None,) * (a.ndim - 1))
        return np.where(differ[choose], np.where(first[choose], a, b), (a + b) / 2)

    apart = np.linalg.norm(one.joints_2d - other.joints_2d, axis=2).mean(axis=1) / one.views[:, 2]
    score = (one.scores + other.scores) / 2
    against = (1 - score) * np.maximum(apart / AGREEMENT, LEAST_APART)
    return SeenHands(
        score / np.maximum(score + against, 1e-9),
        (one.joints_2d + other.joints_2d) / 2,
        (one.joint_confidence + other.joint_confidence) / 2,
        shape("joints_3d"),
        shape("vertices"),
        one.views,
        shape("translation"),
        (one.right + other.right) / 2,
    )


def joined(parts: Sequence[SeenHands]) -> SeenHands:
    """All hands of several SeenHands."""
    if not parts:
        return NONE
    return SeenHands(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(SeenHands)))


def _within(box: Box, other: Box) -> bool:
    """Whether the middle of a box lies in another."""
    return all(low <= sum(own) / 2 <= high for own, (low, high) in zip(box, other, strict=True))


def _same(a: list[list[float]], b: list[list[float]], box: Box, other: Box) -> bool:
    """Whether 21 joints (x, y) of two results, and the boxes around them, are those of one hand."""
    extent = max(high - low for low, high in (*box, *other))
    near = sum(map(math.dist, a, b)) < DUPLICATE_DISTANCE * extent * len(a)
    common = math.prod(
        max(0.0, min(high, top) - max(low, bottom)) for (low, high), (bottom, top) in zip(box, other, strict=True)
    )
    both = sum(math.prod(high - low for low, high in edges) for edges in (box, other)) - common
    return near or common > DUPLICATE_OVERLAP * both


_SHAPES = ((), (21, 2), (21,), (21, 3), (778, 3), (4,), (3,), ())
NONE = SeenHands(*(np.zeros((0, *shape), np.float32) for shape in _SHAPES))
"""No hand."""
