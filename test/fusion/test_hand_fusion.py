"""HandFusion: one set of hands of what several cameras see, on hands whose every joint is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from posed_hand import posed_hand, rotation
from watched_hand import PLACE, found_by, standing, true_hand, view

from handos_model import Camera, Hand
from handos_model.camera import LONGEST_FOCAL, SHORTEST_FOCAL
from handos_model.fusion.hand_fusion import FusedHand, HandFusion
from handos_model.fusion.sighting import View
from handos_model.tracking.mirroring import mirrored_in_depth

LEFT, RIGHT, ABOVE = -30, 30, 75


def off(one: FusedHand, joints: np.ndarray) -> float:
    """Mean distance of the joints, m."""
    return float(np.linalg.norm(one.hand.joints_3d - joints, axis=1).mean())


def seen(name: str, degrees: float, **about) -> View:
    return view(name, degrees, found_by(standing(degrees), **about))


def test_exact_rays_give_the_exact_hand_whatever_each_camera_takes_its_size_for() -> None:
    vertices, joints = true_hand()
    (one,) = HandFusion().update([seen("a", LEFT, scale=1.15), seen("b", RIGHT, scale=0.9)], 0.0)
    assert one.cameras == ("a", "b") and one.hand.scale_source == "triangulated" and one.hand.side == "right"
    assert off(one, joints) < 0.002 and one.gap < 0.001
    assert np.linalg.norm(one.hand.vertices - vertices, axis=1).mean() < 0.002
    assert np.array_equal(one.hand.translation, one.hand.joints_3d[0])
    assert np.isnan(one.hand.joints_2d).all() and np.isnan(one.hand.box).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_two_cameras_halve_the_error_of_one(side: str) -> None:
    _, joints = true_hand(side)
    errors = []
    for seed in range(20):
        size = 1 + np.random.default_rng(seed).normal(0, 0.1)
        a, b = (
            seen(name, at, side=side, scale=size, noise=4.0, seed=2 * seed + at) for name, at in (("a", 0), ("b", 60))
        )
        alone, together = HandFusion().update([a], 0.0), HandFusion().update([a, b], 0.0)
        assert len(alone) == len(together) == 1
        errors.append((off(alone[0], joints), off(together[0], joints)))
    one, two = np.mean(errors, axis=0)
    assert two < one / 2


def test_covariance_is_as_wide_as_the_errors() -> None:
    over = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        a, b = (
            seen(name, at, scale=1 + rng.normal(0, 0.1), noise=6.0, seed=int(rng.integers(1 << 30)))
            for name, at in (("a", 0), ("b", 60))
        )
        (one,) = HandFusion().update([a, b], 0.0)
        wrong = one.hand.translation - true_hand()[1][0]
        over.append(wrong / np.sqrt(np.diag(one.wrist_covariance)[:3]))
        assert np.array_equal(one.wrist_covariance, one.wrist_covariance.T)
    assert 0.3 < np.sqrt(np.mean(np.square(over))) < 1.5


def test_one_camera_gives_back_what_it_said_in_the_common_frame() -> None:
    hand = found_by(standing(RIGHT), scale=1.1, noise=3)
    (one,) = HandFusion().update([view("b", RIGHT, hand)], 0.0)
    assert one.cameras == ("b",) and one.hand.scale_source == "prior" and one.gap == 0
    np.testing.assert_allclose(one.hand.joints_3d, standing(RIGHT).to_common(hand.joints_3d), atol=1e-6)
    np.testing.assert_allclose(one.hand.vertices, standing(RIGHT).to_common(hand.vertices), atol=1e-6)


def test_parallel_cameras_measure_no_size_and_say_so() -> None:
    (one,) = HandFusion().update([seen("a", 0), seen("b", 0.2)], 0.0)
    assert one.cameras == ("a", "b") and one.hand.scale_source == "prior"


def test_a_camera_that_ends_leaves_id_and_size() -> None:
    fusion, (_, joints) = HandFusion(), true_hand()
    for frame in range(5):
        (both,) = fusion.update([seen("a", LEFT, scale=1.15), seen("b", RIGHT, scale=1.15)], frame / 30)
    (alone,) = fusion.update([seen("a", LEFT, scale=1.15)], 5 / 30)
    assert alone.hand.id == both.hand.id and alone.hand.scale_source == "remembered"
    assert off(alone, joints) < 0.01 < off(HandFusion().update([seen("a", LEFT, scale=1.15)], 0.0)[0], joints)


def test_the_id_goes_over_from_camera_to_camera() -> None:
    fusion, ids = HandFusion(), set()
    for frame in range(30):
        moved = true_hand(shift=(0.01 * frame - 0.15, 0, 0))
        shown = [("a", LEFT, 3)] * (frame < 18) + [("b", RIGHT, 8)] * (frame > 12)
        views = [view(name, at, found_by(standing(at), moved, number=n, scale=1.1)) for name, at, n in shown]
        ids |= {one.hand.id for one in fusion.update(views, frame / 30)}
    assert ids == {0}


def test_a_gap_of_no_camera_and_a_long_one() -> None:
    fusion = HandFusion(max_age=0.5)
    (first,) = fusion.update([seen("a", LEFT, scale=1.1)], 0.0)
    assert fusion.update([view("a", LEFT)], 0.2) == [] and fusion.ids == {first.hand.id}
    (again,) = fusion.update([seen("b", RIGHT, scale=0.95, number=7)], 0.4)
    (later,) = fusion.update([seen("b", RIGHT, number=7)], 1.4)
    assert first.hand.id == again.hand.id != later.hand.id
    (back,) = fusion.update([seen("b", RIGHT, number=7)], 0.0)
    assert back.hand.id not in (first.hand.id, later.hand.id)


def test_two_hands_are_told_apart_and_each_keeps_its_id() -> None:
    fusion, places = HandFusion(), ((-0.12, 0, 0), (0.12, 0, 0.05))
    for frame in range(4):
        views = []
        for name, at in (("a", LEFT), ("b", RIGHT)):
            hands = [found_by(standing(at), true_hand(side, place), side, scale=1.1, noise=3, seed=frame)
                     for side, place in zip(("right", "left"), places, strict=True)]  # fmt: skip
            views.append(view(name, at, *hands[:: 1 if name == "a" else -1]))
        fused = sorted(fusion.update(views, frame / 30), key=lambda one: one.hand.id)
        assert [one.cameras for one in fused] == [("a", "b")] * 2 and [one.hand.id for one in fused] == [0, 1]
        for one, side, place in zip(fused, ("right", "left"), places, strict=True):
            assert one.hand.side == side and off(one, true_hand(side, place)[1]) < 0.02


def test_a_hand_that_only_one_camera_sees_stays_alone() -> None:
    other = found_by(standing(LEFT), true_hand("left", (-0.2, 0, 0.1)), "left", number=4)
    fused = HandFusion().update([view("a", LEFT, found_by(standing(LEFT)), other), seen("b", RIGHT)], 0.0)
    assert sorted((one.hand.side, one.cameras) for one in fused) == [("left", ("a",)), ("right", ("a", "b"))]


def test_a_camera_that_errs_on_the_side_is_outvoted() -> None:
    right = seen("a", 0)
    wrong = replace(found_by(standing(60)), side="left", side_confidence=0.3)
    (one,) = HandFusion().update([right, view("b", 60, wrong)], 0.0)
    assert one.hand.side == "right" and one.cameras == ("a", "b")


def turned_hand(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """A right hand as from true_hand, turned about a slanted axis."""
    vertices, joints = posed_hand(0.6, "right", rotation((1, 1, 0.5), np.radians(degrees)))
    return vertices + PLACE, joints + PLACE


@pytest.mark.parametrize("wrong", [0, 1, 2])
@pytest.mark.parametrize(("side", "confidence"), [("left", 0.8), ("left", 0.3), ("unknown", 0.0)])
def test_a_camera_that_sees_the_mirrored_hand_makes_no_second_one(side: str, confidence: float, wrong: int) -> None:
    for degrees in range(0, 360, 45):
        hand, places = turned_hand(degrees), (LEFT, RIGHT, ABOVE)
        hands = [found_by(standing(at), hand, number=n) for n, at in enumerate(places)]
        hands[wrong] = replace(mirrored_in_depth(hands[wrong]), side=side, side_confidence=confidence)
        views = [view(name, at, one) for name, at, one in zip("abc", places, hands, strict=True)]
        for some in (views, views[wrong - 1 : wrong + 1] if wrong else views[:2]):
            (one,) = HandFusion().update(some, 0.0)
            if len(some) == 3 or confidence < 0.5:  # two cameras that are about as sure of either side may take either
                assert one.hand.side == "right" and off(one, hand[1]) < 0.006, degrees


@pytest.mark.parametrize("apart", [0.04, 0.1])
def test_a_left_and_a_right_hand_close_together_stay_two(apart: float) -> None:
    for degrees in range(0, 360, 45):
        right = turned_hand(degrees)
        left = tuple((points - PLACE) * [-1, 1, 1] + PLACE + [0, 0, apart] for points in right)
        views = []
        for seed, (name, at) in enumerate((("a", LEFT), ("b", RIGHT))):
            about = {"noise": 2.0, "scale": 1.05, "seed": seed}
            pair = [found_by(standing(at), right, **about), found_by(standing(at), left, "left", 1, **about)]
            views.append(view(name, at, *pair[:: 1 if name == "a" else -1]))
        fused = HandFusion().update(views, 0.0)
        assert sorted((one.hand.side, one.cameras) for one in fused) == [("left", ("a", "b")), ("right", ("a", "b"))]
        for one in fused:
            assert off(one, (right if one.hand.side == "right" else left)[1]) < 0.015


def test_two_cameras_that_see_a_hand_each_see_two() -> None:
    for degrees in range(0, 360, 45):
        right = turned_hand(degrees)
        left = tuple((points - PLACE) * [-1, 1, 1] + PLACE + [0.12, 0, 0.12] for points in right)
        views = [view("a", LEFT, found_by(standing(LEFT), right)),
                 view("b", RIGHT, found_by(standing(RIGHT), left, "left"))]  # fmt: skip
        fused = HandFusion().update(views, 0.0)
        assert sorted((one.hand.side, one.cameras) for one in fused) == [("left", ("b",)), ("right", ("a",))], degrees


def test_a_third_camera_outvotes_one_that_errs() -> None:
    views = [seen("a", LEFT), seen("b", RIGHT), seen("c", ABOVE)]
    hand = views[2].hands[0]
    joints_2d = hand.joints_2d.copy()
    joints_2d[8] += 40  # px: the tip of the index finger, taken for something else
    views[2] = view("c", ABOVE, replace(hand, joints_2d=joints_2d))
    (one,) = HandFusion().update(views, 0.0)
    assert np.linalg.norm(one.hand.joints_3d[8] - true_hand()[1][8]) < 0.006


def test_nothing_gives_nothing() -> None:
    fusion = HandFusion()
    assert fusion.update([], 0.0) == [] and fusion.update([view("a", LEFT), view("b", RIGHT)], 0.1) == []


@pytest.mark.parametrize(
    "wrong", ["joints_2d", "joints_3d", "vertices", "box", "score", "side_confidence", "behind", "point"]
)
def test_hands_that_cannot_be_used_are_counted(wrong: str) -> None:
    hand: Hand = found_by(standing(LEFT))
    if wrong in ("behind", "point"):
        changed = {"joints_3d": -hand.joints_3d if wrong == "behind" else np.ones((21, 3), np.float32)}
    else:
        changed = {wrong: getattr(hand, wrong) * np.float32(np.nan)}
    fusion = HandFusion()
    fused = fusion.update([view("a", LEFT, replace(hand, **changed)), seen("b", RIGHT)], 0.0)
    assert [one.cameras for one in fused] == [("b",)] and fusion.unusable == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": -0.9}, {"side_confidence": 1.5}, {"joint_confidence": np.full(21, 2, np.float32)},
        {"translation": np.full(3, np.nan, np.float32)}, {"vertices": np.full((778, 3), 1e30, np.float32)},
        {"joints_2d": np.full((21, 2), 1e30, np.float32)}, {"joints_3d": np.full((21, 3), np.inf, np.float32)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_numbers_that_no_hand_has_are_left_out(wrong: dict) -> None:
    fusion = HandFusion()
    (one,) = fusion.update([view("a", LEFT, replace(found_by(standing(LEFT)), **wrong)), seen("b", RIGHT)], 0.0)
    assert one.cameras == ("b",) and fusion.unusable == 1


@pytest.mark.parametrize(("focal", "centre"), [(SHORTEST_FOCAL, 322), (LONGEST_FOCAL, 322), (600, 1e300)])
@pytest.mark.filterwarnings("error")
def test_a_camera_whose_rays_mean_nothing_is_left_out(focal: float, centre: float) -> None:
    lens = Camera.from_intrinsics(focal, focal, centre, 241, 640, 480)
    fusion = HandFusion()
    (one,) = fusion.update([replace(seen("a", LEFT), camera=lens), seen("b", RIGHT)], 0.0)
    assert one.cameras == ("b",) and fusion.unusable == 1


def test_hands_without_meshes_are_fused_as_well() -> None:
    views = [view(name, at, replace(found_by(standing(at)), vertices=np.zeros((0, 3), np.float32)))
             for name, at in (("a", LEFT), ("b", RIGHT))]  # fmt: skip
    (one,) = HandFusion().update(views, 0.0)
    assert one.hand.vertices.shape == (0, 3) and off(one, true_hand()[1]) < 0.002


@pytest.mark.parametrize("stamp", [float("nan"), 1.7e18, None])
def test_a_stamp_is_a_number_of_seconds(stamp: float) -> None:
    with pytest.raises(ValueError, match="stamp is .*, must be a finite number of seconds"):
        HandFusion().update([], stamp)


def test_two_views_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="views are called a, b, a, must each have a name of their own"):
        HandFusion().update([seen("a", LEFT), seen("b", RIGHT), seen("a", RIGHT)], 0.0)
