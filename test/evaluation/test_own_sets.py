"""Evaluation on a data folder in miniature: a predictor that knows the labels, one that sees nothing, one that errs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.camera import Camera
from handos_model.data.annotated import Annotated
from handos_model.data.photos import held_out_backgrounds
from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE, Sample
from handos_model.evaluation import own_sets, report, scoring
from handos_model.hand import VERTICES, Hand, joints_box

RNG = np.random.default_rng(5)
JOINTS = RNG.uniform(10, 50, (21, 2))
WORLD = RNG.normal(size=(21, 3)) * 0.04


def hand(joints_2d: np.ndarray, side: str = "right", joints_3d: np.ndarray = WORLD, score: float = 0.9) -> Hand:
    vertices = np.resize(joints_3d, (VERTICES, 3))
    return Hand(
        score, side, 1.0, joints_box(joints_2d), joints_2d, np.ones(21), joints_3d, vertices, translation=joints_3d[0]
    )


def sample(joints: list[np.ndarray], side: list[int], ignore: list[bool]) -> Sample:
    n = len(joints)
    return Sample(
        image=np.zeros((64, 64, 3), np.uint8),
        K=np.eye(3, dtype=np.float32),
        joints_2d=np.concatenate([np.array(joints).reshape(n, 21, 2), np.full((n, 21, 1), 2)], -1).astype(np.float32),
        joints_3d=np.repeat(WORLD[None], n, 0).astype(np.float32),
        vertices=np.repeat(np.resize(WORLD, (1, VERTICES, 3)), n, 0).astype(np.float32),
        side=np.array(side, np.int8),
        has_3d=np.ones(n, bool),
        has_vertices=np.ones(n, bool),
        ignore=np.array(ignore, bool),
        complete=True,
    ).check()


class Predictor:
    """Answers by the brightness of the image, which numbers the photos of the miniature data folder."""

    def __init__(self, answer: Callable[[int], list[Hand]]) -> None:
        self.answer = answer

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        assert camera is None or (camera.width, camera.height) == (image.shape[1], image.shape[0])
        return self.answer(round(float(image.mean()) / 20))


def oracle(number: int) -> list[Hand]:
    """The hands there: photo 1 a right and a poorly labelled hand, 2 a left one, 3 none; 4 one in annotated."""
    return {
        1: [hand(JOINTS), hand(JOINTS + [60, 0], "left")],
        2: [hand(JOINTS, "left")],
        4: [hand(JOINTS, "left")],
        5: [hand(JOINTS)],
    }.get(number, [])


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    def picture(name: str, number: int) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((80, 160, 3), 20 * number, np.uint8))

    def label(joints: np.ndarray, side: str, grade: str) -> dict:
        return {"kp": joints.tolist(), "world": WORLD.tolist(), "side": side, "grade": grade}

    common = {"kind": "hand", "split": "val", "stretched": False}
    two = [label(JOINTS, "right", "A"), label(JOINTS + [60, 0], "right", "C")]
    records = [
        {"path": "hands/one.png", "source": "alpha", "hands": two, **common},
        {"path": "hands/two.png", "source": "beta", "hands": [label(JOINTS, "left", "B")], **common},
    ]
    picture("train/hands/one.png", 1)
    picture("train/hands/two.png", 2)
    (tmp_path / "train/labels.json.gz").write_bytes(gzip.compress(json.dumps(records).encode()))
    for name in held_out_backgrounds():
        picture(f"train/{name}", 3)
    annotations = [
        {"source": "lab/real", "gt": "real", "side": None, "image": "four.png", "vis": [1] * 20 + [0]},
        {"source": "lab/drawn", "gt": "synthetic", "side": "right", "image": "five.png", "vis": [1] * 21},
    ]
    for record in annotations:
        record["joints2d"] = JOINTS.tolist()
    picture("annotated/four.png", 4)
    picture("annotated/five.png", 5)
    (tmp_path / "annotated/annotations.json").write_text(json.dumps(annotations))
    return tmp_path


def test_a_perfect_predictor_is_perfect(data_root: Path) -> None:
    results = own_sets.run(["annotated", "val", "backgrounds"], data_root, Predictor(oracle))
    for name in ("annotated", "val"):
        assert [results[name][f"pck@{f}"] for f in ("0.05", "0.1", "0.2")] == [1, 1, 1]
        assert results[name]["recall"] == 1
    assert results["annotated"]["hands"] == 1  # the synthetic one is apart
    assert results["annotated"]["groups"]["synthetic/drawn"]["hands"] == 1
    assert "side" not in results["annotated"]  # nobody knows it
    assert results["val"]["hands"] == 2  # grade C is masked
    assert results["val"]["side"] == results["val"]["side_of_left_hands"] == 1
    assert results["val"]["pa_mpjpe"] == pytest.approx(0, abs=1e-3)
    assert results["backgrounds"] == {
        "photos": 200, "false_hands": 0, "photos_with_false_hands": 0, "groups": results["backgrounds"]["groups"]
    }  # fmt: skip


def test_a_predictor_that_sees_nothing_scores_zero(data_root: Path) -> None:
    results = own_sets.run(["annotated", "val"], data_root, Predictor(lambda number: []))
    for name in ("annotated", "val"):
        assert results[name]["found"] == results[name]["pck@0.2"] == results[name]["recall"] == 0
        assert "pa_mpjpe" not in results[name] and "side" not in results[name]


def test_errors_are_counted(data_root: Path) -> None:
    def wrong(number: int) -> list[Hand]:
        if number == 3:
            return [hand(JOINTS), hand(JOINTS + [60, 0])]
        return [hand(JOINTS, "left", WORLD * [1, 1, 0])] if number in (1, 2) else []

    results = own_sets.run(["val", "backgrounds"], data_root, Predictor(wrong))
    assert results["val"]["side"] == 0.5
    assert results["val"]["side_of_right_hands"] == 0
    assert results["val"]["pa_mpjpe"] > 5
    assert results["backgrounds"]["false_hands"] == 2
    assert results["backgrounds"]["photos_with_false_hands"] == 1


def test_limit_takes_photos_evenly(data_root: Path) -> None:
    assert own_sets.run(["backgrounds"], data_root, Predictor(oracle), limit=7)["backgrounds"]["photos"] == 7


def test_videos(data_root: Path) -> None:
    (data_root / "video").mkdir()
    for name in own_sets.VIDEOS:
        writer = cv2.VideoWriter(str(data_root / "video" / name), cv2.VideoWriter_fourcc(*"mp4v"), 25, (160, 80))
        for number in (5, 5, 3, 5, 5, 5):
            writer.write(np.full((80, 160, 3), 20 * number, np.uint8))
        writer.release()
    joints = np.concatenate([JOINTS, np.zeros((21, 1))], 1)
    np.savez(data_root / "video/asl_hand_mediapipe.npz", joints_2d=np.repeat(joints[None], 6, 0))
    results = own_sets.run(["videos"], data_root, Predictor(oracle))["videos"]
    assert results["frames_with_a_hand"] == pytest.approx(5 / 6)
    group = results["groups"]["asl_hand.25fps.mp4"]
    assert group["frames"] == 6 and group["side"] == 1 and group["jitter_px"] == 0 and group["extra_hands"] == 0
    assert group["pck@0.05"] == group["recall"] == pytest.approx(5 / 6)
    few = own_sets.run(["videos"], data_root, Predictor(oracle), limit=2)["videos"]["groups"]["asl_hand.25fps.mp4"]
    assert few["frames"] == 2 and not {"jitter_px", "jitter_px_of_mediapipe"} & few.keys()  # of three frames or more
    (data_root / "video/asl_hand_mediapipe.npz").write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"asl_hand_mediapipe.npz is damaged or not an .npz of plain arrays"):
        own_sets.run(["videos"], data_root, Predictor(oracle))


@pytest.mark.parametrize(
    ("datasets", "limit", "message"),
    [
        (["faces"], None, "unknown dataset faces: known are annotated, val"),
        ([], None, "unknown dataset"),
        (["val"], 0, "limit is 0, must be 1 or more"),
    ],
)
def test_run_refuses(tmp_path: Path, datasets: list[str], limit: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own_sets.run(datasets, tmp_path, Predictor(oracle), limit)


@pytest.mark.parametrize("name", ["annotated", "val", "backgrounds", "videos"])
def test_missing_data_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"^(there is )?no "):
        own_sets.run([name], tmp_path, Predictor(oracle))
    with pytest.raises(FileNotFoundError, match="no data at"):
        own_sets.run([name], tmp_path / "nowhere", Predictor(oracle))


def test_what_nobody_can_fetch_is_said_before_any_figure(data_root: Path) -> None:
    (data_root / "train" / "labels.json.gz").unlink()
    with pytest.raises(FileNotFoundError, match="by naming the sets, annotated backgrounds renders videos"):
        own_sets.run(["all"], data_root, Predictor(lambda _: pytest.fail("a figure")))


def test_annotations_that_are_none_of_ours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    for text, message in [("[{}]", "lacks"), ("{", "not JSON"), ("[]", "no hand")]:
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            Annotated.load(tmp_path)


def test_a_prediction_of_an_ignored_hand_is_neither_right_nor_wrong() -> None:
    labels = sample([JOINTS, JOINTS + 200], [RIGHT, LEFT], [True, False])
    scores, left_over = scoring.score_image([hand(JOINTS, "left")], labels)
    assert [score.found for score in scores] == [False]
    assert left_over == 0
    scores, left_over = scoring.score_image([hand(JOINTS + 900), hand(JOINTS + 200, "left")], labels)
    assert [score.found for score in scores] == [True]
    assert left_over == 1


def test_one_prediction_serves_one_hand() -> None:
    labels = sample([JOINTS, JOINTS + 1], [RIGHT, RIGHT], [False, False])
    scores, _ = scoring.score_image([hand(JOINTS + 1)], labels)
    assert [score.found for score in scores] == [False, True]


def test_a_missed_hand_counts_as_zero_vertices() -> None:
    labels = sample([JOINTS], [UNKNOWN_SIDE], [False])
    missed = scoring.summary(scoring.score_image([], labels)[0])
    spread = np.linalg.norm(WORLD - WORLD.mean(0), axis=1).mean() * 1000
    assert missed["pa_mpjpe_missed_as_zeros"] == pytest.approx(spread, rel=1e-4)
    assert missed["f@15_missed_as_zeros"] == missed["auc_missed_as_zeros"] == 0
    assert "pa_mpjpe" not in missed
    found = scoring.summary(scoring.score_image([hand(JOINTS)], labels, absolute=True)[0])
    assert found["pa_mpvpe"] == found["pa_mpvpe_missed_as_zeros"] == pytest.approx(0, abs=1e-3)
    assert found["f@5"] == 1 and found["auc"] > 0.99 and found["wrist_mm"] == pytest.approx(0, abs=1e-3)


def test_an_image_without_labels_and_hands_scores_nothing() -> None:
    assert scoring.score_image([], sample([], [], [])) == ([], 0)
    assert scoring.score_image([hand(JOINTS)], sample([], [], [])) == ([], 1)
    assert scoring.summary([]) == {"hands": 0}


def test_report_says_what_is_reached() -> None:
    results = {
        "val": {"hands": 3, "pck@0.1": 0.86, "pa_mpjpe": 9.0, "groups": {"alpha": {"hands": 3, "pck@0.1": 0.6}}},
        "backgrounds": {"false_hands": 0.3},
    }
    text = report.markdown(results)
    assert "| val | PCK@.1 | 0.860 | 0.850 | 0.900 | floor |" in text
    assert "| val | PA-MPJPE, mm | 9.0 | 9.0 | 9.0 | goal |" in text
    assert "| backgrounds | false hands per photo | 0.300 | 0.010 | 0.002 | below |" in text
    assert "| | val | alpha |" in text and "| hands | 3 | 3 |" in text and "| pa_mpjpe | 9.0 |  |" in text
    assert report.markdown({}).count("\n") == 2


def test_held_out_renders_repeat_themselves_and_use_held_out_backgrounds_only(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    from handos_model.evaluation import renders
    from handos_model.synthetic.render_options import RenderOptions

    cv2.imwrite(str(data_root / "train/backgrounds/trained_on.png"), np.zeros((80, 160, 3), np.uint8))
    excluded = []
    monkeypatch.setattr(
        renders, "RenderOptions", lambda **options: excluded.append(options["excluded"]) or RenderOptions(**options)
    )
    first, again = (list(renders.held_out_renders(data_root / "train", 3)) for _ in range(2))
    assert excluded[0] == {"backgrounds/trained_on.png"}
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.vertices, two.vertices)
        for joints_2d, joints_3d in zip(one.joints_2d, one.joints_3d, strict=True):
            projected = Camera(one.K, one.image.shape[1], one.image.shape[0]).project(joints_3d)
            np.testing.assert_allclose(joints_2d[:, :2], projected, atol=0.01)


def test_held_out_renders_need_their_backgrounds(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    with pytest.raises(FileNotFoundError, match="200 of the held-out backgrounds are missing"):
        own_sets.run(["renders"], tmp_path, Predictor(oracle), limit=1)


@pytest.mark.parametrize(("size", "seen", "masked"), [(61, 21, False), (60, 21, True), (100, 3, True), (100, 4, False)])
def test_small_and_hidden_hands_are_masked(size: float, seen: int, masked: bool) -> None:
    pytest.importorskip("numba")
    from handos_model.evaluation.renders import as_sample
    from handos_model.synthetic.hand_render import Render

    joints = np.zeros((1, 21, 3), np.float32)
    joints[0, :, 0] = np.linspace(-50, size, 21)  # what lies outside of the picture does not count
    joints[0, :, 2] = [2] * seen + [1] * (21 - seen)
    frame = Render(
        image=np.zeros((256, 256, 3), np.uint8),
        K=np.eye(3, dtype=np.float32),
        joints_2d=joints,
        joints_3d=np.zeros((1, 21, 3), np.float32),
        vertices=np.zeros((1, VERTICES, 3), np.float32),
        side=np.array([RIGHT], np.int8),
        mask=np.zeros((256, 256), np.int8),
    )
    assert as_sample(frame).ignore.tolist() == [masked]
