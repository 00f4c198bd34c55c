"""HandFollower on a small real pair of graphs, for which discs are hands, and on real frames with the embedded pair."""

import copy
import pickle
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
from disc_network import BLUE, GREEN, RED, centre, scene, write_pair
from fake_network import answer, write_network
from made_cameras import PLAIN
from posed_hand import posed_hand
from seen_hand import ARRAYS
from watched_follower import STEP, Watched

from handos_model import Camera, HandFollower, HandPredictor
from handos_model.tracking.tracker import TrackerOptions

CLIP = Path(__file__).parents[2] / "docs" / "demo.mp4"
EMPTY = scene()


# --- one hand


def test_an_empty_scene_is_searched_in_every_frame(watched):
    for _ in range(12):
        assert watched(EMPTY) == []
    assert [len(windows) for windows in watched.searches] == [1] * 12 and not any(watched.views)


def test_a_hand_is_found_once_and_then_followed(tmp_path):
    watched = Watched(tmp_path, search_rate=0)
    for frame in range(40):
        x, y = 120 + 9 * frame, 300 - 4 * frame
        (hand,) = watched(scene((RED, x, y, 70 + frame)))
        assert hand.id == 0 and hand.side == "right"
        np.testing.assert_allclose(centre(hand), [x, y], atol=1.5)
    assert [len(windows) for windows in watched.searches] == [1] + [0] * 39
    assert [len(views) for views in watched.views] == [4] + [1] * 39  # settled and mirrored at first


def test_a_still_hand_is_seen_in_one_view(tmp_path):
    watched = Watched(tmp_path, search_rate=0)
    for frame in range(6):
        watched(scene((RED, 300 + 0.8 * (frame % 2), 200, 90)))
    for view in watched.views[2:]:
        np.testing.assert_array_equal(view[0], watched.views[1][0])


def test_a_hand_that_moved_unexpectedly_is_seen_in_the_middle_of_a_view(tmp_path):
    watched = Watched(tmp_path, search_rate=0)
    for x, looks in ((200, 4), (200, 1), (215, 1), (230, 1), (270, 2), (310, 1)):
        (hand,) = watched(scene((RED, x, 200, 80)))  # in a view of 160 px
        assert len(watched.views[-1]) == looks and abs(watched.views[-1][-1][0] - x) < 0.12 * 160, x
        np.testing.assert_allclose(centre(hand), [x, 200], atol=1.5)


def test_a_hand_that_leaves_and_comes_back(watched):
    for x in (520, 540, 560, 580):
        assert watched(scene((RED, x, 200, 80)))[0].id == 0
    for _ in range(4):
        assert watched(EMPTY) == []
    (hand,) = watched(scene((RED, 560, 200, 80)))
    assert hand.id == 0
    for _ in range(20):
        assert watched(EMPTY) == []
    ids = [hand.id for _ in range(3) for hand in watched(scene((RED, 560, 200, 80)))]
    assert ids and set(ids) == {1}


def test_a_hand_at_the_edge_is_followed_out_of_the_image(watched):
    for x in (60, 45, 30, 20, 10):
        (hand,) = watched(scene((RED, x, 240, 90)))
        assert hand.id == 0
    for x in (-40, -80, -80, -80):
        hands = watched(scene((RED, x, 240, 90)))
    assert hands == []


# --- several hands


def test_one_hand_is_never_two(watched):
    for frame in range(90):
        image = scene((RED, 300 + 100 * np.sin(frame / 6), 200, 60 + 40 * np.sin(frame / 9)), width=1280, height=720)
        assert len(watched(image)) <= 1


def test_a_look_that_ends_on_a_part_of_a_hand_finds_no_other(watched):
    watched(scene((RED, 300, 240, 200)))
    network, part = watched.follower.predictor.network, np.array([[450.0, 240, 100, 0]])
    find = network.find
    network.find = lambda image, window: np.concatenate([find(image, window), part])
    for _ in range(20):
        (hand,) = watched(scene((RED, 300, 240, 200), (GREEN, 420, 240, 40)))
        assert hand.side == "right"
    assert any((view[:2] == part[0, :2]).all() for views in watched.views[1:] for view in views)


@pytest.mark.parametrize("colours", [(RED, GREEN), (RED, BLUE)])
def test_hands_that_cross_neither_merge_nor_swap(watched, colours):
    for frame in range(61):
        places = (150 + 5 * frame, 210), (450 - 5 * frame, 290)  # 80 px apart at the closest: they touch
        hands = watched(scene(*((colour, *place, 80) for colour, place in zip(colours, places, strict=True))))
        if frame == 0:
            ids = [min(hands, key=lambda hand: np.linalg.norm(centre(hand) - place)).id for place in places]
            assert sorted(ids) == [0, 1]
        assert len(hands) == 2, frame
        found = {hand.id: centre(hand) for hand in hands}
        for number, place in zip(ids, places, strict=True):
            assert np.linalg.norm(found[number] - place) < 10, frame


def test_the_most_hands_stay_those_that_are_followed(tmp_path):
    watched = Watched(tmp_path, max_hands=1)
    for _ in range(3):
        watched(scene((RED, 150, 150, 60)))
    for _ in range(20):
        (hand,) = watched(scene((RED, 150, 150, 60), (GREEN, 450, 300, 120)))
        assert hand.id == 0 and hand.side == "right"
    assert not any(watched.searches[1:])


# --- a hand's own size, and depth


def depth_of(hand, metres):
    return lambda: np.full((480, 640), metres, np.float32)


def test_depth_sets_the_size_which_is_remembered_without_it(tmp_path):
    watched = Watched(tmp_path, tracker_options=TrackerOptions())
    image = scene((RED, 300, 200, 120))
    (plain,) = watched(image)
    metres = 1.2 * float(plain.vertices[:, 2].mean())
    (deep,) = watched(image, depth=depth_of(plain, metres))
    assert deep.scale_source == "depth" and 1.1 < deep.translation[2] / plain.translation[2] < 1.3
    for _ in range(60):  # until smoothing has come to rest
        (deep,) = watched(image, depth=depth_of(plain, metres))
    (later,) = watched(image)
    assert later.scale_source == "remembered"
    np.testing.assert_allclose(later.joints_3d, deep.joints_3d, atol=2e-4)


@pytest.mark.parametrize("smoothing", [True, False])
def test_hands_belong_to_the_user_who_may_change_and_keep_them(tmp_path, smoothing):
    image, arrays = scene((RED, 300, 200, 120)), ("network_translation", "relief", *ARRAYS)
    followed = []
    for changed in (False, True):
        (tmp_path / str(changed)).mkdir()
        watched = Watched(tmp_path / str(changed), tracker_options=TrackerOptions(smoothing=smoothing))
        followed.append([])
        for frame in range(6):
            depth = depth_of(None, 0.5) if frame in (1, 2) else None
            (hand,) = watched(image, depth=depth)
            values = [value for name in arrays if (value := getattr(hand, name)) is not None]
            assert not any(np.shares_memory(one, other) for one, other in combinations(values, 2))
            assert all(value.base is None or value.base.nbytes < 2 * value.nbytes + 1 for value in values)
            followed[-1].append([value.copy() for value in values])
            for value in values:
                value[:] = 777 if changed else value
    for one, other in zip(*followed, strict=True):
        for value, expected in zip(other, one, strict=True):
            np.testing.assert_array_equal(value, expected)


def test_depth_that_fails_is_a_problem_and_no_error(watched):
    def broken():
        raise ValueError("no depth image yet")

    (hand,) = watched(scene((RED, 300, 200, 120)), depth=broken)
    assert hand.scale_source == "prior" and watched.follower.problem == "no depth image yet"
    watched(scene((RED, 300, 200, 120)), depth=lambda: None)
    assert watched.follower.problem == ""
    with pytest.raises(ValueError, match="depth is ndarray, must be a function that returns it"):
        watched(scene((RED, 300, 200, 120)), depth=depth_of(hand, 0.6)())


@pytest.mark.parametrize("again", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["copied", "sent"])
def test_a_follower_goes_on_as_a_copy_and_in_another_process(tmp_path, again):
    follower = HandFollower(HandPredictor(write_pair(tmp_path), "cpu", threads=1))
    images = [scene((RED, 200 + 6 * frame, 200, 90)) for frame in range(6)]
    for frame in range(3):
        follower.follow(images[frame], frame * STEP)
    other = again(follower)
    for frame in range(3, 6):
        (hand,), (expected,) = (one.follow(images[frame], frame * STEP) for one in (other, follower))
        assert hand.id == expected.id == 0
        np.testing.assert_array_equal(hand.vertices, expected.vertices)
    assert other.predictor.network is not follower.predictor.network


# --- other ways to see


def test_without_tracking_every_frame_is_a_still(watched):
    watched.follower.tracking = False
    for x in (150, 400, 500):
        (hand,) = watched(scene((RED, x, 200, 80)))
        assert hand.id == -1
        np.testing.assert_allclose(centre(hand), [x, 200], atol=1.5)


def test_tracking_that_is_turned_off_leaves_no_ids_to_wait_for(watched):
    image = scene((RED, 300, 200, 80))
    assert [hand.id for hand in watched(image)] == [0] and watched.follower.tracker.ids == {0}
    watched.follower.tracking = False
    assert [hand.id for hand in watched(image)] == [-1] and watched.follower.tracker.ids == set()
    watched.follower.tracking = True
    assert [hand.id for hand in watched(image)] == [1]


def test_a_graph_of_the_whole_image_is_followed_too(tmp_path):
    vertices, joints = posed_hand(0.5)
    path = write_network(tmp_path / "fake.onnx", [answer(vertices + (0, 0, 0.5), joints + (0, 0, 0.5), PLAIN)], 640)
    follower = HandFollower(HandPredictor(path, "cpu"))
    ids = [hand.id for frame in range(3) for hand in follower.follow(EMPTY, frame * STEP, PLAIN)]
    assert ids == [0, 0, 0]
    (hand,) = follower.follow(scene(width=620), 3 * STEP)
    assert hand.id == 1  # places in images of another size mean nothing


def test_real_hands_are_followed_at_their_own_size():
    capture = cv2.VideoCapture(str(CLIP))
    frames = [capture.read()[1][:, :, ::-1] for _ in range(24)]
    camera = Camera.from_fov(frames[0].shape[1], frames[0].shape[0])
    follower = HandFollower(HandPredictor(device="cpu", threads=1))
    hands = [follower.follow(image, number * STEP, camera) for number, image in enumerate(frames)]
    assert [sorted(hand.id for hand in of) for of in hands] == [[0, 1]] * 24
    for number in (0, 1):
        own = [hand for of in hands for hand in of if hand.id == number]
        assert len({hand.side for hand in own}) == 1
        palms = [np.linalg.norm(hand.joints_3d[9] - hand.joints_3d[0]) for hand in own]
        assert np.std(palms) < 0.01 * np.mean(palms)
