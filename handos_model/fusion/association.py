"""Decides which hands of several cameras are the same hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from handos_model.fusion.sighting import Sighting
from handos_model.fusion.triangulation import triangulate
from handos_model.tracking.assignment import assign

INDEPENDENT = 4.0
"""Number of independent joints that tell as much as 21 with correlated errors."""
GATE = 30.0
"""Squared standard deviations by which two cameras may disagree on one hand; if both are right, it is about 6."""
OTHER_SIDE = 16.0
"""Penalty in the same unit if one camera says left and the other right, both with certainty."""
NO_MIRROR_IMAGE = 3 * GATE
"""A larger disagreement, in the same unit, is not explained by one camera's taking a hand for its mirror image."""
TOGETHER = 10.0
"""Reduction in the same unit if the two were one hand in the last frame."""

Group = list[Sighting]
"""Sightings of one hand, at most one by each camera."""


def groups(views: Sequence[Sequence[Sighting]], together: Collection[frozenset[tuple[str, int]]] = ()) -> list[Group]:
    """Puts every sighting into a group, together with those of other cameras that are the same hand.

    views: the sightings of each camera; together: pairs of Sighting.source that were one hand before.
    """
    found: list[Group] = []
    for sightings in views:
        costs = [[_against(group, seen, together) - GATE for group in found] for seen in sightings]
        pairs = dict(assign(costs))
        for row, seen in enumerate(sightings):
            if row in pairs:
                found[pairs[row]].append(seen)
        found += [[seen] for row, seen in enumerate(sightings) if row not in pairs]
    return found


def _against(group: Group, seen: Sighting, together: Collection[frozenset[tuple[str, int]]]) -> float:
    costs = [disagreement(other, seen) - TOGETHER * (frozenset((other.source, seen.source)) in together)
             for other in group]  # fmt: skip
    return sum(costs) / len(costs)


def disagreement(one: Sighting, other: Sighting) -> float:
    """Squared standard deviations by which two sightings differ if they are one hand.

    If they are not known to be of the same side, either camera may have taken the hand for its mirror image in depth,
    with every depth on the wrong side of the wrist: the best of these three counts.
    """
    sides, apart = {one.hand.side, other.hand.side}, _apart(one, other)
    if (len(sides) > 1 or "unknown" in sides) and apart < NO_MIRROR_IMAGE:
        turned = ((one.turned, other), (one, other.turned))
        apart = min([apart, *(_apart(a, b) for a, b in turned if a and b)])
    doubt = one.hand.side_confidence * other.hand.side_confidence if sides == {"left", "right"} else 0.0
    return apart + OTHER_SIDE * doubt


def _apart(one: Sighting, other: Sighting) -> float:
    """The disagreement of two sightings as they are, whatever their sides."""
    found = triangulate((one, other))
    joints = INDEPENDENT * float((found.residuals**2).mean(axis=1).sum())
    doubts = (one.distance_deviation, other.distance_deviation)
    scales = sum(((k - 1) / doubt) ** 2 for k, doubt in zip(found.scales.tolist(), doubts, strict=True))
    return joints + scales
