"""The work of benchmarks/ around its measurements, and MediaPipe Hands, which they compare with, as a process."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import sys
from pathlib import Path

import accuracy
import cv2
import hand_range
import jitter
import mediapipe_hands
import numpy as np
import pytest
import speed
from mediapipe_hands import MediaPipeHands
from tracking_scenes import reaching

from handos_model.data.sample import RIGHT, Sample
from handos_model.evaluation.own_sets import run

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_mediapipe = pytest.mark.skipif(not mediapipe_hands.PYTHON.is_file(), reason="MediaPipe: run make mediapipe")


def test_accuracy_table_by_hand() -> None:
    ours = {"annotated": {"hands": 2, "pck@0.1": 0.6, "groups": {"lab": {"hands": 2, "pck@0.1": 0.6}}}}
    theirs = {"annotated": {"hands": 2, "pck@0.1": 0.4, "groups": {"lab": {"hands": 2, "pck@0.1": 0.0}}}}
    table = accuracy.comparison(ours, theirs).splitlines()
    assert "| annotated | pck@0.1 | 0.600 | 0.400 | 1.50 |" in table
    assert "| annotated lab | pck@0.1 | 0.600 | 0.000 |  |" in table


def test_quadrants_show_so_many_hands() -> None:
    clip = list(np.random.default_rng(0).integers(0, 255, (speed.STAGGER * 3 + 1, 480, 640, 3), np.uint8))
    one, four = speed.quadrants(clip, 0, 1), speed.quadrants(clip, 0, 4)
    np.testing.assert_array_equal(one[:240, :320], four[:240, :320])
    assert np.ptp(one[240:], axis=(0, 1)).max() == 0 and np.ptp(four[240:, 320:], axis=(0, 1)).min() > 0
    clip[speed.STAGGER] = clip[0]
    two = speed.quadrants(clip, 0, 2)[:240]
    np.testing.assert_array_equal(two[:, :320], two[:, :319:-1])


def test_speed_figures_by_hand() -> None:
    seen = np.array([[[10, 1], [20, 1], [4, 2], [8, 1]], [[30, 2], [30, 1], [4, 2], [2, 1]]], float)
    found = speed.figures(seen)
    assert found["still"] == {
        "handos": 20, "mediapipe": 25, "ratio": 0.75, "handos_hands": 1.5, "mediapipe_hands": 1,
    }  # fmt: skip
    assert found["followed"]["ratio"] == 1.25
    four = speed.figures(seen + [[[30, 0], [60, 0], [3, 0], [6, 0]]])
    table = speed.markdown({"1/4": found, "4/4": four}).splitlines()
    assert table[2] == "| 1/4 | still | 20.00 (1.50) | 25.00 (1.00) | 0.75 |"
    assert table[-2] == "| each further | still | 10.00 | 20.00 | 0.50 |"
    assert table[-1] == "| each further | followed | 1.00 | 2.00 | 0.50 |"


def photo() -> Sample:
    """A white photo of 100x80 px with a black line through the joints of a hand of 60 px."""
    image = np.full((80, 100, 3), 255, np.uint8)
    joints = np.zeros((1, 21, 3), np.float32)
    joints[0, :, 0] = np.linspace(10, 70, 21).round()
    joints[0, :, 1:] = [40, 2]
    image[38:43, 10:71] = 0
    zeros = np.zeros(1, bool)
    joints_3d, vertices = np.zeros((1, 21, 3), np.float32), np.zeros((1, 778, 3), np.float32)
    side, K = np.array([RIGHT], np.int8), np.eye(3, dtype=np.float32)
    return Sample(image, K, joints, joints_3d, vertices, side, zeros, zeros, zeros, complete=False)


@pytest.mark.parametrize("size", [30, 60, 90])
def test_a_photo_is_laid_on_a_frame_with_its_labels(size: int) -> None:
    background = np.full((720, 1280, 3), 7, np.uint8)
    scene = hand_range.laid_on(photo(), size, background, np.random.default_rng(size))
    joints = scene.joints_2d[0, :, :2]
    assert np.ptp(joints, axis=0).max() == pytest.approx(size, rel=0.02)
    assert (joints >= 0).all() and (joints[:, 0] < 1280).all() and (joints[:, 1] < 720).all()
    assert scene.image.shape == background.shape and (background == 7).all()
    row, columns = joints[:, 1].round().astype(int)[0], joints[:, 0].round().astype(int)
    assert scene.image[row, columns].mean() < 60 and scene.image[row - size // 5, columns].mean() > 200
    assert scene.check() is scene


def test_hands_of_val_are_those_alone_in_a_photo_whose_labels_are_sure(tmp_path: Path) -> None:
    def record(number: int, *grades: str, split: str = "val") -> dict:
        hands = [
            {"kp": [[number, k] for k in range(21)], "world": [[0, 0, 1]] * 21, "side": "left", "grade": g}
            for g in grades
        ]
        return {"path": "hands/a.png", "source": "a", "kind": "hand", "split": split, "hands": hands}

    records = [
        record(1, "A"),
        record(2, "B"),
        record(3, "A", "A"),
        record(4),
        record(5, "A", split="train"),
        record(6, "A"),
    ]
    (tmp_path / "train" / "hands").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "train" / "hands" / "a.png"), np.zeros((30, 40, 3), np.uint8))
    (tmp_path / "train" / "labels.json.gz").write_bytes(gzip.compress(json.dumps(records).encode()))
    assert [hand_range.labelled(sample)[:, 0].tolist() for sample in hand_range.val(tmp_path)] == [[1] * 21, [6] * 21]
    assert [sample.image.shape for sample in hand_range.val(tmp_path)] == [(30, 40, 3)] * 2


def test_a_hand_counts_in_the_last_frame_in_which_it_is_found() -> None:
    _, (hand, *_), _ = reaching()
    scene = photo()
    scene.joints_2d[0, :, :2] = hand.joints_2d
    moved = dataclasses.replace(hand, joints_2d=hand.joints_2d + 0.15 * np.ptp(hand.joints_2d, axis=0).max())

    def start():
        answers = iter([[], [moved], [hand], []])
        return lambda image, stamp: next(answers)

    figures = hand_range.found(hand_range.System(start, 4), [scene, scene])
    assert figures == {"hands": 2, "found": 1, "recall": 1, "pck@0.1": 1, "side": 1}
    assert hand_range.found(hand_range.System(start, 2), [scene])["pck@0.1"] == 0
    assert hand_range.found(hand_range.System(start, 1), [scene]) == {"hands": 1, "found": 0, "recall": 0}
    assert hand_range.false_hands(hand_range.System(start, 3), [scene.image])["false_hands"] == 1
    assert hand_range.false_hands(hand_range.System(start, 4), [scene.image])["false_hands"] == 0


def test_noise_on_steady_motion() -> None:
    rng = np.random.default_rng(0)
    motion = np.linspace(0, 900, 2000)[:, None] * np.ones(60)
    inside = np.arange(1, 1999)
    assert jitter.noise(motion, inside) == pytest.approx(0, abs=1e-9)
    assert jitter.noise(motion + rng.normal(0, 0.7, motion.shape), inside) == pytest.approx(0.7, rel=0.02)


def test_still_frames_are_those_that_differ_least() -> None:
    frames = np.zeros((30, 4, 4, 3), np.float32)
    frames[10:20] = np.random.default_rng(0).uniform(0, 99, (10, 4, 4, 3))
    assert np.flatnonzero(jitter.still_frames(frames)).tolist() == [*range(1, 9), *range(21, 29)]


def test_lag_of_a_moved_frame() -> None:
    images, shift = jitter.moved(np.zeros((72, 128, 3), np.uint8), 30)
    assert len(list(images)) == len(shift) == jitter.MOVED and np.ptp(shift) == pytest.approx(jitter.SWING, rel=0.01)
    times = np.arange(len(shift))
    late = np.interp(times - 1.5, times, shift) + 300
    late[50] = np.nan
    assert jitter.lag(shift, late, 30) == pytest.approx(50, abs=1)
    assert jitter.lag(shift, shift, 30) == pytest.approx(0, abs=1e-9)


def test_figures_of_one_hand_over_a_video() -> None:
    _, measured, _ = reaching()
    frames = [[hand] for hand in measured[:60]]
    frames[30] = []
    hands = jitter.longest(frames, 2.0)
    assert hands[30] is None and np.array_equal(hands[0].joints_2d, 2 * measured[0].joints_2d)
    still = np.zeros(60, bool)
    still[[20, 25, 29, 31, 45]] = True  # the ones beside the missing hand do not count
    figures = jitter.figures(hands, still)
    assert set(figures) == set(jitter.FIGURES)
    assert figures["found"] == 59 / 60 and figures["sides"] == 0 and 0.3 < figures["palm"] < 10
    assert 2 < figures["joints_2d"] < 15
    step = np.diff([hand.joints_2d for hand in hands[19:22]], n=2, axis=0)
    still[:], still[20] = False, True
    assert jitter.figures(hands, still)["jitter"] == pytest.approx(np.linalg.norm(step, axis=-1).mean())
    with pytest.raises(ValueError, match="no still frame"):
        jitter.figures(hands, np.zeros(60, bool))
    with pytest.raises(ValueError, match="fewer than three frames"):
        jitter.longest([[]] * 5, 1.0)
    tables = jitter.markdown({"videos": {"a.mp4": {"HandOS": dict.fromkeys(jitter.FIGURES, 0.25)}},
                              "moved": {"a.mp4": {"HandOS": {"lag": 19.6, "error": 2.0, "found": 1.0}}}})  # fmt: skip
    assert "| a.mp4 | HandOS |" + " 0.25 |" * len(jitter.FIGURES) in tables
    assert "| a.mp4 | HandOS | 20 | 2.0 | 1.00 |" in tables


def server(folder: Path, text: str) -> Path:
    """A program in place of MediaPipe's environment and server."""
    path = folder / "server.py"
    path.write_text(f"#!{sys.executable}\nimport sys\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name != "posix", reason="needs a shebang")
def test_what_is_said_of_a_mediapipe_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediapipe_hands, "PYTHON", tmp_path / "bin" / "python")
    with pytest.raises(FileNotFoundError, match="run make mediapipe"):
        MediaPipeHands()
    monkeypatch.setattr(mediapipe_hands, "PYTHON", server(tmp_path, "print('0.9.1')"))
    with pytest.raises(ValueError, match="mediapipe is 0.9.1, published figures are of 0.10.21: run make mediapipe"):
        MediaPipeHands()
    monkeypatch.setattr(mediapipe_hands, "PYTHON", server(tmp_path, "sys.exit('no such module')"))
    with pytest.raises(ValueError, match="process ended: no such module"):
        MediaPipeHands()


@needs_mediapipe
def test_mediapipe_sees_no_hand_in_an_empty_image() -> None:
    with MediaPipeHands() as mediapipe:
        assert mediapipe.predict(np.zeros((120, 160, 3), np.uint8)) == [] and mediapipe.seconds["cpu"] > 0


@needs_mediapipe
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no photos at {DATA}")
def test_mediapipe_scores_what_is_published() -> None:
    with MediaPipeHands() as mediapipe:
        results = run(["annotated"], DATA, mediapipe)["annotated"]
    assert results["hands"] == 32
    assert results["pck@0.1"] == pytest.approx(0.416, abs=5e-4)  # docs/accuracy.md
    by_source = {source: round(figures["pck@0.1"], 3) for source, figures in results["groups"].items()}
    expected = {"freihand": 0.345, "onehand10k": 0.902, "panoptic": 0.381, "coco-wholebody": 0.0}
    assert by_source == expected | {"synthetic/rhd": 0.778}
