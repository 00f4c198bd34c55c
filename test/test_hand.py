import json

import numpy as np
import pytest

from handos_model.hand import BONES, FINGERS, JOINT_NAMES, Hand, blank_hand, joints_box


def hand(**changes) -> Hand:
    values = {
        "score": 0.123456, "side": "left", "side_confidence": 0.5, "box": np.array([1, 2, 3, 4], np.float32),
        "joints_2d": np.zeros((21, 2), np.float32), "joint_confidence": np.ones(21, np.float32),
        "joints_3d": np.full((21, 3), 1 / 3, np.float32), "vertices": np.zeros((778, 3), np.float32),
        "translation": np.array([0, 0, 0.5], np.float32),
    }  # fmt: skip
    return Hand(**{**values, **changes})


def test_flipped_pixels_come_back_and_metres_stay():
    shown = hand(joints_2d=np.arange(42, dtype=np.float32).reshape(21, 2))
    flipped = shown.flipped(100)
    assert flipped.joints_2d[3].tolist() == [93, 7] and flipped.box.tolist() == [96, 2, 98, 4]
    assert flipped.side == "left" and np.array_equal(flipped.joints_3d, shown.joints_3d)
    again = flipped.flipped(100)
    assert np.array_equal(again.joints_2d, shown.joints_2d) and np.array_equal(again.box, shown.box)


def test_a_record_is_of_plain_numbers():
    record = hand().to_dict()
    assert record["score"] == 0.1235
    assert record["box"] == [1, 2, 3, 4]
    assert record["joints_3d"][20] == [0.33333] * 3
    assert json.loads(json.dumps(record)) == record


def test_vertices_come_on_demand():
    assert len(hand().to_dict(vertices=True)["vertices"]) == 778
    assert hand().to_dict()["id"] == -1
    assert hand(id=7).to_dict()["id"] == 7


def test_a_hand_comes_back_from_its_record():
    told = hand(id=3, scale_source="depth", joints_2d=np.arange(42, dtype=np.float32).reshape(21, 2))
    record = json.loads(json.dumps(told.to_dict(vertices=True)))
    back = Hand.from_dict(record)
    assert back.to_dict(vertices=True) == record
    assert (back.id, back.scale_source, back.joints_2d.dtype) == (3, "depth", np.float32)
    assert Hand.from_dict(told.to_dict()).vertices.shape == (0, 3)
    with pytest.raises(ValueError, match=r"box has the shape \(3,\), must be \(4,\)"):
        Hand.from_dict(record | {"box": [1, 2, 3]})
    with pytest.raises(KeyError, match="joints_3d"):
        Hand.from_dict({name: value for name, value in record.items() if name != "joints_3d"})


def test_a_blank_hand_has_the_keys_and_shapes_of_every_hand():
    blank, other = (one.to_dict(vertices=True) for one in (blank_hand(), hand()))
    assert {name: np.shape(value) for name, value in blank.items()} == {k: np.shape(v) for k, v in other.items()}


def test_unknown_side_is_refused():
    with pytest.raises(ValueError, match="'up', must be one of left, right, unknown"):
        hand(side="up")


def test_skeleton_is_a_tree_of_five_fingers():
    assert len(JOINT_NAMES) == 21
    assert [child for _, child in BONES] == list(range(1, 21))
    assert [JOINT_NAMES[child].split("_")[0] for _, child in BONES[::4]] == list(FINGERS)
    assert BONES[4:8] == ((0, 5), (5, 6), (6, 7), (7, 8))


def test_box_pads_by_a_tenth_of_the_long_edge():
    joints = np.zeros((21, 2))
    joints[3] = [100, 40]
    np.testing.assert_allclose(joints_box(joints), [-10, -10, 110, 50])
    assert joints_box(np.zeros((0, 21, 2))).shape == (0, 4)
