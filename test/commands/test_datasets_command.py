"""`handos datasets`: what it refuses, says and draws."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_datasets import K, made_hand, make_coco_wholebody, make_dexycb, make_freihand, make_h2o3d, write_json
from made_mano import made_layer, write_mano

from handos_model.cli import main
from handos_model.data.consistency import faults
from handos_model.data.registry import DATASETS
from handos_model.data.sample import LEFT, RIGHT, labelled_2d, labelled_3d, project, without_hands
from handos_model.data.sheet import CAPTION, close_up, draw_labels

IMAGE = np.zeros((80, 96, 3), np.uint8)
HAND = made_hand(1)
GOOD = labelled_3d(IMAGE, K, HAND.joints[None], HAND.vertices[None], np.array([RIGHT]), complete=True)
MANO = made_layer("right")


def moved(values: np.ndarray, index: tuple, by: float) -> np.ndarray:
    values = values.copy()
    values[index] += by
    return values


def test_good_hands_have_no_faults():
    assert faults(GOOD, MANO) == [] and faults(GOOD) == []
    left = made_hand(2, "left")
    other = labelled_3d(IMAGE, K, left.joints[None], left.vertices[None], np.array([LEFT]), complete=True)
    assert faults(other, MANO) == []
    assert faults(without_hands(IMAGE), MANO) == []
    assert faults(labelled_2d(IMAGE, np.zeros((1, 21, 3)), np.array([-1]), complete=False), MANO) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"joints_2d": moved(GOOD.joints_2d, (0, 7, 0), 9.0)},
            r"^hand 0 \(right\): index_dip is projected 9.0 px away from",
        ),
        ({"joints_2d": GOOD.joints_2d + np.float32([1000, 0, 0])}, "none of its labelled joints lies in the image"),
        ({"joints_3d": -GOOD.joints_3d}, "is behind the camera, at z = -0"),
        ({"side": np.array([LEFT], np.int8)}, r"^hand 0 \(left\): the mesh is that of a right hand$"),
        (
            {"joints_3d": moved(GOOD.joints_3d, (0, 8, 2), 0.2)},
            "index_dip to index_tip measures .* mm, a hand has 8 to 80",
        ),
        ({"vertices": GOOD.vertices + np.float32(0.03)}, "the mesh has .* 5.*[0-9] mm away from its label"),
        ({"joints_3d": np.full_like(GOOD.joints_3d, np.nan)}, "^joints_3d must be finite"),
        ({"vertices": GOOD.vertices[:, :100]}, r"^vertices has shape \(1, 100, 3\)"),
    ],
)
def test_faults(change, message):
    found = faults(replace(GOOD, **change), MANO)
    assert any(re.search(message, line) for line in found), found


def test_millimetres_and_relative_labels():
    """Labels in mm are refused; those without a place in a camera's frame are not projected."""
    mm = labelled_3d(IMAGE, K, 1000 * HAND.joints[None], None, np.array([RIGHT]), complete=True)
    assert len(faults(mm)) == 20
    relative = replace(GOOD, absolute=False, joints_3d=GOOD.joints_3d - GOOD.joints_3d[:, :1])
    assert faults(replace(relative, has_vertices=np.array([False]))) == []


def test_unlabelled_joints_are_not_projected():
    joints_2d = moved(GOOD.joints_2d, (0, 7, 0), 30.0)
    joints_2d[0, 7, 2] = 0
    assert faults(replace(GOOD, joints_2d=joints_2d), MANO) == []


def test_list_names_every_data_set(capsys):
    assert main(["datasets", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0]: tuple(line.split()[1:]) for line in lines} == {
        name: dataset.splits for name, dataset in DATASETS.items()
    }


def check(capsys, *argv: object) -> tuple[int, list[str], str]:
    code = main(["datasets", "check", *map(str, argv)])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def test_check_draws_good_data(tmp_path, capsys):
    make_h2o3d(tmp_path)
    mano, sheet = write_mano(tmp_path / "mano"), tmp_path / "sheet.png"
    code, lines, _ = check(capsys, "h2o3d", tmp_path, "--mano", mano, "--out", sheet)
    assert code == 0 and lines == ["h2o3d train: checked 3 of 3 images, 0 faults"]
    picture = cv2.imread(str(sheet))
    assert picture.shape == (256 + CAPTION, 5 * 256, 3)  # frames of two, two hands and one
    meshes = picture[:256].astype(int).reshape(256, 5, 256, 3).mean((0, 2))
    assert np.isfinite(meshes).all() and (picture.std((0, 1)) > 20).all()


def test_check_refuses_inconsistent_data(tmp_path, capsys):
    make_freihand(tmp_path)
    joints = json.loads((tmp_path / "training_xyz.json").read_text())
    joints[1][8][2] += 0.2
    write_json(tmp_path / "training_xyz.json", joints)
    (tmp_path / "training/rgb/00000002.jpg").unlink()
    sheet = tmp_path.with_suffix(".png")  # beside the data, which are never written over
    code, lines, _ = check(capsys, "freihand", tmp_path, "--split", "training", "--count", 3, "--out", sheet)
    assert code == 1 and lines[-1] == "freihand training: checked 3 of 8 images, 1 faults"  # images 0, 4 and 7
    assert lines[0].startswith("training/rgb/00000007.jpg: hand 0 (right): index_dip to index_tip measures")
    code, lines, _ = check(capsys, "freihand", tmp_path, "--out", sheet, "--overwrite")
    assert code == 1 and len(lines) == 1 + 4 + 1
    assert any(line.startswith("training/rgb/00000002.jpg: there is no image ") for line in lines)
    assert cv2.imread(str(sheet)).shape == (2 * (256 + CAPTION), 6 * 256, 3)


def test_check_finds_a_wrong_camera(tmp_path, capsys):
    """By the 2D joints that FreiHAND and DexYCB publish, without MANO."""
    make_freihand(tmp_path / "freihand")
    write_json(tmp_path / "freihand/training_K.json", [(K * [[3, 1, 1], [1, 3, 1], [1, 1, 1]]).tolist()] * 2)
    code, lines, _ = check(capsys, "freihand", tmp_path / "freihand", "--count", 2)
    assert code == 1 and "middle_mcp is projected" in lines[0]
    pytest.importorskip("yaml")
    make_dexycb(tmp_path / "dexycb")
    arguments = ("dexycb", tmp_path / "dexycb", "--split", "s1_val", "--count", 1)
    assert check(capsys, *arguments)[0] == 0
    intrinsics = tmp_path / "dexycb/calibration/intrinsics/836212060125_640x480.yml"
    intrinsics.write_text(intrinsics.read_text().replace("fx: 120", "fx: 240"))
    code, lines, _ = check(capsys, *arguments)
    assert code == 1 and "is projected" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["imagenet", "."], "unknown data set 'imagenet': known are"),
        (["hint", "."], "no records in"),
        (["hint", ".", "--split", "x"], "unknown split 'x': it has train val"),
        (["hint", ".", "--count", "0"], "--count of at least 1"),
        (["hint", ".", "--out", "sheet.jpg"], "--out that ends in .png"),
        (["freihand", "nowhere"], "no folder nowhere: give the folder of freihand"),
    ],
)
def test_wrong_calls_are_one_sentence(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, lines, error = check(capsys, *arguments)
    assert code == 2 and not lines and error.count("\n") == 1 and message.replace(",", "") in error.replace(",", "")


def test_check_of_an_empty_split(tmp_path, capsys):
    make_coco_wholebody(tmp_path)
    write_json(tmp_path / "annotations/coco_wholebody_val_v1.0.json", {"images": [], "annotations": []})
    code, _, error = check(capsys, "coco_wholebody", tmp_path, "--split", "val")
    assert code == 2 and "split val of coco_wholebody in" in error and "lists no images" in error


def test_close_up_keeps_the_labels_together():
    near = close_up(GOOD, 0, 128)
    assert near.image.shape == (128, 128, 3)
    np.testing.assert_allclose(project(near.joints_3d[0], near.K), near.joints_2d[0, :, :2], atol=1e-2)
    low, high = near.joints_2d[0, :, :2].min(0), near.joints_2d[0, :, :2].max(0)
    np.testing.assert_allclose((low + high) / 2, 63.5, atol=0.01)
    assert (high - low).max() == pytest.approx(80, abs=0.01)
    whole = close_up(without_hands(IMAGE), None, 64)
    assert whole.image.shape == (64, 64, 3) and whole.K[0, 2] == pytest.approx(31.5, abs=0.01)


def test_unlabelled_joints_are_not_drawn():
    joints = GOOD.joints_2d.copy()
    joints[..., 2] = 0
    np.testing.assert_array_equal(draw_labels(IMAGE, joints, GOOD.side), IMAGE)
    joints[0, 0] = [40, 30, 2]
    drawn = draw_labels(IMAGE, joints, np.array([-1]))
    assert (drawn[30, 40] > 200).all() and (IMAGE == 0).all()


def test_docs_list_what_there_is():
    """The table of docs/datasets.md has a row per data set, with its splits."""
    docs = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
    of_the_paper = docs.partition("## The data sets of the paper\n")[2].partition("\n## ")[0]
    table = [line for line in of_the_paper.splitlines() if line.startswith("| `")]
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in table]
    assert [row[0].strip("`") for row in rows] == list(DATASETS)
    for row, (name, dataset) in zip(rows, DATASETS.items(), strict=True):
        assert f"## {name}" in docs
        section = docs.split(f"## {name}\n")[1].split("\n## ")[0]
        for part in ("Licence", "Get it", "Layout", "Splits"):
            assert f"**{part}**" in section, f"{name} lacks {part}"
        for split in dataset.splits:
            assert f"`{split}`" in section, f"{name} lacks {split}"
        assert row[2], name
