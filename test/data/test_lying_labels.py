"""Label files that are whole, but hold what no data set holds: each is refused in one sentence."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_datasets import JOINTS, make_dexycb, make_onehand10k, write_picture

from handos_model.data.annotated import Annotated
from handos_model.data.dataset_files import as_floats
from handos_model.data.photos import Photos
from handos_model.data.pool import Pool
from handos_model.data.registry import open_dataset

HAND = {"kp": JOINTS.tolist(), "world": np.zeros((21, 3)).tolist(), "side": "right", "grade": "A"}
PHOTO = {"path": "a.jpg", "kind": "hand", "split": "train", "source": "s", "hands": [HAND]}
RECORD = {"image": "a.jpg", "source": "s", "gt": "real", "side": "left", "joints2d": JOINTS.tolist(), "vis": [1] * 21}


def photos(root: Path, **changes: Any) -> Photos:
    write_picture(root / "a.jpg")
    (root / "labels.json.gz").write_bytes(gzip.compress(json.dumps([PHOTO | changes]).encode()))
    return Photos.load(root, "hand", "train")


def annotated(root: Path, **changes: Any) -> Annotated:
    write_picture(root / "a.jpg")
    (root / "annotations.json").write_text(json.dumps([RECORD | changes]))
    return Annotated.load(root)


def coco(root: Path, name: Any) -> None:
    make_onehand10k(root)
    path = root / "annotations" / "onehand10k_test.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = name
    path.write_text(json.dumps(content))
    open_dataset("onehand10k", root, "test")


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "", 7, None, ["a.jpg"], "x" * 5000])
def test_pictures_lie_below_their_folder(tmp_path: Path, name: Any) -> None:
    for number, load in enumerate((lambda at: coco(at, name), lambda at: photos(at, path=name),
                                   lambda at: annotated(at, image=name))):  # fmt: skip
        root = tmp_path / str(number)
        root.mkdir()
        with pytest.raises(ValueError, match="names the image .*, which is not below the folder of images") as refusal:
            load(root)
        assert len(str(refusal.value)) < 1000


def test_good_labels_are_read(tmp_path: Path) -> None:
    assert photos(tmp_path)[0].side.tolist() == [1]
    np.testing.assert_allclose(annotated(tmp_path)["a.jpg"].joints_2d[0, :, :2], JOINTS, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": None}, "labels.json.gz is damaged .*: a record must have the texts kind, split and source"),
        ({"source": ["s"]}, "labels.json.gz is damaged .*: a record must have the texts kind, split and source"),
        ({"hands": 3}, "a.jpg is damaged .*TypeError"),
        ({"hands": [{}]}, "a.jpg is damaged .*KeyError.*kp"),
        ({"hands": [HAND | {"kp": [[1, 2]]}]}, r"a.jpg is damaged .*kp has the shape \(1, 1, 2\)"),
        (
            {"hands": [HAND | {"world": [[1e400] * 3] * 21}]},
            "a.jpg is damaged .*joints_3d must be finite",
        ),
    ],
)
def test_what_photos_say(tmp_path: Path, changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        photos(tmp_path, **changes)[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"side": "leftleft"}, "annotations.json: a record has a side that is none"),
        ({"side": ["left"]}, "annotations.json: a record has a side that is none"),
        ({"source": 7}, "annotations.json: a record has a side that is none, or a source or gt that is no text"),
        ({"vis": "all"}, "vis of .*a.jpg must hold numbers"),
        ({"joints2d": [[1, 2], [3]]}, "joints2d of .*a.jpg must hold numbers in rows of equal length, not list"),
    ],
)
def test_what_annotations_say(tmp_path: Path, changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        annotated(tmp_path, **changes)["a.jpg"]


def test_one_long_text_does_not_fill_the_memory() -> None:
    values = ["x" * 100_000, *["1"] * 10_000]
    tracemalloc.start()
    with pytest.raises(ValueError, match="labels must hold numbers in rows of equal length, not str"):
        as_floats(values, (-1,), "labels")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000  # bytes


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"count": np.array([3, 0])}, "counts other than 0 to 2 hands"),
        ({"count": np.array([-1, 0])}, "counts other than 0 to 2 hands"),
        ({"count": np.array([1.5, 0])}, r"count in labels.npz is float64 \(2,\), must be numbers \(2,\)"),
        ({"side": np.zeros(2, np.int8)}, r"side in labels.npz is int8 \(2,\), must be numbers \(2, 0\)|joints_2d in"),
        ({"K": np.zeros((2, 3))}, r"K in labels.npz is float64 \(2, 3\), must be numbers \(2, 3, 3\)"),
        ({"images": np.zeros((2, 8, 8), np.uint8)}, r"images.npy is uint8 \(2, 8, 8\), must be uint8 \(M, H, W, 3\)"),
        ({"joints_3d": np.full((2, 2, 21, 3), np.nan)}, "joints_3d must be finite"),
    ],
)
def test_what_a_pool_says(tmp_path: Path, changes: dict, says: str) -> None:
    arrays = {
        "count": np.array([2, 0]), "K": np.stack([np.eye(3)] * 2), "joints_2d": np.zeros((2, 2, 21, 3)),
        "joints_3d": np.zeros((2, 2, 21, 3)), "vertices": np.zeros((2, 2, 778, 3)),
        "side": np.zeros((2, 2), np.int8), "images": np.zeros((2, 8, 8, 3), np.uint8),
    }  # fmt: skip
    for lies in ({}, changes):
        labels = arrays | lies
        np.save(tmp_path / "images.npy", labels.pop("images"))
        np.savez(tmp_path / "labels.npz", **labels)
        if not lies:
            assert len(Pool(tmp_path)[0].side) == 2
    with pytest.raises(ValueError, match=says):
        Pool(tmp_path)[0]
    (tmp_path / "images.npy").write_bytes(b"\x93NUMPY\1\0\x02\0((")
    with pytest.raises(ValueError, match="images.npy is damaged"):
        Pool(tmp_path)


@pytest.mark.parametrize(
    ("true", "lie"),
    [("20200928_subject-07_any", "../../elsewhere"), ("num_frames: 2", "num_frames: 1.0e+30")],
)
def test_a_sequence_has_frames_of_a_person(tmp_path: Path, true: str, lie: str) -> None:
    pytest.importorskip("yaml")
    make_dexycb(tmp_path)
    meta = tmp_path / "20200928-subject-07/20200928_000003/meta.yml"
    meta.write_text(meta.read_text().replace(true, lie))
    says = r"meta.yml names \d+ frames, side 'right' and person '.*', expected left or right, 0 to 1000000 and a folder"
    with pytest.raises(ValueError, match=says):
        open_dataset("dexycb", tmp_path, "s1_val")
