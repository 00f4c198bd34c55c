"""examples/lerobot_dataset.py: states of hands, and frames at a constant rate."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from made_files import write_image
from made_hand import CAMERA, make_hand
from posed_hand import rotation

from handos_model.fusion.results_files import read_results
from handos_model.io.frame import Frame
from handos_model.kinematics import joint_rotations, quaternion, wrist_frame
from handos_model.output.frame_record import frame_record, record_line

States = Callable[[list[dict]], np.ndarray]


def records(*frames: list) -> list[dict]:
    return [
        frame_record(Frame(f"clip.mp4#{n}", None, stamp_ns=n), CAMERA, "user", hands, {"name": "n", "version": "1"})
        for n, hands in enumerate(frames)
    ]


@pytest.fixture
def states(example: ModuleType, tmp_path: Path) -> Callable[[list[dict]], np.ndarray]:
    """The states of records, which are written and read."""

    def read(records: list[dict]) -> np.ndarray:
        path = tmp_path / "clip.jsonl"
        path.write_text("".join(map(record_line, records)))
        return example.states(list(read_results(path)))

    return read


def test_a_state_says_where_both_hands_are(example: ModuleType, states: States) -> None:
    hand, fainter, nobody = make_hand(), make_hand(score=0.5, place=(0.2, 0, 0.6)), replace(make_hand(), side="unknown")
    state = states(records([], [fainter, hand], [nobody]))
    assert state.shape == (3, 56) and len(example.NAMES) == 56 and state.dtype == np.float32
    assert not state[:, :28].any() and not state[0].any()  # a left hand was never seen
    position, rotation = wrist_frame(hand.joints_3d, "right")
    expected = [1, *position, *quaternion(rotation), *joint_rotations(hand.joints_3d, "right").ravel()]
    np.testing.assert_allclose(state[1, 28:], expected, atol=2e-3)
    assert state[2, 28] == 0
    np.testing.assert_array_equal(state[2, 29:], state[1, 29:])


def test_states_stay_with_the_tracked_hand_until_it_has_been_gone_for_a_second(states: States) -> None:
    def seen(stamp: float, *hands: tuple[int, float]) -> dict:
        found = [make_hand(number=number, score=score, place=(0.1 * number, 0, 0.6)) for number, score in hands]
        return records(found)[0] | {"stamp_ns": round(stamp * 1e9)}

    frames = [
        seen(0.0, (1, 0.9), (2, 0.8)),
        seen(0.1, (2, 0.9), (1, 0.8)),
        seen(0.2, (2, 0.9)),
        seen(0.3, (2, 0.9), (1, 0.7)),
        seen(1.2, (2, 0.9)),
        seen(1.3, (3, 0.8), (2, 0.9)),
        seen(1.4, (2, 0.5), (3, 0.9)),
    ]
    state = states(frames)[:, 28:30]  # of the right hand: seen, x
    np.testing.assert_allclose(state[:, 0], [1, 1, 0, 1, 0, 1, 1])
    np.testing.assert_allclose(state[:, 1], [0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2], atol=1e-3)


def test_states_of_untracked_results_are_those_of_the_best_hand(states: States) -> None:
    best = [make_hand(score=score, place=(score, 0, 0.6)) for score in (0.8, 0.9)]
    np.testing.assert_allclose(states(records(best, best[:1]))[:, 29], [0.9, 0.8], atol=1e-3)


def test_an_orientation_does_not_jump_to_its_negative(states: States) -> None:
    turns = [rotation((1, 2, 3), angle) for angle in np.linspace(0, 2 * np.pi, 60, endpoint=False)]
    joints = make_hand().joints_3d
    turned = [replace(make_hand(), joints_3d=((joints - joints[0]) @ turn.T + joints[0])) for turn in turns]
    told = np.array([quaternion(wrist_frame(hand.joints_3d, "right")[1]) for hand in turned])
    assert (np.sum(told[1:] * told[:-1], axis=1) < 0).any()  # which quaternion() does somewhere
    found = states(records(*([hand] for hand in turned)))[:, 32:36]
    assert np.linalg.norm(np.diff(found, axis=0), axis=1).max() < 0.1


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": 1e300},
        {"joint_confidence": [-1.0] * 21},
        {"joints_3d": [[1e300, 0, 1]] + [[0, 0, 0.5]] * 20},
        {"joints_3d": [[0, 0, 0.5]] * 21},
        {"translation": [0, 0, 1e7]},
        {"side": "unknown"},
    ],
)
def test_hands_with_impossible_numbers_are_left_out(states: States, wrong: dict) -> None:
    good, bad = records([make_hand()], [make_hand(score=1.0, place=(0, 0, 0.9))])
    bad["hands"][0] |= wrong
    state = states([good, bad | {"stamp_ns": 1}])
    assert state[:, 28].tolist() == [1, 0]
    np.testing.assert_array_equal(state[1, 29:], state[0, 29:])


def test_lines_of_something_else_are_refused(states: States) -> None:
    (good,) = records([make_hand()])
    with pytest.raises(ValueError, match=r"line 2 of .*clip.jsonl is not a frame .* side is 'up', must be one of"):
        states([good, records([make_hand()])[0] | {"hands": [good["hands"][0] | {"side": "up"}]}])


@pytest.mark.parametrize("mirrored", [False, True, None])  # None: results of before do not mention it
def test_a_mirror_image_is_turned_over_as_its_state_is_the_real_hands(
    example: ModuleType, tmp_path: Path, mirrored: bool | None
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    path = write_image(tmp_path / "photo.png", image)
    (record,) = records([make_hand()])
    record |= {"image": str(path), "mirrored": mirrored}
    if mirrored is None:
        del record["mirrored"]
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "photo.jsonl").write_text(json.dumps(record) + "\n")
    (seen,) = example.Episode(path, tmp_path / "results", None, 30).images()
    np.testing.assert_array_equal(seen, image[:, ::-1] if mirrored else image)


@pytest.mark.parametrize(
    ("stamps", "taken"),
    [
        ([0, 33_333_333, 66_666_667], [0, 1, 2]),
        ([0, 66_666_667], [0, 0, 1]),  # a frame is missing
        ([0, 16_000_000, 33_000_000, 50_100_000], [1, 2, 3]),  # twice the rate: the last up to half of 1/fps later
        ([], []),
    ],
)
def test_frames_come_at_a_constant_rate(example: ModuleType, stamps: list[int], taken: list[int]) -> None:
    assert list(example.at_rate(zip(stamps, range(len(stamps)), strict=True), 30)) == taken
