"""Ids and sides of hands whose motion is known."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import numpy as np
import pytest
from posed_hand import rotation
from seen_hand import ARRAYS, CAMERA, seen_hand

from handos_model.hand import Hand
from handos_model.template.hand_template import signed_volume
from handos_model.template.load import load_template
from handos_model.tracking.mirroring import mirrored_in_depth
from handos_model.tracking.tracker import HandTracker, TrackerOptions

FACES = load_template().faces
STEP = 1 / 30


def wrong_side(hand: Hand) -> Hand:
    """The same hand as a frame sees it that gets its chirality wrong."""
    return replace(mirrored_in_depth(hand), side={"left": "right", "right": "left"}[hand.side], side_confidence=0.9)


def volume(hand: Hand) -> float:
    return float(signed_volume(hand.vertices.astype(np.float64) - hand.translation, FACES))


def assert_same(found: Hand, expected: Hand, atol: float = 0.0) -> None:
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=atol, err_msg=name)


def test_ids_stay_and_the_order_is_kept() -> None:
    tracker = HandTracker()
    left, right = seen_hand((-0.15, 0, 0.6), "left"), seen_hand((0.15, 0, 0.6))
    assert [hand.id for hand in tracker.update([left, right], 0.0)] == [0, 1]
    found = tracker.update([right, left], STEP)
    assert [hand.id for hand in found] == [1, 0]
    assert [hand.side for hand in found] == ["right", "left"]
    third = seen_hand((0, 0.15, 0.6))
    assert [hand.id for hand in tracker.update([third, left, right], 2 * STEP)] == [2, 0, 1]


def test_no_hands() -> None:
    tracker = HandTracker()
    assert tracker.update([], 0.0) == []
    assert tracker.update([], 1.0) == []
    assert tracker.resets == 0


def test_a_hand_that_comes_back_in_time_keeps_its_id() -> None:
    tracker = HandTracker(TrackerOptions(max_age=0.3))
    tracker.update([seen_hand()], 10.0)
    for stamp in (10.1, 10.2):
        assert tracker.update([], stamp) == []
    assert tracker.update([seen_hand()], 10.25)[0].id == 0
    for stamp in (10.3, 10.4, 10.5, 10.6):
        tracker.update([], stamp)
    assert tracker.update([seen_hand()], 10.65)[0].id == 1


def test_a_long_gap_starts_anew_without_a_frame_between() -> None:
    tracker = HandTracker(TrackerOptions(max_age=0.3))
    tracker.update([seen_hand()], 0.0)
    moved = seen_hand((0.02, 0, 0.6))
    found = tracker.update([moved], 5.0)[0]
    assert found.id == 1 and tracker.resets == 0
    assert_same(found, moved, 1e-6)


def test_time_that_jumps_back_starts_anew() -> None:
    tracker = HandTracker()
    tracker.update([seen_hand()], 100.0)
    moved = seen_hand((0.02, 0, 0.6))
    found = tracker.update([moved], 50.0)[0]
    assert found.id == 1 and tracker.resets == 1
    assert_same(found, moved, 1e-6)
    assert tracker.update([moved], 50.0 + STEP)[0].id == 1
    tracker.reset()
    assert tracker.update([moved], 50.0 + 2 * STEP)[0].id == 2
    assert tracker.resets == 1


def test_stamps_that_stand_still_neither_freeze_nor_keep_lost_hands() -> None:
    tracker = HandTracker()
    tracker.update([seen_hand((-0.2, 0, 0.6)), seen_hand((0.1, 0, 0.6))], 0.0)
    for _ in range(60):
        found = tracker.update([seen_hand((0.12, 0, 0.6))], 0.0)[0]
        assert np.isfinite(found.vertices).all() and found.id == 1
    np.testing.assert_allclose(found.translation, [0.12, 0, 0.6], atol=1e-3)
    assert tracker.update([seen_hand((-0.2, 0, 0.6))], 0.0)[0].id == 2


def test_leaps_of_time_leave_a_working_tracker() -> None:
    tracker = HandTracker()
    for start in (0.0, 1.7e9, 9e10, 5.0):
        first = tracker.update([seen_hand()], start)[0].id
        for frame in range(1, 4):
            found = tracker.update([seen_hand((0.01, 0, 0.6))], start + frame * STEP)[0]
            assert found.id == first and np.isfinite(found.joints_3d).all()
    assert tracker.resets == 1


@pytest.mark.parametrize("stamp", [np.nan, np.inf, 1_700_000_000_000_000_000, 1.7e12, -1e11, 10**400, None, "soon"])
def test_a_stamp_that_is_no_time_is_refused(stamp: float) -> None:
    with pytest.raises(ValueError, match=rf"stamp is {re.escape(str(stamp))}, must be a finite number of seconds"):
        HandTracker().update([], stamp)


@pytest.mark.parametrize("sides", [("left", "right"), ("right", "right")])
@pytest.mark.parametrize("hidden", [0, 4])
def test_hands_that_cross_keep_their_ids(sides: tuple[str, str], hidden: int) -> None:
    """They pass at 1 m/s each, the second behind; while they overlap the second is not seen for `hidden` frames."""
    rng = np.random.default_rng(5)
    tracker = HandTracker()
    for frame in range(-15, 16):
        at = frame * STEP
        hands = [
            seen_hand((at, 0.02, 0.5), sides[0], curl=0.3, noise=rng.normal(0, 0.003, 3)),
            seen_hand((-at, 0, 0.62), sides[1], curl=0.8, noise=rng.normal(0, 0.003, 3)),
        ]
        shown = hands[:1] if 2 * abs(frame) < hidden else hands
        found = tracker.update(shown[::-1] if frame % 2 else shown, frame * STEP + 1)
        ids = [hand.id for hand in found]
        if frame == -15:
            expected = ids[::-1]  # odd
        assert (ids[::-1] if frame % 2 else ids) == expected[: len(ids)]


def test_a_hand_far_away_is_another_one() -> None:
    tracker = HandTracker()
    tracker.update([seen_hand((-0.2, 0, 0.6))], 0.0)
    assert tracker.update([seen_hand((0.2, 0, 0.6))], STEP)[0].id == 1


def test_the_side_is_that_of_most_votes() -> None:
    tracker = HandTracker()
    hand = seen_hand()
    for frame in range(60):
        wrong = frame % 3 == 2
        found = tracker.update([wrong_side(hand) if wrong else hand], frame * STEP)[0]
        assert found.id == 0 and found.side == "right"
        assert volume(found) > 0
    weights = 0.9 * np.exp(-STEP * np.arange(60))  # newest first, and the newest saw the wrong side
    signs = np.resize([-1, 1, 1], 60)
    assert found.side_confidence == pytest.approx((weights * signs).sum() / (weights.sum() + 0.5))


def test_a_wrong_start_is_mended_and_a_late_mistake_is_not_believed() -> None:
    tracker = HandTracker()
    hand = seen_hand()
    stamps = iter(np.arange(1000) * STEP)
    assert tracker.update([wrong_side(hand)], next(stamps))[0].side == "left"
    sides = [tracker.update([hand], next(stamps))[0].side for _ in range(60)]
    assert sides[0] == "left" and set(sides[3:]) == {"right"}
    sides = [tracker.update([wrong_side(hand)], next(stamps))[0].side for _ in range(60)]
    assert set(sides[:20]) == {"right"} and sides[-1] == "left"  # nor for ever refused
    assert sum(a != b for a, b in zip(sides, sides[1:], strict=False)) == 1


def test_frames_of_no_side_do_not_vote() -> None:
    tracker = HandTracker()
    unknown = replace(seen_hand(), side="unknown", side_confidence=0.05)
    found = tracker.update([unknown], 0.0)[0]
    assert (found.side, found.side_confidence) == ("unknown", 0.0)
    assert tracker.update([seen_hand()], STEP)[0].side == "right"
    before = tracker.update([seen_hand()], 2 * STEP)[0].side_confidence
    found = tracker.update([replace(mirrored_in_depth(seen_hand()), side="unknown", side_confidence=0.0)], 3 * STEP)[0]
    assert found.side == "right" and 0 < found.side_confidence < before
    assert volume(found) > 0


@pytest.mark.parametrize("place", [(0, 0, 0.6), (0.25, -0.2, 0.5)])
@pytest.mark.parametrize("turn", [np.eye(3), rotation((1, 0.4, 0), 0.8)])
def test_mirrored_in_depth(place: tuple[float, float, float], turn: np.ndarray) -> None:
    hand = seen_hand(place, turn=turn)
    mirrored = mirrored_in_depth(hand)
    assert volume(mirrored) == pytest.approx(-volume(hand), rel=1e-4)
    np.testing.assert_allclose(mirrored.joints_3d[0], hand.translation, atol=1e-6)
    between = [np.linalg.norm(h.joints_3d[:, None] - h.joints_3d[None], axis=-1) for h in (hand, mirrored)]
    np.testing.assert_allclose(*between, atol=1e-6)
    assert_same(mirrored_in_depth(mirrored), hand, 0.012)  # the ray to the mean moves with the hand
    shift = np.linalg.norm(CAMERA.project(mirrored.joints_3d) - hand.joints_2d, axis=1).mean()
    assert shift < 0.1 * np.ptp(hand.joints_2d, axis=0).max()
    ray = hand.joints_3d.mean(axis=0) / np.linalg.norm(hand.joints_3d.mean(axis=0))
    across = [
        (points - hand.translation) - np.outer((points - hand.translation) @ ray, ray)
        for points in (hand.vertices, mirrored.vertices)
    ]
    np.testing.assert_allclose(*across, atol=1e-6)


def test_a_mesh_of_the_wrong_side_is_published_mirrored() -> None:
    tracker = HandTracker(TrackerOptions(smoothing=False))
    hand = seen_hand(turn=rotation((1, 0.3, 0), 0.5))
    for frame in range(5):
        tracker.update([hand], frame * STEP)
    wrong = wrong_side(hand)
    found = tracker.update([wrong], 5 * STEP)[0]
    assert found.side == "right"
    assert_same(found, mirrored_in_depth(wrong))
    assert_same(found, hand, 0.012)
    np.testing.assert_array_equal(found.joints_2d, wrong.joints_2d)


def test_without_smoothing_values_pass_untouched() -> None:
    tracker = HandTracker(TrackerOptions(smoothing=False))
    for frame in range(4):
        hand = seen_hand((0.01 * frame, 0, 0.6), curl=0.1 * frame)
        found = tracker.update([hand], frame * STEP)[0]
        assert_same(found, hand)
        assert (found.id, found.side, found.score) == (0, "right", hand.score)


def test_options_may_change_between_frames() -> None:
    tracker = HandTracker()
    tracker.update([seen_hand()], 0.0)
    moved = seen_hand((0.05, 0, 0.6))
    tracker.options = TrackerOptions(smoothing=False)
    found = tracker.update([moved], STEP)[0]
    assert found.id == 0
    assert_same(found, moved)
    tracker.options = TrackerOptions()
    assert_same(tracker.update([moved], 2 * STEP)[0], moved, 1e-4)


@pytest.mark.parametrize("name", ["joints_2d", "joints_3d", "vertices", "translation"])
def test_a_hand_that_is_not_finite_does_no_harm(name: str) -> None:
    tracker = HandTracker()
    good = seen_hand()
    tracker.update([good], 0.0)
    value = getattr(good, name).copy()
    value.flat[1] = np.nan
    broken = replace(good, **{name: value})
    found = tracker.update([broken, seen_hand((0.2, 0, 0.6))], STEP)
    assert found[0].id == -1 and found[1].id == 1
    assert_same(found[0], broken)
    found = tracker.update([good], 2 * STEP)[0]
    assert found.id == 0
    assert_same(found, good, 1e-4)


def test_hands_without_a_mesh_are_tracked_like_others() -> None:
    tracker, hand = HandTracker(), seen_hand()
    bare = replace(hand, vertices=hand.vertices[:0])
    unknown, wrong = replace(bare, side="unknown", side_confidence=0.0), wrong_side(bare)
    for frame, one in enumerate((unknown, bare, bare, unknown, wrong, hand, bare)):
        (found,) = tracker.update([one], frame * STEP)
        assert found.id == 0 and found.side == ("right" if frame else "unknown")
        assert found.vertices.shape == one.vertices.shape
        np.testing.assert_allclose(found.joints_3d, hand.joints_3d, atol=0.012)


def test_a_hand_of_no_extent_is_followed() -> None:
    tracker = HandTracker()
    point = replace(seen_hand(), joints_2d=np.full((21, 2), 100, np.float32))
    ids = {tracker.update([point], frame * STEP)[0].id for frame in range(3)}
    assert ids == {0}


def test_options_that_make_no_sense_are_refused() -> None:
    for name in [field.name for field in fields(TrackerOptions)][1:]:
        for value in (-0.1, np.nan, np.inf, None, "slow", [1]):
            said = f"{name} is {value}, must {'lie between 0 and 1' if name == 'side_switch' else 'be 0 or more'}"
            with pytest.raises(ValueError, match=re.escape(said)):
                TrackerOptions(**{name: value})
    with pytest.raises(ValueError, match="min_cutoff is 0, must be greater than 0"):
        TrackerOptions(min_cutoff=0)
    with pytest.raises(ValueError, match=r"side_switch is 1\.5, must lie between 0 and 1"):
        TrackerOptions(side_switch=1.5)
    assert [hand.id for hand in HandTracker(TrackerOptions(max_age=0)).update([seen_hand()], 0.0)] == [0]
