"""Published data sets read their own samples, where those are at hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from handos_model.data.published.coco_style import NO_BOX, CocoStyle, seen_joints
from handos_model.data.registry import open_dataset
from handos_model.data.sample import LEFT, RIGHT, UNKNOWN_SIDE, Sample

ANNOTATED = Path(__file__).resolve().parents[3] / "shared" / "data" / "annotated"


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
        lambda annotation: [(RIGHT, seen_joints(annotation["keypoints"]), NO_BOX)],
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
