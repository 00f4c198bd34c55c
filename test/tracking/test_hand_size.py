"""A followed hand keeps its own size."""

from dataclasses import replace

import numpy as np
import pytest
from made_hand import make_hand

from handos_model.hand import palm_length
from handos_model.tracking.hand_size import HandSize

STEP = 1 / 30


def test_a_hand_of_changing_size_is_given_the_mean_of_what_was_seen():
    rng, size, hand = np.random.default_rng(0), HandSize(), make_hand()
    kept = [size.kept(hand.scaled(factor, "prior"), STEP) for factor in rng.normal(1.05, 0.03, 300)]
    lengths = np.array([palm_length(hand) for hand in kept])
    assert lengths[100:].std() < 0.003 * lengths.mean()
    assert lengths[-1] == pytest.approx(1.05 * palm_length(hand), rel=0.01)


def test_it_is_scaled_about_the_camera():
    size, hand = HandSize(), make_hand()
    size.kept(hand, STEP)
    kept = size.kept(hand.scaled(1.2, "prior"), STEP)
    np.testing.assert_allclose(kept.joints_3d, 1.1 * hand.joints_3d, rtol=1e-4)
    np.testing.assert_allclose(kept.vertices, 1.1 * hand.vertices, rtol=1e-4)
    np.testing.assert_allclose(kept.translation, kept.joints_3d[0])
    np.testing.assert_array_equal(kept.joints_2d, hand.joints_2d)


def test_one_measurement_outweighs_all_guesses_and_is_remembered():
    size, hand = HandSize(), make_hand()
    for _ in range(50):
        size.kept(hand, STEP)
    kept = size.kept(hand.scaled(1.3, "depth"), STEP)
    assert kept.scale_source == "depth" and palm_length(kept) == pytest.approx(1.3 * palm_length(hand))
    kept = size.kept(hand, STEP)
    assert kept.scale_source == "remembered" and palm_length(kept) == pytest.approx(1.3 * palm_length(hand), rel=1e-5)


@pytest.mark.parametrize("every", [1, 2, 5, 10])
def test_a_measured_size_stays_where_depth_is_rare_or_gone(every):
    rng, size, hand, lengths = np.random.default_rng(0), HandSize(), make_hand(), []
    for frame in range(150):
        measured = frame % every == 0 and not 60 <= frame < 120  # at 30 Hz: gone for 2 s
        factor = 1.3 * rng.normal(1, 0.003) if measured else rng.normal(0.9, 0.03)
        factor = 1.2 if frame == 0 else factor  # the first one is off
        kept = size.kept(hand.scaled(factor, "depth" if measured else "prior"), STEP)
        assert kept.scale_source == ("depth" if measured else "remembered")
        lengths.append(palm_length(kept) / (1.3 * palm_length(hand)))
    np.testing.assert_allclose(lengths[3 * every :], 1.0, atol=0.01)


def test_a_measured_hand_stays_where_it_was_measured():
    size, hand = HandSize(), make_hand()
    for factor in (1.3, 1.3, 1.35):
        measured = hand.scaled(factor, "depth")
        kept = size.kept(measured, STEP)
    np.testing.assert_allclose(kept.joints_3d.mean(axis=0), measured.joints_3d.mean(axis=0), rtol=1e-5)
    assert palm_length(kept) == pytest.approx(1.3 * palm_length(hand), rel=1e-5)


def test_relief_stays_for_a_moment_when_depth_is_missing():
    size, hand = HandSize(), make_hand()
    points = np.concatenate([hand.joints_3d, hand.vertices])
    tilted = hand.scaled(1.3, "depth").moved_along_rays(0.3 * (points[:, 1] - points[0, 1]) / points[:, 2])
    assert np.abs(tilted.joints_3d - 1.3 * hand.joints_3d).max() > 0.01
    measured = size.kept(tilted, STEP)
    np.testing.assert_allclose(size.kept(hand, STEP).joints_3d, measured.joints_3d, atol=2e-3)
    for _ in range(600):
        later = size.kept(hand, STEP)
    np.testing.assert_allclose(later.joints_3d, 1.3 * hand.joints_3d, atol=1e-3)
    assert palm_length(measured) != pytest.approx(
        1.3 * palm_length(hand), rel=1e-2
    )  # as tilted it is longer or shorter


def test_without_smoothing_measured_frames_pass_and_others_keep_what_was_measured():
    size, hand = HandSize(), make_hand()
    assert size.remembered(hand, STEP) is hand
    for factor in (1.3, 1.32):
        measured = hand.scaled(factor, "depth")
        assert size.remembered(measured, STEP) is measured
    kept = size.remembered(hand, STEP)
    assert kept.scale_source == "remembered"
    assert palm_length(kept) == pytest.approx(1.31 * palm_length(hand), rel=1e-5)


def test_a_hand_of_no_size_passes():
    hand = replace(make_hand(), joints_3d=np.zeros((21, 3), np.float32))
    assert HandSize().kept(hand, STEP) is hand
