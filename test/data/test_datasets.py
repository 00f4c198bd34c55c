"""Readers of published data sets: on made ones in their layouts, and on the real samples where these are at hand."""

import os
import pickle
import shutil

import numpy as np
import pytest
from made_datasets import (
    JOINTS,
    TO_OPENGL,
    K,
    make_coco_wholebody,
    make_comphand,
    make_dexycb,
    make_freihand,
    make_h2o3d,
    make_hint,
    make_ho3d,
    make_onehand10k,
    write_json,
)
from made_mano import made_layer

from handos_model.data.dataset_files import read_image
from handos_model.data.published.comphand import K as COMPHAND_K
from handos_model.data.registry import open_dataset
from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE, Sample, project
from handos_model.template.mano import TIP_VERTICES

TIPS = [4, 8, 12, 16, 20]


def check_hand(
    sample: Sample, hand: int, joints: np.ndarray, vertices: np.ndarray | None, side: int, tips: tuple = TIP_VERTICES
) -> None:
    """Labels in our frame equal those that were put in, and all of them agree with each other."""
    np.testing.assert_allclose(sample.joints_3d[hand], joints, atol=1e-6)
    np.testing.assert_allclose(sample.joints_2d[hand, :, :2], project(joints, sample.K), atol=1e-3)
    assert sample.side[hand] == side and sample.has_3d[hand] and sample.absolute and sample.template == "mano"
    assert (sample.joints_3d[hand, :, 2] > 0).all()
    assert sample.has_vertices[hand] == (vertices is not None)
    if vertices is not None:
        np.testing.assert_allclose(sample.vertices[hand], vertices, atol=2e-6)
        pixels = project(sample.vertices[hand].astype(np.float64), sample.K)[list(tips)]
        np.testing.assert_allclose(pixels, sample.joints_2d[hand, TIPS, :2], atol=0.01)


def test_freihand(tmp_path, mano):
    hands = make_freihand(tmp_path)
    dataset = open_dataset("freihand", tmp_path, "training", mano)
    assert len(dataset) == 8 and dataset.name(5) == "training/rgb/00000005.jpg" and dataset.frame(5) is None
    sample = dataset[5]  # second frame, third background
    check_hand(sample, 0, hands[1].joints, hands[1].vertices, RIGHT)
    np.testing.assert_array_equal(sample.K, K.astype(np.float32))
    np.testing.assert_array_equal(sample.image, read_image(tmp_path / "training/rgb/00000005.jpg"))
    assert sample.complete and sample.joints_2d[0, :, 2].tolist() == [2] * 21
    np.testing.assert_array_equal(dataset[-3].image, sample.image)
    with pytest.raises(IndexError):
        dataset[8]
    check_hand(open_dataset("freihand", tmp_path, "training")[5], 0, sample.joints_3d[0], None, RIGHT)
    evaluation = open_dataset("freihand", tmp_path, "evaluation")
    assert len(evaluation) == 2
    check_hand(evaluation[1], 0, hands[1].joints, hands[1].vertices, RIGHT)


def test_freihand_of_unequal_length(tmp_path):
    make_freihand(tmp_path)
    write_json(tmp_path / "training_K.json", [K.tolist()] * 3)
    with pytest.raises(ValueError, match="training_K.json 3, training_xyz.json 2, training_mano.json 2"):
        open_dataset("freihand", tmp_path, "training")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_ho3d(tmp_path, mano, protocol):
    hands = make_ho3d(tmp_path, protocol)
    dataset = open_dataset("ho3d", tmp_path, "train", mano)
    assert len(dataset) == 2 and dataset.name(1) == "train/ABF10/0005" and dataset.frame(1) == ("ABF10", 5)
    for index, hand in enumerate(hands):
        check_hand(dataset[index], 0, hand.joints * TO_OPENGL, hand.vertices * TO_OPENGL, RIGHT)
    assert not dataset[0].complete
    check_hand(open_dataset("ho3d", tmp_path, "train")[0], 0, hands[0].joints * TO_OPENGL, None, RIGHT)
    evaluation = open_dataset("ho3d", tmp_path, "evaluation")
    assert evaluation.frame(0) == ("SM1", 0)
    check_hand(evaluation[0], 0, hands[0].joints * TO_OPENGL, hands[0].vertices * TO_OPENGL, RIGHT)


def test_ho3d_frame_without_labels(tmp_path):
    make_ho3d(tmp_path)
    (tmp_path / "train/ABF10/meta/0004.pkl").write_bytes(pickle.dumps({"camMat": K, "handJoints3D": None}, 2))
    sample = open_dataset("ho3d", tmp_path, "train")[0]
    assert len(sample.side) == 0 and not sample.complete


class Payload:
    def __reduce__(self):
        return os.system, ("echo attacked > attacked.txt",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"camMat": Payload()}, 2), r"cannot be read: it names '(posix|nt)\.system'"),
        (b"\x80\x02}q", "cannot be read"),
        (pickle.dumps([1, 2]), "must hold labels, got list"),
        (pickle.dumps({"camMat": K}), "is damaged or belongs to another data set: KeyError.'handJoints3D'"),
        (pickle.dumps({"camMat": K, "handJoints3D": np.zeros((16, 3))}), r"joints has the shape \(1, 16, 3\)"),
        (pickle.dumps({"camMat": K, "handJoints3D": np.full((21, 3), np.nan)}), "must be finite"),
    ],
)
def test_ho3d_with_foreign_labels(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    make_ho3d(tmp_path)
    (tmp_path / "train/ABF10/meta/0004.pkl").write_bytes(content)
    with pytest.raises(ValueError, match="0004.pkl .*" + message):
        open_dataset("ho3d", tmp_path, "train")[0]
    assert not (tmp_path / "attacked.txt").exists()


def test_ho3d_evaluation_needs_its_labels(tmp_path):
    make_ho3d(tmp_path)
    write_json(tmp_path / "evaluation_xyz.json", [])
    with pytest.raises(ValueError, match=r"evaluation_xyz.json has the shape \(0,\), expected \(any, 21, 3\)"):
        open_dataset("ho3d", tmp_path, "evaluation")
    (tmp_path / "evaluation.txt").write_text("SM1/0000\nSM1/0001\n")
    write_json(tmp_path / "evaluation_xyz.json", np.zeros((1, 21, 3)).tolist())
    with pytest.raises(ValueError, match=r"of unequal length: \[1, 2\]"):
        open_dataset("ho3d", tmp_path, "evaluation")


def test_h2o3d(tmp_path, mano):
    hands = make_h2o3d(tmp_path)
    dataset = open_dataset("h2o3d", tmp_path, "train", mano)
    sample = dataset[0]
    for index, (side, number) in enumerate((("right", RIGHT), ("left", LEFT))):
        check_hand(sample, index, hands[side].joints * TO_OPENGL, hands[side].vertices * TO_OPENGL, number)
    assert sample.complete and not sample.ignore.any()
    doubtful = dataset[1]
    assert doubtful.has_3d.tolist() == doubtful.has_vertices.tolist() == [True, False]
    assert doubtful.joints_2d[1, :, 2].tolist() == [2, 2, 2, 2, 0] + [2] * 16
    assert doubtful.complete and not doubtful.ignore.any()
    alone = dataset[2]
    check_hand(alone, 0, hands["right"].joints * TO_OPENGL, hands["right"].vertices * TO_OPENGL, RIGHT)
    assert alone.side.tolist() == [RIGHT] and not alone.complete


def test_dexycb(tmp_path, mano):
    pytest.importorskip("yaml")
    hands = make_dexycb(tmp_path)
    dataset = open_dataset("dexycb", tmp_path, "s1_val", mano)
    assert len(dataset) == 2 * 8 + 8
    sample = dataset[2]  # second camera, first frame
    check_hand(sample, 0, hands["right"].joints, hands["right"].vertices, RIGHT)
    np.testing.assert_allclose(sample.K, [[121, 0, 47.5], [0, 121, 40.25], [0, 0, 1]])
    folder = "20200928-subject-07/20200928_000003/839512060362"
    assert dataset.name(3) == f"{folder}/color_000001.jpg" and dataset.frame(3) == (folder, 1)
    unlabelled = dataset[3]
    assert len(unlabelled.side) == 0 and not unlabelled.complete and sample.complete
    check_hand(dataset[-1], 0, hands["left"].joints, hands["left"].vertices, LEFT)
    assert dataset.frame(23) == ("20200928-subject-07/20200928_000050/932122062010", 0)
    check_hand(open_dataset("dexycb", tmp_path, "s1_val")[0], 0, hands["right"].joints, None, RIGHT)


@pytest.mark.parametrize(
    ("name", "split", "make", "tips"),
    [
        ("freihand", "training", make_freihand, [(744, 320, 443, 555, 672)]),
        ("ho3d", "train", make_ho3d, [(744, 333, 444, 555, 672)]),
        ("h2o3d", "train", make_h2o3d, [(744, 333, 444, 555, 672)]),
        ("dexycb", "s1_val", make_dexycb, [(745, 317, 444, 556, 673), (745, 317, 445, 556, 673)]),
        ("comphand", "train", make_comphand, [(744, 333, 444, 555, 672)]),
    ],
)
def test_fingertips_are_the_vertices_that_a_set_labels(tmp_path, mano, name, split, make, tips):
    """Thumb to little, as the tools of each set have them; DexYCB's differ by the side."""
    make(tmp_path)
    dataset = open_dataset(name, tmp_path, split, mano)
    assert [sample.tips for sample in (dataset[0], dataset[-1])] == [tips[0], tips[-1]]


def test_dexycb_that_is_incomplete(tmp_path):
    pytest.importorskip("yaml")
    make_dexycb(tmp_path)
    dataset = open_dataset("dexycb", tmp_path, "s1_val")
    labels = tmp_path / "20200928-subject-07/20200928_000003/836212060125/labels_000000.npz"
    labels.write_bytes(labels.read_bytes()[:200])
    with pytest.raises(ValueError, match="labels_000000.npz is damaged"):
        dataset[0]
    (tmp_path / "20200928-subject-07/20200928_000007/meta.yml").write_text("num_frames: [")
    with pytest.raises(ValueError, match="000007/meta.yml is damaged"):
        open_dataset("dexycb", tmp_path, "s1_val")
    shutil.rmtree(tmp_path / "20200928-subject-07/20200928_000099")
    with pytest.raises(ValueError, match="holds 99 sequences, expected 100"):
        open_dataset("dexycb", tmp_path, "s1_val")
    with pytest.raises(FileNotFoundError, match="this split needs that subject"):
        open_dataset("dexycb", tmp_path, "s1_test")


def test_dexycb_splits_share_no_image():
    from handos_model.data.published.dexycb import SPLITS

    for setup in ("s0", "s1", "s2", "s3"):
        parts = []
        for part in ("train", "val", "test"):
            subjects, cameras, sequences = SPLITS[f"{setup}_{part}"]
            parts.append({(a, b, c) for a in subjects for b in cameras for c in sequences})
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert sum(map(len, parts)) == 10 * 8 * 100


def test_hint(tmp_path):
    make_hint(tmp_path)
    dataset = open_dataset("hint", tmp_path, "train")
    assert [dataset.name(i).partition("_")[2][:3] for i in range(len(dataset))] == ["new", "epi", "ego"]
    sample = dataset[0]
    np.testing.assert_allclose(sample.joints_2d[0], np.column_stack([JOINTS, [1] + [2] * 20]))
    np.testing.assert_array_equal(sample.hand_boxes(), [[20, 10, 60, 72]])
    assert [int(dataset[i].side[0]) for i in range(3)] == [LEFT, RIGHT, RIGHT]
    assert not sample.complete and not sample.has_3d.any() and dataset.frame(2) is None
    assert len(open_dataset("hint", tmp_path, "train_visor")) == 1
    video = open_dataset("hint", tmp_path, "test_ego4d_seq")
    assert video.frame(0) == ("TEST_ego4d_seq/1b7f6104-363b_f97735b0-8145_l", 4437)
    video.records[0] = "TEST_ego4d_seq/other_l"
    with pytest.raises(ValueError, match="other_l.json of TEST_ego4d_seq must be <clip>_<action>_<frame>"):
        video.frame(0)


@pytest.mark.parametrize(
    "record",
    [
        [],
        [{}],
        {"keypoints": []},
        [{"keypoints": [[1, 2]], "occlusion": [0]}],
        [3],
        [{"keypoints": "none", "occlusion": [0] * 21}],
        [{"keypoints": JOINTS.tolist(), "occlusion": [0] * 21, "bbox": [1, 2, 3, 4]}],
    ],
)
def test_hint_with_foreign_records(tmp_path, record):
    make_hint(tmp_path)
    write_json(tmp_path / "TEST_ego4d_seq/1b7f6104-363b_f97735b0-8145_4437_pre_frame_l.json", record)
    with pytest.raises(ValueError, match="frame_l.json must list one hand with its keypoints, occlusion and bbox"):
        open_dataset("hint", tmp_path, "test_ego4d_seq")[0]


def test_coco_wholebody(tmp_path):
    make_coco_wholebody(tmp_path)
    dataset = open_dataset("coco_wholebody", tmp_path, "val")
    assert [dataset.name(i) for i in range(len(dataset))] == ["000000000007.jpg", "000000000003.jpg"]
    sample = dataset[1]
    assert sample.side.tolist() == [LEFT, RIGHT, LEFT] and not sample.complete
    np.testing.assert_allclose(sample.joints_2d[0], np.column_stack([JOINTS, [1] * 5 + [2] * 16]))
    np.testing.assert_allclose(sample.joints_2d[1, :, :2], JOINTS + 3)
    np.testing.assert_allclose(sample.hand_boxes(), [[15, 8, 70, 76], [16, 9, 71, 77], [15, 8, 70, 76]])  # x, y, w, h


def test_onehand10k(tmp_path):
    make_onehand10k(tmp_path)
    dataset = open_dataset("onehand10k", tmp_path, "test")
    sample = dataset[0]
    assert dataset.name(0) == "Test/source/5.jpg" and sample.side.tolist() == [UNKNOWN_SIDE]
    np.testing.assert_array_equal(sample.joints_2d[0, 0], 0)
    np.testing.assert_allclose(sample.joints_2d[0, 1:], np.column_stack([JOINTS, [2] * 21])[1:])
    around_labelled = [[16.3, 7.3, 65.7, 75.7]]  # and a tenth of their 57 px
    np.testing.assert_allclose(sample.hand_boxes(), around_labelled, atol=1e-4)


def test_comphand(tmp_path, mano):
    hand = make_comphand(tmp_path)
    dataset = open_dataset("comphand", tmp_path, "train", mano)
    sample = dataset[0]
    assert len(dataset) == 1 and dataset.name(0) == "base_pose/pic256/fist/view_03/hand.0012.png" and sample.complete
    tips = (744, 333, 444, 555, 672)
    check_hand(sample, 0, made_layer("right").joints_of(hand.vertices, tips), hand.vertices, RIGHT, tips)
    np.testing.assert_array_equal(sample.K, COMPHAND_K)
    stored = read_image(tmp_path / dataset.name(0))
    np.testing.assert_array_equal(sample.image, stored[:, ::-1])
    with pytest.raises(ValueError, match="no joints: give the folder of MANO_RIGHT.pkl"):
        open_dataset("comphand", tmp_path, "train")
    mesh = tmp_path / "base_pose/model_mano/fist/12.obj"
    whole = mesh.read_text()
    mesh.write_text(whole.replace("v 0", "v x", 1) if "v 0" in whole else whole.replace("v -0", "v x", 1))
    with pytest.raises(ValueError, match="12.obj is damaged"):
        dataset[0]
    mesh.write_text(whole[:5000])
    with pytest.raises(ValueError, match="12.obj"):
        dataset[0]
