"""`handos evaluate --dataset` on a made data set and a network whose answer is known."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from fake_network import answer, write_network
from posed_hand import posed_hand
from small_evaluation import Listed, predictions

from handos_model.camera import Camera
from handos_model.cli import main
from handos_model.data.registry import DATASETS
from handos_model.data.sample import RIGHT, Sample
from handos_model.evaluation.submission import Submission

CAMERA = Camera.from_fov(64, 64)
VERTICES, JOINTS = (points + [0, 0.05, 0.4] for points in posed_hand())


def labelled() -> Sample:
    joints_2d = np.concatenate([CAMERA.project(JOINTS), np.full((21, 1), 2)], 1)
    return Sample(
        image=np.zeros((64, 64, 3), np.uint8),
        K=CAMERA.K.astype(np.float32),
        joints_2d=joints_2d[None].astype(np.float32),
        joints_3d=JOINTS[None].astype(np.float32),
        vertices=VERTICES[None].astype(np.float32),
        side=np.array([RIGHT], np.int8),
        has_3d=np.ones(1, bool),
        has_vertices=np.ones(1, bool),
        ignore=np.zeros(1, bool),
        complete=True,
        absolute=True,
    ).check()


@pytest.fixture
def weights(tmp_path: Path) -> str:
    return str(write_network(tmp_path / "fake.onnx", [answer(VERTICES, JOINTS, CAMERA)], 64))


@pytest.fixture(autouse=True)
def made_data(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """A FreiHAND of four frames of one video; what it was opened with."""
    opened = []

    def opener(root: Path, split: str, mano: Path | None) -> Listed:
        opened.append((root, split, mano))
        return Listed([labelled()] * 4, [("a", k) for k in range(4)])

    monkeypatch.setitem(DATASETS, "freihand", opener)
    return opened


def test_figures_table_and_submission(tmp_path, weights, made_data, capsys) -> None:
    out, zipped = tmp_path / "figures.json", tmp_path / "pred.zip"
    options = ["--json", out, "--submission", zipped, "--mano", tmp_path / "mano", "--threads", 1, "--size", 64]
    argv = ["evaluate", "--dataset", "freihand", "--root", tmp_path, "--weights", weights, *options]
    assert main([str(a) for a in argv]) == 0
    assert made_data == [(tmp_path, "evaluation", tmp_path / "mano")]
    table = capsys.readouterr().out
    assert "| figure | freihand evaluation, 4 images | HandOS, Table 1, FreiHAND |" in table
    results = json.loads(out.read_text())
    assert (results["dataset"], results["split"], results["images"]) == ("freihand", "evaluation", 4)
    figures = results["figures"]
    assert figures["found"] == figures["hands"] == 4 and figures["pck_2d@0.05"] == figures["box_ap50"] == 1
    assert figures["pa_mpvpe"] < 0.01 and figures["absolute_mpjpe"] < 1 and figures["jitter_3d"] < 0.01
    joints, vertices = predictions(zipped)
    assert joints.shape == (4, 21, 3) and vertices.shape == (4, 778, 3)
    np.testing.assert_allclose(joints[0], JOINTS, atol=1e-3)


def test_split_and_limit(tmp_path, weights, made_data, capsys) -> None:
    argv = ["evaluate", "--dataset", "freihand", "--root", str(tmp_path), "--split", "training", "--limit", "2"]
    assert main([*argv, "--weights", weights]) == 0
    assert made_data == [(tmp_path, "training", None)]
    assert "freihand training, 2 images" in capsys.readouterr().out


def test_figures_come_before_the_submission(tmp_path, weights, capsys, monkeypatch) -> None:
    def full(self, path):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(Submission, "write", full)
    options = ["--json", tmp_path / "figures.json", "--submission", tmp_path / "pred.zip", "--weights", weights]
    assert main([str(a) for a in ["evaluate", "--dataset", "freihand", "--root", tmp_path, *options]]) == 2
    assert not (tmp_path / "pred.zip").exists()
    assert "freihand evaluation, 4 images" in capsys.readouterr().out
    assert json.loads((tmp_path / "figures.json").read_text())["images"] == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "give --data DIR for the project's own images, or --dataset NAME --root DIR"),
        (["--dataset", "freihand"], "--dataset freihand needs --root DIR"),
        (["val", "--dataset", "freihand", "--root", "."], "val belongs to the project's own images"),
        (["--data", ".", "--dataset", "freihand", "--root", "."], "--data belongs to the project's own images"),
        (["val", "--data", ".", "--split", "x"], "--split is for a published data set: name it with --dataset"),
        (["--root", "."], "--root is for a published data set"),
        (["--dataset", "frei", "--root", "."], "unknown data set 'frei': known are "),
        (["--dataset", "freihand", "--root", "nowhere"], "no folder nowhere"),
        (["--dataset", "freihand", "--root", ".", "--limit", "0"], "limit is 0, must be 1 or more"),
        (["--dataset", "freihand", "--root", ".", "--submission", "a.zip", "--limit", "1"], "leave out --limit"),
        (["--dataset", "freihand", "--root", ".", "--submission", "a.json"], "must end in .zip, got a.json"),
        (["--dataset", "freihand", "--root", ".", "--json", "no/a.json"], "there is no folder no to write a.json to"),
        (["--dataset", "freihand", "--root", ".", "--json", "."], ". is a folder: give the name of a file"),
        (["--dataset", "dexycb", "--root", ".", "--submission", "a.zip"], "dexycb has no submission file"),
    ],
)
def test_wrong_use_is_one_sentence(weights, capsys, options, says) -> None:
    assert says in refused(capsys, "evaluate", *options, "--weights", weights)
