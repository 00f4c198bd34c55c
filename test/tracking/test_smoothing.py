"""How steady and how late hands are whose motion is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from seen_hand import ARRAYS, seen_hand

from handos_model.hand import joints_box
from handos_model.tracking.tracker import HandTracker

STEP = 1 / 30


def test_noise_shrinks_and_everything_moves_together() -> None:
    rng = np.random.default_rng(7)
    tracker, raw, smooth = HandTracker(), [], []
    for frame in range(200):
        hand = seen_hand((0.1, 0, 0.6), noise=rng.normal(0, 0.004, 3), curl=float(rng.choice([0.35, 0.4, 0.45])))
        found = tracker.update([hand], frame * STEP)[0]
        np.testing.assert_allclose(found.joints_3d[0], found.translation, atol=1e-6)
        np.testing.assert_allclose(found.box, joints_box(found.joints_2d), atol=1e-3)
        assert {getattr(found, name).dtype for name in ARRAYS} == {np.dtype(np.float32)}
        raw.append(hand)
        smooth.append(found)
    for name in ("joints_2d", "joints_3d", "vertices", "translation"):
        before, after = (np.std([getattr(hand, name) for hand in hands[50:]], axis=0).mean() for hands in (raw, smooth))
        assert after < 0.2 * before, name
        means = [np.mean([getattr(hand, name) for hand in hands[50:]], axis=0) for hands in (raw, smooth)]
        np.testing.assert_allclose(*means, atol=0.5 if name == "joints_2d" else 1e-3)


def test_a_hand_that_moves_to_and_fro_is_less_than_a_frame_late() -> None:
    rng, tracker = np.random.default_rng(8), HandTracker()
    phase = 2 * np.pi * np.arange(90) * STEP / 1.5
    places, velocities = 0.08 * np.sin(phase), 0.08 * 2 * np.pi / 1.5 * np.cos(phase)
    behind = []
    for frame, place in enumerate(places):
        hand = seen_hand((place, 0, 0.6), noise=rng.normal(0, 0.001, 3))
        found = tracker.update([hand], frame * STEP)[0]
        behind.append(place - found.translation[0])
    lag = np.dot(behind, velocities) / np.dot(velocities, velocities)
    assert 0 < lag < 0.030


@pytest.mark.parametrize(("every", "most"), [(2, 0.002), (5, 0.0025), (10, 0.0032)])
def test_a_still_hand_stays_near_where_depth_measured_it(every: int, most: float) -> None:
    strayed = []
    for seed in range(8):
        rng, tracker = np.random.default_rng(seed), HandTracker()
        for frame in range(150):
            measured = frame % every == 0 and not 60 <= frame < 120  # at 30 Hz: gone for 2 s
            off = np.array([0, 0, rng.normal(0, 0.001) if measured else rng.normal(0.004, 0.004)])
            hand = replace(seen_hand(noise=off), scale_source="depth" if measured else "prior")
            strayed.append(tracker.update([hand], frame * STEP)[0].translation[2] - 0.6)
    strayed = np.reshape(strayed, (8, 150))[:, 30:]
    assert np.sqrt((strayed**2).mean()) < most and np.abs(strayed).max() < 0.006  # a per cent


def test_a_hand_that_moves_where_it_is_not_measured_is_followed() -> None:
    rng, tracker, behind = np.random.default_rng(10), HandTracker(), []
    for frame in range(90):
        z = 0.6 + 0.1 * np.sin(frame * STEP * np.pi)
        hand = replace(seen_hand((0, 0, z), noise=rng.normal(0, 0.001, 3)), scale_source="prior" if frame else "depth")
        behind.append(tracker.update([hand], frame * STEP)[0].translation[2] - z)
    assert np.abs(behind).max() < 0.02


@pytest.mark.parametrize("source", ["prior", "depth"])
def test_a_hand_whose_pose_is_in_doubt_rests_where_it_is_as_large_as_before(source: str) -> None:
    rng, tracker, z = np.random.default_rng(3), HandTracker(), []
    for frame in range(150):
        doubt = 1.08 if frame % 20 > 15 else 1.0  # of the distance: the hand is seen as large as before
        hand = seen_hand(noise=rng.normal(0, 0.001, 3)).scaled(doubt, source)
        pixels = hand.joints_2d + rng.normal(0, 0.5, (21, 2)).astype(np.float32)
        z.append(tracker.update([replace(hand, joints_2d=pixels)], frame * STEP)[0].translation[2])
    still = np.array(z[30:])
    assert np.abs(still / np.median(still) - 1).max() < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_a_still_hand_rests_though_something_before_it_is_measured_now_and_then(seed: int) -> None:
    rng, tracker, z = np.random.default_rng(seed), HandTracker(), []
    for frame in range(180):
        hand = seen_hand(noise=rng.normal(0, 0.001, 3)).scaled(0.81 if frame % 35 == 30 else 1.0, "depth")
        pixels = hand.joints_2d + rng.normal(0, 1.5, (21, 2)).astype(np.float32)
        hand = replace(hand, joints_2d=pixels, scale_source="prior" if frame % 5 else "depth")
        z.append(tracker.update([hand], frame * STEP)[0].translation[2])
    still = np.array(z[60:])
    assert np.abs(still / np.median(still) - 1).max() < 0.01


@pytest.mark.parametrize(("doubted", "larger"), [(range(100, 150), 1.01), (range(0, 150, 9), 1.05)])
def test_a_measured_hand_rests_where_the_network_changes_its_mind(doubted: range, larger: float) -> None:
    rng, tracker, still, z = np.random.default_rng(4), HandTracker(), seen_hand().joints_2d, []
    for frame in range(150):
        size, measured = larger if frame in doubted else 1.0, frame < 60
        hand = seen_hand((0, 0, 0.6 if measured else 0.6 / size**2), noise=rng.normal(0, 0.001, 3))
        pixels = size * (still - still.mean(axis=0)) + rng.normal(300, 1.0, (21, 2)).astype(np.float32)
        hand = replace(hand, joints_2d=pixels, scale_source="depth" if measured else "prior")
        z.append(tracker.update([hand], frame * STEP)[0].translation[2])
    assert np.abs(np.array(z[30:]) / 0.6 - 1).max() < 0.01


def test_a_measured_hand_rests_where_its_size_in_the_image_is_in_doubt() -> None:
    rng, tracker, still, z = np.random.default_rng(6), HandTracker(), seen_hand().joints_2d, []
    for frame in range(150):
        size = rng.normal(1.0, 0.01) * (1.023 if frame >= 75 else 1.0)
        hand = seen_hand((0, 0, 0.6 if frame < 60 else 0.6 / size), noise=rng.normal(0, 0.001, 3))
        pixels = (size * (still - still.mean(axis=0)) + still.mean(axis=0)).astype(np.float32)
        hand = replace(hand, joints_2d=pixels, scale_source="depth" if frame < 60 else "prior")
        z.append(tracker.update([hand], frame * STEP)[0].translation[2])
    assert np.abs(np.array(z[30:]) / 0.6 - 1).max() < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_a_hand_that_is_seen_in_two_poses_rests_between_measurements_too(seed: int) -> None:
    rng, tracker, still, z = np.random.default_rng(seed), HandTracker(), seen_hand().joints_2d, []
    for frame in range(240):
        other = frame % 40 in (11, 12, 13, 14, 20, 30)  # 15 % smaller, for four frames and in two measured ones
        measured, larger = frame % 5 == 0, 1 / 1.15 if other else 1.0
        hand = seen_hand((0, 0, 0.6 if measured else 0.6 / larger), noise=rng.normal(0, 0.001, 3))
        hand = hand.resized(larger) if measured else hand
        pixels = larger * (still - still.mean(axis=0)) + rng.normal(300, 1.0, (21, 2)).astype(np.float32)
        hand = replace(hand, joints_2d=pixels, scale_source="depth" if measured else "prior")
        z.append(tracker.update([hand], frame * STEP)[0].translation[2])
    assert np.abs(np.array(z[90:]) / 0.6 - 1).max() < 0.01


@pytest.mark.parametrize(("came", "z"), [(90, 0.6), (180, 0.54)])
def test_a_hand_whose_size_is_in_doubt_is_followed_once_depth_is_long_gone(came: int, z: float) -> None:
    """It is seen 10 % nearer one second after the last measurement, which may be a change of mind, or after four."""
    rng, tracker = np.random.default_rng(12), HandTracker()
    for frame in range(came + 60):
        measured = frame < 60
        hand = seen_hand((0, 0, 0.54 if frame >= came else 0.6), noise=rng.normal(0, 0.001, 3))
        hand = hand.resized(float(rng.choice([0.9, 1.0, 1.1]))) if measured else hand
        hand = replace(hand, scale_source="depth" if measured else "prior")
        found = tracker.update([hand], frame * STEP)[0]
    assert found.translation[2] == pytest.approx(z, rel=0.03)


@pytest.mark.parametrize(("gone", "most"), [(range(60, 120), 0.003), (range(60, 75), 0.010)])
def test_a_hand_goes_to_where_depth_finds_it_again(gone: range, most: float) -> None:
    """After a second without depth in a second, and later after a shorter time, since nothing shows that it moved."""
    rng, tracker = np.random.default_rng(11), HandTracker()
    for frame in range(gone.stop + 36):
        crept = (0, 0, 0.6 if frame < gone.start else 0.609)
        hand = replace(seen_hand(crept, noise=rng.normal(0, 0.001, 3)), joints_2d=seen_hand().joints_2d)
        found = tracker.update([replace(hand, scale_source="prior" if frame in gone else "depth")], frame * STEP)[0]
    assert abs(found.translation[2] - 0.609) < most


@pytest.mark.parametrize("every", [1, 5, 1000])
def test_a_hand_that_comes_closer_is_followed(every: int) -> None:
    rng, tracker, behind = np.random.default_rng(5), HandTracker(), []
    for frame in range(60):
        z = 0.8 - 0.4 * frame * STEP / 2  # 0.2 m/s
        hand = replace(seen_hand((0, 0, z)), scale_source="prior" if frame % every else "depth")
        pixels = hand.joints_2d + rng.normal(0, 0.5, (21, 2)).astype(np.float32)
        behind.append(tracker.update([replace(hand, joints_2d=pixels)], frame * STEP)[0].translation[2] - z)
    assert np.abs(behind).max() < 0.012 and np.mean(behind[30:]) < 0.008


@pytest.mark.parametrize("source", ["prior", "depth"])
def test_a_hand_that_opens_while_it_moves_away_is_followed(source: str) -> None:
    rng, tracker, behind = np.random.default_rng(9), HandTracker(), []
    for frame in range(120):
        done = min(max(frame * STEP - 2, 0) / 0.6, 1.0)
        z, curl = 0.5 + 0.3 * done, 0.9 * (1 - done)  # 0.5 m/s: it stays as large in the image
        pixels = seen_hand((0, 0, z), curl=curl).joints_2d + rng.normal(0, 0.5, (21, 2)).astype(np.float32)
        hand = seen_hand((0, 0, z), noise=rng.normal(0, 0.002, 3), curl=curl)
        hand = replace(hand, joints_2d=pixels, scale_source=source)
        behind.append(tracker.update([hand], frame * STEP)[0].translation[2] - z)
    assert np.abs(behind).max() < 0.035 and abs(behind[-1]) < 0.003


def test_what_is_measured_first_is_believed_immediately_and_so_is_a_new_size() -> None:
    tracker = HandTracker()
    for frame in range(30):
        tracker.update([seen_hand((0, 0, 0.6))], frame * STEP)
    measured = seen_hand((0, 0, 0.6)).scaled(0.8, "depth")
    assert tracker.update([measured], 30 * STEP)[0].translation[2] == pytest.approx(0.48, abs=1e-4)
    tracker.forget_sizes()
    assert tracker.update([seen_hand((0, 0, 0.6))], 31 * STEP)[0].translation[2] == pytest.approx(0.6, abs=1e-4)
