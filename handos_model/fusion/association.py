"""Decides which hands of several cameras are the same hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from handos_model.fusion.sighting import SHARPEST, Sighting
from handos_model.hand import OTHER_SIDE
from handos_model.tracking.assignment import assign

INDEPENDENT = 4.0
"""Number of independent joints that tell as much as 21 with correlated errors."""
CAMERA_GATE = 30.0
"""Squared standard deviations by which two cameras may disagree on one hand; if both are right, it is about 6."""
OPPOSITE = 16.0
"""Penalty in the same unit if one camera says left and the other right, both with certainty."""
NO_MIRROR_IMAGE = 3 * CAMERA_GATE
"""A larger disagreement, in the same unit, is not explained by one camera's taking a hand for its mirror image."""
TOGETHER = 10.0
"""Reduction in the same unit if the two were one hand in the last frame."""

Group = list[Sighting]
"""Sightings of one hand, at most one by each camera."""
Together = Mapping[tuple[str, int], Collection[tuple[str, int]]]
"""For Sighting.source of a hand, those that were the same hand in the last frame."""


class Sightings:
    """N sightings as arrays, with the axes of space first: so NumPy compares one with many of them at once."""

    def __init__(self, each: Sequence[Sighting]) -> None:
        self.each = each
        self.reach = np.array([seen.reach for seen in each]).transpose(2, 0, 1).copy()
        """(3, N, 21) m, as Sighting.reach."""
        self.points = np.array([seen.points for seen in each]).transpose(2, 0, 1).copy()
        """(3, N, 21) m, as Sighting.points."""
        self.covariance = np.array([seen.covariance for seen in each]).transpose(2, 3, 0, 1).copy()
        """(3, 3, N, 21) m^2, as Sighting.covariance."""
        self.distance_deviation = np.array([seen.distance_deviation for seen in each])
        """(N,), as Sighting.distance_deviation."""
        self.side = np.array([seen.hand.side for seen in each])
        self.side_confidence = np.array([seen.hand.side_confidence for seen in each])


def groups(views: Sequence[Sequence[Sighting]], together: Together) -> list[Group]:
    """Puts every sighting into a group, together with those of other cameras that are the same hand.

    views: the sightings of each camera; together: what were one hand before.
    """
    found: list[Group] = []
    for sightings in views:
        pairs = dict(assign(_costs(sightings, found, together))) if found else {}
        for row, seen in enumerate(sightings):
            if row in pairs:
                found[pairs[row]].append(seen)
        found += [[seen] for row, seen in enumerate(sightings) if row not in pairs]
    return found


def _costs(sightings: Sequence[Sighting], found: list[Group], together: Together) -> list[list[float]]:
    """A row for each sighting: its average disagreement with the members of each group, beyond CAMERA_GATE."""
    others = Sightings([other for group in found for other in group])
    sizes = np.array([len(group) for group in found])
    costs = []
    for seen in sightings:
        each = disagreements(seen, others)
        if before := together.get(seen.source):
            each -= TOGETHER * np.array([other.source in before for other in others.each])
        costs.append((np.add.reduceat(each, np.cumsum(sizes) - sizes) / sizes - CAMERA_GATE).tolist())
    return costs


def disagreements(one: Sighting, others: Sightings) -> np.ndarray:
    """Squared standard deviations (N,) by which a sighting and each of N others differ if the two are one hand.

    If they are not known to be of the same side, either camera may have taken the hand for its mirror image in depth,
    with every depth on the wrong side of the wrist: the best of these three counts.
    """
    side, apart = one.hand.side, _apart(one, others)
    best = apart.copy()
    doubtful = np.flatnonzero(((others.side != side) | (side == "unknown")) & (apart < NO_MIRROR_IMAGE)).tolist()
    if doubtful and one.turned:
        best[doubtful] = np.minimum(best[doubtful], _apart(one.turned, Sightings([others.each[n] for n in doubtful])))
    turned = {n: other for n in doubtful if (other := others.each[n].turned)}
    if turned:
        best[list(turned)] = np.minimum(best[list(turned)], _apart(one, Sightings(list(turned.values()))))
    doubt = one.hand.side_confidence * others.side_confidence * (others.side == OTHER_SIDE.get(side))
    return best + OPPOSITE * doubt


def _apart(one: Sighting, others: Sightings) -> np.ndarray:
    """The disagreements (N,) of the sightings as they are, whatever their sides.

    They are those of triangulate((one, other)), without its joints: where two ellipsoids meet best, the difference of
    their centres is as many standard deviations away as in the sum of their covariances. The distance of the hand from
    either camera is unknown, so what is left of the difference after moving the hands along their rays counts.
    """
    steps = np.empty((3, 3, len(others.each), len(one.reach)))  # of three kinds in space: (3, 3, N, 21)
    steps[:, 0], steps[:, 1], steps[:, 2] = others.points - one.points.T[:, None], one.reach.T[:, None], others.reach
    _whiten(steps, one.covariance.transpose(1, 2, 0)[:, :, None] + others.covariance)
    kinds = np.zeros((3, len(others.each), 3 * len(one.reach) + 2))
    kinds[:, :, :-2] = steps.transpose(1, 2, 0, 3).reshape(3, len(others.each), -1)
    kinds[1, :, -2] = 1 / one.distance_deviation  # each scale is a measurement, too: that it is 1
    kinds[2, :, -1] = 1 / others.distance_deviation
    off, ours, theirs = kinds  # each (N, 65)
    theirs = _without(theirs, ours)
    off = _without(_without(off, ours), theirs)
    joints, scale = off[:, :-2], off[:, -2:]
    return INDEPENDENT / joints.shape[1] * _products(joints, joints) + _products(scale, scale)


def _whiten(vectors: np.ndarray, covariance: np.ndarray) -> None:
    """Solves for vectors (3, K, N, 21), in place, with the Cholesky factors of covariances (3, 3, N, 21).

    So they are in standard deviations. Written out, as NumPy's solvers are several times slower for many small
    matrices; covariance is overwritten.
    """
    for row in range(3):
        deviation = np.sqrt(np.maximum(covariance[row, row], SHARPEST**2))  # rounding may make it negative
        vectors[row] /= deviation
        below = covariance[row + 1 :, row] / deviation
        covariance[row + 1 :, row + 1 :] -= below[:, None] * below
        vectors[row + 1 :] -= below[:, None] * vectors[row]


def _without(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Vectors (N, D) without their components along directions (N, D)."""
    return vectors - (_products(vectors, directions) / _products(directions, directions))[:, None] * directions


def _products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Scalar products (N,) of vectors (N, D)."""
    return np.einsum("nd,nd->n", one, other)
