"""A pair of graphs, small and real: what is found, and how it is seen."""

from dataclasses import fields, replace

import numpy as np
import pytest

pytest.importorskip("onnx")
from disc_network import BLUE, GREEN, RED, SURE, centre, scene, unit_joints, write_pair

from handos_model import Camera, HandPredictor
from handos_model.prediction.seen_hands import NONE, SeenHands, agreed
from handos_model.prediction.windows import parts


@pytest.fixture
def pair(tmp_path):
    return write_pair(tmp_path)


def test_an_empty_image_has_no_hand(pair):
    for search in ("fast", "thorough"):
        assert HandPredictor(pair, "cpu", search=search).predict(scene(width=1280, height=720)) == []


def test_hands_are_found_and_seen_where_they_are(pair):
    image = scene((RED, 150.25, 200.5, 80), (GREEN, 420, 130, 60))
    camera = Camera.from_fov(640, 480)
    right, left = sorted(HandPredictor(pair, "cpu").predict(image, camera), key=lambda hand: hand.side, reverse=True)
    assert (right.side, left.side) == ("right", "left")
    np.testing.assert_allclose(right.joints_2d, unit_joints() * 80 + (150.25, 200.5), atol=1.5)
    np.testing.assert_allclose(left.joints_2d, unit_joints() * 60 + (420, 130), atol=1.5)
    assert right.score > SURE and right.scale_source == "prior"  # the mirrored view says the same
    assert np.abs(camera.project(right.joints_3d) - right.joints_2d).max() < 12  # the discs know no perspective
    assert right.translation[2] < left.translation[2]


def test_either_file_of_the_pair_and_text_name_it(pair):
    see = pair.with_name("discs.see.onnx")
    image = scene((RED, 300, 200, 90))
    hands = [HandPredictor(weights, "cpu").predict(image)[0] for weights in (pair, see, str(see))]
    assert np.array_equal(hands[0].joints_2d, hands[1].joints_2d) and np.array_equal(
        hands[0].vertices, hands[2].vertices
    )


@pytest.mark.parametrize("x, y", [(6, 240), (320, 474), (634, 4)])
def test_a_hand_at_the_edge_is_found(pair, x, y):
    (hand,) = HandPredictor(pair, "cpu").predict(scene((RED, x, y, 90)))
    assert np.linalg.norm(centre(hand) - (x, y)) < 45


def test_a_hand_that_fills_the_picture_is_found_at_half_the_size(pair):
    (hand,) = HandPredictor(pair, "cpu").predict(scene((RED, 320, 240, 470)))
    np.testing.assert_allclose(centre(hand), [320, 240], atol=4)


def test_a_far_hand_is_found_where_no_near_one_is(pair):
    far = (GREEN, 1010, 610, 22)
    (hand,) = HandPredictor(pair, "cpu").predict(scene(far, width=1280, height=720))
    np.testing.assert_allclose(centre(hand), [1010, 610], atol=1)
    assert hand.side == "left"


def test_a_far_hand_beside_a_near_one_takes_a_thorough_search(pair):
    image = scene((GREEN, 1010, 610, 22), (RED, 400, 300, 200), width=1280, height=720)
    assert [hand.side for hand in HandPredictor(pair, "cpu").predict(image)] == ["right"]
    assert {hand.side for hand in HandPredictor(pair, "cpu", search="thorough").predict(image)} == {"right", "left"}


def test_a_hand_that_several_windows_show_is_one_hand(pair):
    image = scene((RED, 640, 360, 70), (BLUE, 500, 360, 70), width=1280, height=720)
    assert len(HandPredictor(pair, "cpu", search="thorough").predict(image)) == 2


@pytest.mark.parametrize("width, height", [(1280, 720), (480, 640), (641, 359), (4000, 300)])
def test_parts_cover_the_image_and_overlap(width, height):
    covered = np.zeros((height, width), int)
    for part in parts(width, height, 192):
        assert 0 <= part.x0 < part.x1 <= width and 0 <= part.y0 < part.y1 <= height and part.size >= 32
        covered[part.y0 : part.y1, part.x0 : part.x1] += 1
    assert covered.min() == 1 and covered.max() == 4
    assert parts(240, 180, 192) == []


@pytest.mark.parametrize(("passes", "mirrored"), [(1, [False]), (2, [False, False, True]), (3, [False] * 3 + [True])])
def test_more_passes_see_the_view_of_the_last_ones_joints(pair, passes, mirrored):
    """And the last view in the mirror as well."""
    predictor = HandPredictor(pair, "cpu", passes=passes)
    views, in_mirror, see = [], [], predictor.network.see

    def watched(image, view, mirrored=False):
        views.append(view)
        in_mirror.append(mirrored)
        return see(image, view, mirrored)

    predictor.network.see = watched
    predictor.network.find = lambda image, window: np.array([[225.0, 190.0, 260.0, 0.0]])
    (hand,) = predictor.predict(scene((RED, 200, 200, 100)))
    assert in_mirror == mirrored and hand.side == "right"
    np.testing.assert_allclose(views[0], [225, 190, 260, 0])
    for view in views[1:]:
        np.testing.assert_allclose(view, [200, 200, 200, 0], atol=6)
    np.testing.assert_allclose(hand.joints_2d, unit_joints() * 100 + (200, 200), atol=1.5)


def test_scores_below_the_threshold_are_no_hands(pair):
    image = scene((RED, 200, 200, 100))
    assert HandPredictor(pair, "cpu", score_threshold=0.99, passes=1).predict(image) == []
    assert len(HandPredictor(pair, "cpu", score_threshold=0.97, passes=1).predict(image)) == 1


def test_a_hand_that_is_the_same_in_the_mirror_has_no_side(pair):
    image = scene((RED, 250.25, 200.5, 80))
    image[image > 0] = 255  # neither half is darker
    assert [hand.side for hand in HandPredictor(pair, "cpu").predict(image)] == ["unknown"]
    assert [hand.side for hand in HandPredictor(pair, "cpu", passes=1).predict(image)] == ["right"]


def hand_in_a_view(right: float, score: float = 0.9) -> SeenHands:
    rng = np.random.default_rng(3)
    joints_2d, confidence = rng.uniform(0, 224, (1, 21, 2)), rng.uniform(0, 1, (1, 21))
    joints_3d, vertices = rng.normal(0, 0.1, (1, 21, 3)), rng.normal(0, 0.1, (1, 778, 3))
    view, translation = np.array([[100.0, 100, 224, 0]]), np.array([[0.1, 0.2, 0.5]])
    return SeenHands(
        np.array([score]), joints_2d, confidence, joints_3d, vertices, view, translation, np.array([right])
    )


def test_mirrored_twice_a_hand_is_as_it_was():
    hand = hand_in_a_view(0.8)
    mirrored = hand.mirrored(224)
    assert mirrored.right == pytest.approx(0.2)
    np.testing.assert_allclose(mirrored.joints_2d[..., 0], 223 - hand.joints_2d[..., 0], atol=1e-4)
    np.testing.assert_allclose(mirrored.vertices * [-1, 1, 1], hand.vertices)
    again = mirrored.mirrored(224)
    for field in fields(SeenHands):
        np.testing.assert_allclose(getattr(again, field.name), getattr(hand, field.name), atol=1e-4)


def test_two_looks_agree_on_the_mean_and_on_the_surer_ones_side():
    one, other = hand_in_a_view(0.8, 0.6), replace(hand_in_a_view(0.6, 0.4), vertices=np.ones((1, 778, 3)))
    both = agreed(one, other)
    assert both.right[0] == pytest.approx(0.7)
    np.testing.assert_allclose(both.vertices, (one.vertices + 1) / 2)
    doubt = agreed(one, replace(other, right=np.array([0.3])))
    np.testing.assert_allclose(doubt.vertices, one.vertices)  # .8 is surer than .3, and a mean of both no hand
    assert doubt.right[0] == pytest.approx(0.55)
    assert np.array_equal(agreed(replace(other, right=np.array([0.3])), one).vertices, one.vertices)
    assert len(agreed(NONE, NONE)) == 0


@pytest.mark.parametrize("apart, score", [(0, 5 / 5.5), (0.034, 0.5), (0.102, 0.25)])
def test_two_looks_that_lie_apart_are_less_surely_a_hand(apart, score):
    one = hand_in_a_view(0.8, 0.6)
    other = replace(one, joints_2d=one.joints_2d + [apart * 224, 0], scores=np.array([0.4]))
    assert agreed(one, other).scores == [pytest.approx(score)]
    assert agreed(replace(one, scores=np.zeros(1)), replace(one, scores=np.zeros(1))).scores == [0]


def test_a_hand_in_doubt_is_looked_for_at_half_the_size(pair):
    image, network = scene((RED, 200, 200, 100)), HandPredictor(pair, "cpu").network
    good, bad = np.array([[225.0, 190.0, 260.0, 0.0]]), np.array([[240.0, 190.0, 280.0, 0.0]])
    see, sizes = network.see, []

    def doubts(image, view, mirrored=False):
        hand = see(image, view, mirrored)
        return replace(hand, scores=np.float32([0.7])) if view[0] > 230 else hand

    def found(views):
        def find(image, window):
            sizes.append(window.size)
            return views if len(sizes) == 1 else good

        sizes.clear()
        network.find = find
        return network.hands(image, 192, 0.5, "fast", 1)

    assert len(found(good)) == 1 and sizes == [192]
    network.see = doubts
    assert found(bad).scores.tolist() == [pytest.approx(SURE)] and sizes == [192, 96]
    np.testing.assert_allclose(found(bad).views, good)
