"""Which hands of several cameras are the same hand: the fast rule against triangulating every pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from watched_hand import found_by, standing, true_hand, view

from handos_model.fusion.association import (
    CAMERA_GATE,
    INDEPENDENT,
    NO_MIRROR_IMAGE,
    OPPOSITE,
    TOGETHER,
    Group,
    Sightings,
    Together,
    disagreements,
    groups,
)
from handos_model.fusion.hand_fusion import HandFusion
from handos_model.fusion.sighting import Sighting, View, sighting
from handos_model.fusion.triangulation import triangulate
from handos_model.tracking.assignment import assign


def apart(one: Sighting, other: Sighting) -> float:
    """The disagreement of two sightings as triangulation finds it."""
    found = triangulate((one, other))
    doubts = np.array([one.distance_deviation, other.distance_deviation])
    return INDEPENDENT * (found.residuals**2).mean(axis=1).sum() + (((found.scales - 1) / doubts) ** 2).sum()


def disagreement(one: Sighting, other: Sighting) -> float:
    """The same with the mirror images that either camera may have seen, and with the sides."""
    sides, found = {one.hand.side, other.hand.side}, apart(one, other)
    if (len(sides) > 1 or "unknown" in sides) and found < NO_MIRROR_IMAGE:
        turned = ((one.turned, other), (one, other.turned))
        found = min([found, *(apart(a, b) for a, b in turned if a and b)])
    doubt = one.hand.side_confidence * other.hand.side_confidence if sides == {"left", "right"} else 0.0
    return found + OPPOSITE * doubt


def groups_by_triangulation(views: Sequence[Sequence[Sighting]], together: Together) -> list[Group]:
    found: list[Group] = []
    for sightings in views:
        costs = [
            [np.mean([disagreement(other, seen) - TOGETHER * (other.source in together.get(seen.source, ()))
                      for other in group]) - CAMERA_GATE for group in found] for seen in sightings
        ]  # fmt: skip
        pairs = dict(assign(costs))
        for row, seen in enumerate(sightings):
            if row in pairs:
                found[pairs[row]].append(seen)
        found += [[seen] for row, seen in enumerate(sightings) if row not in pairs]
    return found


def sources(found: list[Group]) -> list[list[tuple[str, int]]]:
    return [[seen.source for seen in group] for group in found]


def sightings_of(one: View) -> list[Sighting]:
    return [seen for hand in one.hands if (seen := sighting(one, hand))]


def random_sightings(seed: int) -> list[list[Sighting]]:
    """Sightings by up to 4 cameras, which err on sides, of up to 4 hands so close together that some are confused."""
    rng = np.random.default_rng(seed)
    hands = [
        true_hand(str(rng.choice(["left", "right"])), rng.uniform(-0.1, 0.1, 3)) for _ in range(rng.integers(1, 5))
    ]
    views = []
    for name, at in zip("abcd", rng.uniform(-90, 90, rng.integers(2, 5)), strict=False):
        found = [
            replace(
                found_by(standing(at), hand, number=number, scale=rng.uniform(0.9, 1.1), noise=4, seed=seed + number),
                side=str(rng.choice(["left", "right", "unknown"])), side_confidence=float(rng.uniform()),
            )
            for number, hand in enumerate(hands) if rng.uniform() < 0.8
        ]  # fmt: skip
        views.append(sightings_of(view(name, at, *found)))
    return views


@pytest.mark.parametrize("seed", range(40))
def test_the_groups_are_those_of_triangulating_every_pair(seed: int) -> None:
    views = random_sightings(seed)
    together: Together = {("b", 0): {("a", 0), ("b", 0)}, ("c", 1): {("a", 0), ("c", 1)}} if seed % 2 else {}
    assert sources(groups(views, together)) == sources(groups_by_triangulation(views, together))
    ours = [seen for sightings in views[1:] for seen in sightings]
    for seen in views[0] if ours else []:
        expected = [disagreement(other, seen) for other in ours]
        np.testing.assert_allclose(disagreements(seen, Sightings(ours)), expected, rtol=1e-9, atol=1e-9)


def crowd(cameras: int, hands: int) -> list[View]:
    """Views of hands in rows and columns 0.2 m apart; the first camera lists them backwards."""
    shown, width = [], int(np.ceil(np.sqrt(hands)))
    for number in range(hands):
        side = ("left", "right")[number % 2]
        shown.append((side, true_hand(side, (0.2 * (number % width), 0.2 * (number // width), 0))))
    views = []
    for camera, at in enumerate(np.linspace(-40, 40, cameras)):
        about = {"scale": 1.05, "noise": 1.0, "seed": camera}
        found = [found_by(standing(at, 3), hand, side, number, **about) for number, (side, hand) in enumerate(shown)]
        one = view(f"camera{camera}", at, *found[:: 1 if camera else -1])
        views.append(replace(one, extrinsics=standing(at, 3)))
    return views


@pytest.mark.parametrize(("cameras", "hands"), [(2, 100), (8, 12)])
def test_a_crowd_is_put_together_hand_by_hand_frame_after_frame(cameras: int, hands: int) -> None:
    views, fusion = crowd(cameras, hands), HandFusion()
    for frame in range(2):
        fused = fusion.update(views, frame / 30)
        assert len(fused) == hands and {one.cameras for one in fused} == {tuple(one.name for one in views)}
        assert max(one.gap for one in fused) < 0.02 and fusion.ids == set(range(hands))
    for group in groups([sightings_of(one) for one in views], {}):
        assert len({seen.hand.id for seen in group}) == 1 and len(group) == cameras
