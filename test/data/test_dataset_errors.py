"""Errors of data sets: for wrong calls, and for files that are missing, foreign or damaged."""

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest
from made_datasets import (
    make_dexycb,
    make_h2o3d,
    make_ho3d,
    make_onehand10k,
    write_picture,
)

from handos_model.data.dataset_files import as_floats, read_array, read_image, read_json, read_records
from handos_model.data.registry import DATASETS, open_dataset


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_unknown_split_and_empty_folder(tmp_path, name):
    with pytest.raises(ValueError, match=f"unknown split 'nonsense': it has {DATASETS[name].splits[0]}"):
        open_dataset(name, tmp_path, "nonsense")
    with pytest.raises(FileNotFoundError, match=r"no (YAML file|file|folder|records|pic256|.*MANO_RIGHT.pkl)"):
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
        ("[]", "is damaged or belongs to another data set"),
        ('{"images": [], "annotations": [{"image_id": 4}]}', "is damaged or belongs to another data set: KeyError"),
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
            "not below the folder of images",
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
    with pytest.raises(ValueError, match="cannot read image .*5.jpg: no image can be decoded"):
        dataset[0]
    picture.unlink()
    with pytest.raises(FileNotFoundError, match="5.jpg: the data set is incomplete"):
        dataset[0]


def test_truncated_pictures(tmp_path):
    for name in ("a.jpg", "a.png"):
        path = tmp_path / name
        stored = write_picture(path)
        data = path.read_bytes()
        assert read_image(path).shape == stored.shape
        path.write_bytes(data + bytes(7))
        assert read_image(path).shape == stored.shape
        for kept in (0, 20, len(data) // 2, len(data) * 9 // 10 if name == "a.jpg" else len(data) - 12):
            path.write_bytes(data[:kept])
            with pytest.raises(ValueError, match=f"cannot read image .*{name}"):
                read_image(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_picture_of_too_many_pixels(tmp_path):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 70000, 70000, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(ValueError, match="cannot read image .*a.png"):
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
        with pytest.raises(ValueError, match="labels must hold numbers"):
            as_floats(values, (1,), "labels")
    np.testing.assert_array_equal(as_floats([1e39, True], (2,), "labels"), [np.inf, 1])
    (tmp_path / "a.json").write_text("[" + "1" * 5000 + "]")
    with pytest.raises(ValueError, match="a.json"):
        read_array(tmp_path / "a.json", ())


def test_what_is_no_regular_file_and_what_unpacks_without_end(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.json").symlink_to("/dev/zero")
    for read, name in ((read_image, "a.jpg"), (read_json, "b.json")):
        with pytest.raises(ValueError, match=f"{name} is not a regular file"):
            read(tmp_path / name)
    packed = gzip.compress(b"[" + bytes(2**29))
    for content, says in (
        (packed, "unpacks to more than"),
        (packed[:99], "compression is damaged"),
        (b"[", "compression is"),
    ):
        (tmp_path / "c.json.gz").write_bytes(content)
        with pytest.raises(ValueError, match=f"c.json.gz is not JSON: it.*{says}"):
            read_json(tmp_path / "c.json.gz")
    for content in ("{}", "[3]", "7"):
        (tmp_path / "d.json").write_text(content)
        with pytest.raises(ValueError, match="d.json is not a list of records"):
            read_records(tmp_path / "d.json")


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
