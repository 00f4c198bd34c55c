"""Where and when HandFollower searches for hands that it does not follow."""

import numpy as np
import pytest

pytest.importorskip("onnx")
from disc_network import GREEN, RED, centre, scene
from watched_follower import STEP, Watched


def test_a_search_for_others_runs_at_its_rate(tmp_path):
    watched = Watched(tmp_path, search_rate=5)
    for _ in range(40):
        watched(scene((RED, 300, 200, 90)))
    counts = [len(windows) for windows in watched.searches]
    assert counts[:9] == [1] * 9  # all of a new scene, once
    assert sum(counts[9:]) == 5  # in another 31 frames


def test_a_far_hand_is_found_within_ten_frames_beside_a_near_one(watched):
    image = scene((RED, 300, 300, 150), (GREEN, 1150, 640, 22), width=1280, height=720)
    sides = [sorted(hand.side for hand in watched(image)) for _ in range(10)]
    assert sides[0] == ["right"] and sides[-1] == ["left", "right"]


def test_a_far_hand_is_found_within_ten_frames_wherever_it_is(tmp_path):
    for number, (x, y) in enumerate([(40, 40), (430, 380), (640, 350), (860, 340), (1250, 690), (20, 700), (1240, 30)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        watched = Watched(folder)
        image = scene((GREEN, x, y, 22), width=1280, height=720)
        found = [watched(image) for _ in range(10)]
        first = next(index for index, hands in enumerate(found) if hands)
        assert all(len(hands) == 1 for hands in found[first:])
        np.testing.assert_allclose(centre(found[-1][0]), [x, y], atol=2)


def test_what_was_looked_at_in_vain_does_not_hide_a_hand_within_it(watched):
    watched.follower.predictor.score_threshold = 0.95  # nothing is a hand
    image = scene((RED, 300, 240, 200))
    watched(image)
    watched.follower.predictor.score_threshold = 0.5
    (hand,) = [hand for _ in range(9) for hand in watched(scene((GREEN, 320, 250, 40)))][-1:]
    np.testing.assert_allclose(centre(hand), [320, 250], atol=2)


def test_a_near_hand_that_comes_in_is_found_within_three_frames(watched):
    for wait in (1, 2, 3, 4):
        for _ in range(30 + wait):
            watched(np.zeros((720, 1280, 3), np.uint8))
        image = scene((RED, 640, 360, 200), width=1280, height=720)
        assert any([watched(image) for _ in range(3)])


def test_a_second_hand_that_comes_is_followed_too(watched):
    for _ in range(6):
        assert len(watched(scene((RED, 150, 150, 80)))) == 1
    for _ in range(18):
        hands = watched(scene((RED, 150, 150, 80), (GREEN, 450, 300, 80)))
    assert sorted((hand.id, hand.side) for hand in hands) == [(0, "right"), (1, "left")]


@pytest.mark.parametrize(("rate", "near", "far"), [(5, 0.55, 1.8), (30, 0.1, 0.3)])
@pytest.mark.parametrize("size", [150, 22])
def test_a_second_hand_that_comes_is_found_as_soon_as_troubleshooting_says(tmp_path, rate, near, far, size):
    other, seconds = (GREEN, 1150, 600, size), near if size > 100 else far
    alone, both = (scene((RED, 300, 300, 150), *more, width=1280, height=720) for more in ([], [other]))
    watched, waits = Watched(tmp_path, search_rate=rate), []
    for came in range(10, 19) if rate == 30 else range(10, 64, 6):
        watched.follower.reset()
        for _ in range(came):
            watched(alone)
        waits.append(next(frame for frame in range(100) if len(watched(both)) == 2))
    assert 0.6 * seconds < max(waits) * STEP < seconds + STEP / 2


def test_a_hand_that_is_hidden_for_a_moment_is_seen_again_at_once(watched):
    both, one = scene((RED, 150, 150, 80), (GREEN, 450, 300, 80)), scene((RED, 150, 150, 80))
    for _ in range(20):
        ids = {hand.id for hand in watched(both)}
    for hidden in (3, 5, 7):
        for _ in range(hidden):
            assert len(watched(one)) == 1
        watched(both)  # may be the turn of another part of the image
        assert {hand.id for hand in watched(both)} == ids
        watched.searches.clear()
        for _ in range(12):
            watched(both)
        assert sum(map(len, watched.searches)) == 2  # as ever


def test_a_hand_that_is_gone_is_looked_for_half_a_second(watched):
    for _ in range(20):
        watched(scene((RED, 150, 150, 80), (GREEN, 450, 300, 80)))
    watched.searches.clear()
    for _ in range(40):
        watched(scene((RED, 150, 150, 80)))
    counts = [len(windows) for windows in watched.searches]
    assert counts[:15] == [1] * 15 and sum(counts[16:]) == 4
