"""Readers of published data sets: on made ones in their layouts, and on the real samples where these are at hand."""

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

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
    write_picture,
)
from made_mano import made_layer, write_mano

from handos_model.data.files import as_floats, read_array, read_image
from handos_model.data.published.coco_style import CocoStyle, seen_joints
from handos_model.data.published.comphand import K as COMPHAND_K
from handos_model.data.registry import DATASETS, open_dataset
from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE, Sample, project
from handos_model.template.mano import TIP_VERTICES

ANNOTATED = Path(__file__).resolve().parents[3] / "shared" / "data" / "annotated"
TIPS = [4, 8, 12, 16, 20]


@pytest.fixture(scope="module")
def mano(tmp_path_factory) -> Path:
    return write_mano(tmp_path_factory.mktemp("mano"))


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
    check_hand(sample, 0, made_layer("right").joints_of(hands[1].vertices), hands[1].vertices, RIGHT)
    np.testing.assert_array_equal(sample.K, K.astype(np.float32))
    np.testing.assert_array_equal(sample.image, read_image(tmp_path / "training/rgb/00000005.jpg"))
    assert sample.complete and sample.joints_2d[0, :, 2].tolist() == [2] * 21
    np.testing.assert_array_equal(dataset[-3].image, sample.image)
    with pytest.raises(IndexError):
        dataset[8]
    check_hand(open_dataset("freihand", tmp_path, "training")[5], 0, sample.joints_3d[0], None, RIGHT)
    evaluation = open_dataset("freihand", tmp_path, "evaluation")
    assert len(evaluation) == 2
    check_hand(evaluation[1], 0, made_layer("right").joints_of(hands[1].vertices), hands[1].vertices, RIGHT)


def test_freihand_of_unequal_length(tmp_path):
    make_freihand(tmp_path)
    write_json(tmp_path / "training_K.json", [K.tolist()] * 3)
    with pytest.raises(ValueError, match="training_K.json 3, training_xyz.json 2, training_mano.json 2"):
        open_dataset("freihand", tmp_path, "training")


@pytest.mark.parametrize("protocol", [0, 2, 4])
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
        (pickle.dumps([1, 2]), "holds no labels but a list"),
        (pickle.dumps({"camMat": K}), "is damaged or of another data set: 'handJoints3D'"),
        (pickle.dumps({"camMat": K, "handJoints3D": np.zeros((16, 3))}), r"joints has the shape \(1, 16, 3\)"),
        (pickle.dumps({"camMat": K, "handJoints3D": np.full((21, 3), np.nan)}), "not finite"),
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
    ],
)
def test_hint_with_foreign_records(tmp_path, record):
    make_hint(tmp_path)
    write_json(tmp_path / "TEST_ego4d_seq/1b7f6104-363b_f97735b0-8145_4437_pre_frame_l.json", record)
    with pytest.raises(ValueError, match="frame_l.json must list one hand with its keypoints and occlusion"):
        open_dataset("hint", tmp_path, "test_ego4d_seq")[0]


def test_coco_wholebody(tmp_path):
    make_coco_wholebody(tmp_path)
    dataset = open_dataset("coco_wholebody", tmp_path, "val")
    assert [dataset.name(i) for i in range(len(dataset))] == ["000000000007.jpg", "000000000003.jpg"]
    sample = dataset[1]
    assert sample.side.tolist() == [LEFT, RIGHT, LEFT] and not sample.complete
    np.testing.assert_allclose(sample.joints_2d[0], np.column_stack([JOINTS, [1] * 5 + [2] * 16]))
    np.testing.assert_allclose(sample.joints_2d[1, :, :2], JOINTS + 3)


def test_onehand10k(tmp_path):
    make_onehand10k(tmp_path)
    dataset = open_dataset("onehand10k", tmp_path, "test")
    sample = dataset[0]
    assert dataset.name(0) == "Test/source/5.jpg" and sample.side.tolist() == [UNKNOWN_SIDE]
    np.testing.assert_array_equal(sample.joints_2d[0, 0], 0)
    np.testing.assert_allclose(sample.joints_2d[0, 1:], np.column_stack([JOINTS, [2] * 21])[1:])


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


# --- what every data set does with a wrong call


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_unknown_split_and_empty_folder(tmp_path, name):
    with pytest.raises(ValueError, match=f"unknown split 'nonsense': it has {DATASETS[name].splits[0]}"):
        open_dataset(name, tmp_path, "nonsense")
    with pytest.raises(FileNotFoundError, match=r"no (file|folder|records|pic256|.*MANO_RIGHT.pkl)"):
        open_dataset(name, tmp_path, DATASETS[name].splits[0], tmp_path if name == "comphand" else None)


def test_unknown_name_and_folder(tmp_path):
    with pytest.raises(ValueError, match="unknown data set 'imagenet': known are coco_wholebody, comphand"):
        open_dataset("imagenet", tmp_path, "train")
    with pytest.raises(FileNotFoundError, match="give the folder of hint"):
        open_dataset("hint", tmp_path / "none", "train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": [', "is not JSON"),
        ("[]", "is damaged or of another data set"),
        ('{"images": [], "annotations": [{"image_id": 4}]}', "is damaged or of another data set: KeyError"),
        (
            '{"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "keypoints": [1, 2]}]}',
            r"a hand has the shape \(2,\), expected \(63\)",
        ),
        (
            json.dumps(
                {
                    "images": [{"id": 1, "file_name": "../1.jpg"}],
                    "annotations": [{"image_id": 1, "keypoints": [1] * 63}],
                }
            ),
            "not below the folder of pictures",
        ),
    ],
)
def test_foreign_coco_file(tmp_path, content, message):
    path = tmp_path / "annotations" / "onehand10k_test.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ValueError, match="onehand10k_test.json .*" + message):
        open_dataset("onehand10k", tmp_path, "test")


def test_missing_and_damaged_picture(tmp_path):
    make_onehand10k(tmp_path)
    dataset, picture = open_dataset("onehand10k", tmp_path, "test"), tmp_path / "Test/source/5.jpg"
    picture.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="5.jpg is not a readable picture"):
        dataset[0]
    picture.unlink()
    with pytest.raises(FileNotFoundError, match="5.jpg: the data set is not whole"):
        dataset[0]


def test_truncated_pictures(tmp_path):
    for name in ("a.jpg", "a.png"):
        path = tmp_path / name
        stored = write_picture(path)
        data = path.read_bytes()
        assert read_image(path).shape == stored.shape
        path.write_bytes(data + bytes(7))
        assert read_image(path).shape == stored.shape
        for kept in (0, 20, len(data) // 2, len(data) - 2 if name == "a.jpg" else len(data) - 12):
            path.write_bytes(data[:kept])
            with pytest.raises(ValueError, match=f"{name} is (not a readable picture|cut short)"):
                read_image(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_picture_of_too_many_pixels(tmp_path):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 70000, 70000, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(ValueError, match="a.png is not a readable picture"):
        read_image(tmp_path / "a.png")


def test_orientation_is_ignored_and_sizes_are_checked(tmp_path):
    make_onehand10k(tmp_path)
    dataset, picture = open_dataset("onehand10k", tmp_path, "test"), tmp_path / "Test/source/5.jpg"
    stored, data = dataset[0].image, picture.read_bytes()
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)  # orientation 6: turned
    picture.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    np.testing.assert_array_equal(dataset[0].image, stored)
    write_picture(picture, size=(96, 80))
    with pytest.raises(ValueError, match="5.jpg is 80 x 96 px, its labels are for 96 x 80"):
        dataset[0]


def test_text_and_endless_numbers_are_no_numbers(tmp_path):
    for values in (["7"], [10**400], [None], [[1], [2, 3]], ["none"]):
        with pytest.raises(ValueError, match="labels holds something else than numbers"):
            as_floats(values, (1,), "labels")
    np.testing.assert_array_equal(as_floats([1e39, True], (2,), "labels"), [np.inf, 1])
    (tmp_path / "a.json").write_text("[" + "1" * 5000 + "]")
    with pytest.raises(ValueError, match="a.json"):
        read_array(tmp_path / "a.json", ())


def test_dexycb_with_damaged_files(tmp_path):
    pytest.importorskip("yaml")
    make_dexycb(tmp_path)
    dataset = open_dataset("dexycb", tmp_path, "s1_val")
    path = tmp_path / "20200928-subject-07/20200928_000003/836212060125/labels_000000.npz"
    with np.load(path) as labels:
        np.savez_compressed(path, **labels)
    squeezed = bytearray(path.read_bytes())
    start = squeezed.index(b"joint_3d.npy") + len("joint_3d.npy")
    squeezed[start + 20 : start + 60] = b"\xff" * 40
    single, endless = io.BytesIO(), io.BytesIO()
    np.save(single, np.zeros(3))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**13,)})
    with zipfile.ZipFile(endless, "w") as archive:
        archive.writestr("joint_3d.npy", header.getvalue())
    for content in (bytes(squeezed), single.getvalue(), endless.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="labels_000000.npz is damaged"):
            dataset[0]
    meta = tmp_path / "20200928-subject-07/20200928_000003/meta.yml"
    for content in ("num_frames: .inf\nmano_sides: [left]\nmano_calib: [a]", "a: " + "[" * 5000, "[]", "\0"):
        meta.write_text(content)
        with pytest.raises(ValueError, match="000003/meta.yml is damaged"):
            open_dataset("dexycb", tmp_path, "s1_val")


def test_pictures_of_ho3d_may_be_png(tmp_path):
    make_ho3d(tmp_path)
    stored = write_picture(tmp_path / "train/ABF10/rgb/0004.png", 5)
    np.testing.assert_array_equal(open_dataset("ho3d", tmp_path, "train")[0].image, stored)
    (tmp_path / "train/ABF10/rgb/0004.jpg").unlink()
    np.testing.assert_array_equal(open_dataset("ho3d", tmp_path, "train")[0].image, stored)


def test_pose_of_h2o3d_that_nobody_vouches_for_gives_no_mesh(tmp_path, mano):
    make_h2o3d(tmp_path)
    path = tmp_path / "train/S1/meta/0000.pkl"
    labels = pickle.loads(path.read_bytes())
    labels |= {"poseValidRight": np.ones(48), "poseValidLeft": np.arange(48) > 0}
    path.write_bytes(pickle.dumps(labels, 2))
    sample = open_dataset("h2o3d", tmp_path, "train", mano)[0]
    assert sample.has_vertices.tolist() == [True, False] and sample.has_3d.all()


# --- the real samples


def annotated(source: str) -> dict[str, list[dict]]:
    """Records of a source by picture."""
    if not ANNOTATED.is_dir():
        pytest.skip(f"no real samples at {ANNOTATED}")
    records = [r for r in json.loads((ANNOTATED / "annotations.json").read_text()) if r["source"] == source]
    pictures: dict[str, list[dict]] = {}
    for record in records:
        pictures.setdefault(record["image"], []).append(record)
    return pictures


def check_real(sample: Sample, records: list[dict]) -> None:
    """Hands, in any order, of the same joints, labels and sides."""
    sides = {"left": LEFT, "right": RIGHT, None: UNKNOWN_SIDE}
    assert len(sample.side) == len(records)
    for record in records:
        distance = [np.abs(joints - record["joints2d"]).max() for joints in sample.joints_2d[..., :2]]
        hand = int(np.argmin(distance))
        assert distance[hand] < 1e-3
        assert sample.side[hand] == sides[record["side"]]
        np.testing.assert_array_equal(sample.joints_2d[hand, :, 2] > 0, np.array(record["vis"]) > 0)


def test_real_coco_wholebody(tmp_path):
    records = annotated("mmpose/coco-wholebody")
    lay_out(tmp_path / "annotations/coco_wholebody_val_v1.0.json", "coco_wholebody")
    for picture in records:
        lay_out_picture(tmp_path / "val2017", picture, "coco-wholebody_")
    dataset = open_dataset("coco_wholebody", tmp_path, "val")
    assert len(dataset) == len(records) == 4
    for index in range(4):
        check_real(dataset[index], records[f"coco-wholebody_{dataset.name(index)}"])


def test_real_onehand10k(tmp_path):
    records = annotated("mmpose/onehand10k")
    lay_out(tmp_path / "annotations/onehand10k_test.json", "onehand10k")
    for picture in records:
        lay_out_picture(tmp_path, picture, "onehand10k_")
    dataset = open_dataset("onehand10k", tmp_path, "test")
    assert len(dataset) == 4
    for index in range(4):
        check_real(dataset[index], records[f"onehand10k_{dataset.name(index)}"])


def test_real_freihand_of_mmpose(tmp_path):
    """MMPose's conversion keeps the 2D joints of FreiHAND's right hands, in COCO's JSON."""
    records = annotated("mmpose/freihand")
    for picture in records:
        lay_out_picture(tmp_path, picture, "freihand_")
    dataset = CocoStyle.load(
        ANNOTATED / "formats/test_freihand.json",
        tmp_path,
        lambda annotation: [(RIGHT, seen_joints(annotation["keypoints"]))],
    )
    assert len(dataset) == len(records) == 8
    for index in range(8):
        check_real(dataset[index], records[f"freihand_{dataset.name(index)}"])


def lay_out(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(ANNOTATED / "formats" / f"test_{kind}.json")


def lay_out_picture(folder: Path, picture: str, prefix: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / picture.removeprefix(prefix)).symlink_to(ANNOTATED / picture)
