"""HandFollower meets what is hardly a hand, on a small real pair of graphs, for which discs are hands."""

import numpy as np
import pytest

pytest.importorskip("onnx")
from disc_network import GREEN, RED, scene
from watched_follower import Watched

from handos_model.prediction.views import view_of_joints

EMPTY = scene()


def doubt(watched, score, larger_than=0.0):
    """Makes the network doubt what it sees in views of more px: scores are at most `score` there."""
    see = watched.follower.predictor.network.see

    def doubtful(image, view, **how):
        hand = see(image, view, **how)
        if view[2] > larger_than:
            hand.scores[:] = np.minimum(hand.scores, score)
        return hand

    watched.follower.predictor.network.see = doubtful


def test_what_is_hardly_a_hand_must_be_seen_twice(tmp_path):
    watched = Watched(tmp_path)
    watched(EMPTY)
    doubt(watched, 0.28)  # and more where the mirrored view says the same
    image = scene((RED, 300, 200, 90))
    told = [bool(watched(image)) for _ in range(5)]
    seen = [bool(views) for views in watched.views[1:]]
    assert told == [False, *seen[:-1]] and any(told)
    watched.follower.reset()
    assert len(watched(image)) == 1  # the first frame of a video may be the only one


def test_what_comes_and_goes_unreported_does_not_hold_up_the_search(tmp_path):
    watched = Watched(tmp_path)
    for _ in range(9):
        watched(EMPTY)
    turns = [windows[0] for windows in watched.searches]
    watched.searches.clear()
    watched.follower.reset()
    watched(EMPTY)
    doubt(watched, 0.28)
    for frame in range(8):
        assert watched(EMPTY if frame % 2 else scene((RED, 300, 200, 90))) == []
    assert [windows[0] for windows in watched.searches] == turns


@pytest.mark.parametrize("search", ["thorough", "followed"])
def test_a_hand_within_what_is_hardly_one_is_found(tmp_path, search):
    watched = Watched(tmp_path)
    doubt(watched, 0.28, larger_than=150)
    image = scene((RED, 300, 240, 200), (GREEN, 330, 250, 30))
    predictor = watched.follower.predictor
    predictor.search = search if search == "thorough" else "fast"
    watched.searches.append([])
    watched.views.append([])
    found = predictor.predict(image) if search == "thorough" else [hand for _ in range(10) for hand in watched(image)]
    centres = [view_of_joints(hand.joints_2d.astype(np.float64))[:2] for hand in found]
    assert min(np.abs(centre - [330, 250]).max() for centre in centres) < 2
