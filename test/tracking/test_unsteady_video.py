"""HandFollower on what is no steady video: cuts, jumps of time, bursts, other sizes, slow cameras, wrong frames."""

import numpy as np
import pytest

pytest.importorskip("onnx")
from disc_network import GREEN, RED, centre, scene
from made_cameras import PLAIN
from watched_follower import STEP, Watched

from handos_model import HandFollower

EMPTY = scene()


def test_a_scene_cut_ends_with_the_hands_of_the_new_scene(watched):
    for _ in range(5):
        watched(scene((RED, 150, 150, 80)))
    (hand,) = watched(scene((GREEN, 480, 330, 100)))
    assert hand.id == 1 and hand.side == "left"
    np.testing.assert_allclose(centre(hand), [480, 330], atol=2)


@pytest.mark.parametrize("jump", [-50.0, 700.0])
def test_time_that_jumps_starts_anew(watched, jump):
    watched.stamp = 100.0
    for _ in range(5):
        assert watched(scene((RED, 150, 150, 80)))[0].id == 0
    (hand,) = watched(scene((RED, 170, 150, 80)), step=jump)
    assert hand.id == 1 and len(watched.searches[-1]) == 1
    assert watched(scene((RED, 180, 150, 80)))[0].id == 1


def test_stamps_that_stand_still_are_followed(watched):
    for frame in range(20):
        assert watched(scene((RED, 150 + 5 * frame, 150, 80)), step=0.0)[0].id == 0


@pytest.mark.parametrize("gap", [0.0001, 0.001, 0.003, 0.01])
def test_frames_that_arrive_in_bursts_are_expected_where_the_hand_goes(tmp_path, gap):
    watched = Watched(tmp_path, search_rate=0)
    for frame in range(30):
        x = 100 + 12 * frame
        (hand,) = watched(scene((RED, x, 200, 90)), step=gap if frame % 2 else 2 * STEP - gap)
        assert hand.id == 0
        if frame:
            assert abs(watched.views[-1][0][0] - x) < 30  # half of the view, which is 180 px wide, would be 90


def test_an_image_of_another_size_is_survived(watched):
    watched(scene((RED, 600, 400, 80)))
    (hand,) = watched(scene((RED, 100, 100, 60), width=320, height=240))
    np.testing.assert_allclose(centre(hand), [100, 100], atol=2)
    assert watched(scene((RED, 110, 100, 60), width=320, height=240))[0].id == hand.id


def test_no_hand_takes_the_id_or_side_of_another_when_the_size_changes(watched):
    for _ in range(30):
        before = watched(scene((RED, 150, 120, 90), (GREEN, 300, 240, 90)))
    assert sorted((hand.id, hand.side) for hand in before) == [(0, "right"), (1, "left")]
    for _ in range(10):  # what was at (150, 120) is at (300, 240), where the other hand was
        after = watched(scene((RED, 300, 240, 180), (GREEN, 600, 480, 180), width=1280, height=960))
        for hand in after:
            x, side = (300, "right") if hand.side == "right" else (600, "left")
            assert abs(centre(hand)[0] - x) < 5 and hand.side == side and hand.id >= 2
    assert len(after) == 2


@pytest.mark.parametrize("rate", [1.0, 2.0, 3.0])
def test_slow_cameras_are_followed(watched, rate):
    ids = [watched(scene((RED, 150 + 12 * frame, 200, 90)), step=1 / rate)[0].id for frame in range(8)]
    assert ids == [0] * 8


def test_stamps_in_milliseconds_are_noticed(watched):
    red = scene((RED, 150, 150, 80))
    with pytest.warns(UserWarning, match="5 frames in a row came 33 s after .* divided by 1000") as said:
        ids = [watched(red, step=33)[0].id for _ in range(20)]
    assert ids == list(range(20)) and len(said) == 1


@pytest.mark.parametrize("steps", [[700.0, STEP] * 10, [2.0] * 20])
def test_pauses_and_slow_cameras_are_nothing_to_warn_of(watched, recwarn, steps):
    for step in steps:
        watched(scene((RED, 150, 150, 80)), step=step)
    assert not recwarn.list


def test_wrong_frames_are_refused_and_change_nothing(watched):
    red = scene((RED, 150, 150, 80))
    watched(red)
    with pytest.raises(ValueError, match="must be a NumPy array"):
        watched.follower.follow(EMPTY.astype(np.float32), watched.stamp)
    with pytest.raises(ValueError, match="the camera has"):
        watched.follower.follow(EMPTY[:200], watched.stamp, PLAIN)
    for stamp in (float("nan"), float("inf"), 1.7e18, None):
        with pytest.raises(ValueError, match="stamp is .*, must be a finite number of seconds"):
            watched.follower.follow(red, stamp)
    with pytest.raises(ValueError, match="search_rate is -1, must be 0 or more"):
        HandFollower(watched.follower.predictor, search_rate=-1)
    assert watched(scene((RED, 152, 150, 80)))[0].id == 0
