"""Options of HandPredictor and HandFollower hold their limits when objects are made and whenever they are set later."""

import math
import pickle

import numpy as np
import pytest

pytest.importorskip("onnx")
from fake_network import write_network

from handos_model import HandFollower, HandPredictor, HandTracker
from handos_model.fusion.hand_fusion import HandFusion


def predictor_of(tmp_path, **options) -> HandPredictor:
    return HandPredictor(write_network(tmp_path / "fake.onnx", [], 640), **options)


@pytest.mark.parametrize(
    "name, values, good, says",
    [
        ("size", (512.7, 100_000, 63, None, [640], math.nan, math.inf), 320, "a whole number of px from 64 to 4096"),
        ("passes", (1.5, 0, 6, "many", -math.inf), 3, "a whole number from 1 to 5"),
        ("score_threshold", (1.5, -1, math.nan, "high", None), 0.25, "lie between 0 and 1"),
        ("hand_scale", (0, 100, math.nan, [1, 2], math.inf), 1.5, "lie between 0.2 and 5"),
        ("search", ("slow", None, 3), "thorough", "one of fast, thorough"),
    ],
)
def test_options_are_refused_whenever_they_are_set(tmp_path, name, values, good, says):
    predictor = predictor_of(tmp_path)
    before = getattr(predictor, name)
    for value in values:
        with pytest.raises(ValueError, match=f"^{name} is .*, must (be )?{says}$"):
            setattr(predictor, name, value)
        if value is not None:
            with pytest.raises(ValueError, match=says):
                predictor_of(tmp_path, **{name: value})
        assert getattr(predictor, name) == before
    setattr(predictor, name, good)
    assert getattr(predictor, name) == good == getattr(predictor_of(tmp_path, **{name: good}), name)


@pytest.mark.parametrize("size", ["640", 640.0, np.int64(640), np.float32(640)])
def test_whole_numbers_are_taken_in_any_form(tmp_path, size):
    kept = predictor_of(tmp_path, size=size).size
    assert kept == 640 and type(kept) is int


@pytest.mark.parametrize(
    "name, values, good, says",
    [
        ("max_hands", (-1, 1.5, None, math.inf, "few"), 2, "be a whole number of 0 or more"),
        ("search_rate", (-1, math.inf, math.nan, None), 2.5, "be 0 or more and finite"),
    ],
)
def test_options_of_a_follower_are_refused_whenever_they_are_set(tmp_path, name, values, good, says):
    predictor = predictor_of(tmp_path)
    follower = HandFollower(predictor)
    for value in values:
        with pytest.raises(ValueError, match=f"^{name} is {value}, must {says}$"):
            setattr(follower, name, value)
        with pytest.raises(ValueError, match=says):
            HandFollower(predictor, **{name: value})
    setattr(follower, name, good)
    assert getattr(follower, name) == good == getattr(HandFollower(predictor, **{name: good}), name)


def test_each_object_has_options_of_its_own(tmp_path):
    one, two = predictor_of(tmp_path, size=320), predictor_of(tmp_path, size=480)
    one.hand_scale = 2
    assert (one.size, two.size, one.hand_scale, two.hand_scale) == (320, 480, 2.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("HandPredictor", "score_treshold", "did you mean score_threshold?"),
        ("HandFollower", "max_hand", "did you mean max_hands?"),
        (
            "HandFollower",
            "hand_scale",
            "known are predictor, tracker, tracking, mirrored, search_rate, max_hands, problem",
        ),
        ("HandTracker", "option", "did you mean options?"),
        ("HandTracker", "smoothing", "known are options"),
        ("HandFusion", "maxage", "did you mean max_age?"),
    ],
)
def test_what_is_no_option_is_refused(tmp_path, kind, name, says):
    predictor = predictor_of(tmp_path)
    made = {
        "HandPredictor": predictor, "HandFollower": HandFollower(predictor), "HandTracker": HandTracker(),
        "HandFusion": HandFusion(),
    }[kind]  # fmt: skip
    for one in (made, pickle.loads(pickle.dumps(made))):
        with pytest.raises(AttributeError) as said:
            setattr(one, name, 1)
        assert str(said.value) == f"{kind} has no attribute {name}: {says}" and not hasattr(one, name)


def test_a_derived_class_has_attributes_of_its_own(tmp_path):
    class Counting(HandFollower):
        def __init__(self, predictor):
            self.count = 0
            super().__init__(predictor)

    follower = Counting(predictor_of(tmp_path))
    follower.count += 1
    assert follower.count == 1
    with pytest.raises(AttributeError, match="Counting has no attribute counts: did you mean count?"):
        follower.counts = 1
