"""Which hands of several cameras are the same hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from handos_model.fusion.sighting import Sighting
from handos_model.fusion.triangulation import triangulate
from handos_model.tracking.assignment import assign

INDEPENDENT = 4.0
"""Joints that are as good as 21 whose errors go together."""
GATE = 30.0
"""Squared standard deviations by which two cameras may disagree on one hand; a hand right in both has about 6."""
OTHER_SIDE = 8.0
"""What is added where one camera says left and the other right, both certain."""
TOGETHER = 10.0
"""What is taken off where the last frame had the two together."""

Group = list[Sighting]
"""What the cameras see of one hand, at most once each."""


def groups(views: Sequence[Sequence[Sighting]], together: Collection[frozenset[tuple[str, int]]] = ()) -> list[Group]:
    """Every sighting in one group, with those of other cameras that are the same hand; sightings camera by camera.

    together: pairs of Sighting.source that were one hand before.
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
    """Squared standard deviations that must be explained away for two sightings to be one hand."""
    found = triangulate((one, other))
    joints = INDEPENDENT * float((found.residuals**2).mean(axis=1).sum())
    doubts = (one.distance_deviation, other.distance_deviation)
    scales = sum(((k - 1) / doubt) ** 2 for k, doubt in zip(found.scales.tolist(), doubts, strict=True))
    sides = {one.hand.side, other.hand.side}
    side = OTHER_SIDE * one.hand.side_confidence * other.hand.side_confidence if sides == {"left", "right"} else 0.0
    return joints + scales + side
