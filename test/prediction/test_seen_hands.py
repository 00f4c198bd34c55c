"""Which of several results are the same hand, and which are wrong parts or wholes of another."""

from dataclasses import fields

import numpy as np
import pytest

from handos_model.prediction.seen_hands import NONE, SeenHands


def results(*squares: tuple[float, float, float, float]) -> SeenHands:
    """Hands (score, x, y, size px) whose joints are spread over squares from (x, y) on."""
    rng = np.random.default_rng(0)
    unit = np.concatenate([[[0, 0], [1, 1]], rng.random((19, 2))])
    hands = {field.name: np.zeros((len(squares), *getattr(NONE, field.name).shape[1:])) for field in fields(SeenHands)}
    hands["scores"] = np.array([square[0] for square in squares])
    hands["joints_2d"] = np.array([unit * size + (x, y) for _, x, y, size in squares])
    return SeenHands(**hands)


@pytest.mark.parametrize(
    "squares, kept",
    [
        ([], []),
        ([(0.6, 0, 0, 100), (0.9, 200, 0, 100)], [1, 0]),
        ([(0.6, 0, 0, 100), (0.9, 5, 0, 100)], [1]),  # the same
        ([(0.6, 0, 0, 100), (0.9, 30, 0, 100)], [1, 0]),
        ([(0.9, 0, 0, 100), (0.6, 40, 40, 30)], [0]),  # knuckles
        ([(0.6, 0, 0, 100), (0.9, 40, 40, 30)], [0]),
        ([(0.6, 0, 0, 100), (0.99, 40, 40, 30)], [1]),  # a forearm, and a hand at its end
        ([(0.6, 0, 0, 100), (0.99, 40, 40, 30), (0.98, 10, 10, 30)], [1, 2]),  # two hands, whatever holds both
        ([(0.6, 0, 0, 100), (0.9, 40, 40, 60)], [1, 0]),  # not so much smaller: two hands
        ([(0.6, 0, 0, 100), (0.9, 90, 120, 30)], [1, 0]),  # beside it
    ],
)
def test_of_what_may_be_one_hand_one_is_kept(squares, kept):
    np.testing.assert_array_equal(results(*squares).distinct().joints_2d, results(*squares).take(kept).joints_2d)


@pytest.mark.parametrize("followed, new, kept", [(1.0, 0.86, [0]), (0.9, 0.86, [1])])
def test_a_followed_hand_goes_on_unless_it_may_be_a_part(followed, new, kept):
    assert results((followed, 40, 40, 30), (new, 0, 0, 100)).kept([0, 1]) == kept


def test_one_hand_that_is_seen_in_two_poses_is_one() -> None:
    hands = results((0.9, 0, 0, 100), (0.8, 0, 0, 100))
    hands.joints_2d[1] = 100 - hands.joints_2d[1]
    assert hands.kept([0, 1]) == [0]
    hands.joints_2d[1] += 20  # boxes overlap by .47
    assert hands.kept([0, 1]) == [0, 1]
