"""Arguments that no command can mean: empty ones, and those that contradict each other."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_image
from predicted import contents

from handos_model.cli import build_parser, main

RECIPES = Path(__file__).parents[2] / "config" / "train"


@pytest.mark.parametrize(
    "argv, argument",
    [
        (["predict", ""], "INPUT"),
        (["predict", "a.png", ""], "INPUT"),
        (["predict", "a.png", "--out", ""], "--out"),
        (["predict", "a.png", "--out="], "--out"),
        (["predict", "a.png", "--draw", ""], "--draw"),
        (["predict", "a.png", "--view", ""], "--view"),
        (["predict", "a.png", "--mano", ""], "--mano"),
        (["predict", "a.png", "--weights", ""], "--weights"),
        (["predict", "a.png", "--intrinsics", ""], "--intrinsics"),
        (["fuse", "", "--extrinsics", "e.yaml", "--out", "o.jsonl"], "FILE.jsonl"),
        (["fuse", "a.jsonl", "--extrinsics", "", "--out", "o.jsonl"], "--extrinsics"),
        (["train", ""], "RECIPE"),
        (["train", "r.yaml", "--out", ""], "--out"),
        (["evaluate", ""], "NAME"),
        (["evaluate", "--data", ""], "--data"),
        (["evaluate", "--paper", ""], "--paper"),
        (["export", "", "--out", "o.onnx"], "CHECKPOINT"),
        (["export", "c.pt", "--out", ""], "--out"),
        (["benchmark", ""], "IMAGE"),
        (["benchmark", "--cost", ""], "--cost"),
        (["render", ""], "DIR|FILE.png"),
        (["datasets", "check", "freihand", ""], "ROOT"),
        (["datasets", "fetch", "evaluation", ""], "DIR"),
        (["reproduce", "--recipes", ""], "--recipes"),
        (["reproduce", "--only", ""], "--only"),
    ],
)
def test_an_empty_argument_is_refused(tmp_path, capsys, monkeypatch, argv, argument):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    before = contents(tmp_path)
    says = refused(capsys, *argv)
    assert f"argument {argument}: is empty (unset shell variable?)" in says
    assert contents(tmp_path) == before


def test_each_input_that_cannot_be_used_has_a_line_of_its_own(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "a.png", "b.png"]) == 2
    assert capsys.readouterr().err == "handos predict: there is no a.png\nhandos predict: there is no b.png\n"
    (tmp_path / "c.jsonl").write_text("{}\n")
    pose = {"translation": [0, 0, 1], "rotation": [0, 0, 0, 1]}
    (tmp_path / "e.yaml").write_text(json.dumps({"frame": "table", "cameras": {"c": pose}}))
    assert main(["fuse", "c.jsonl", "d.jsonl", "--extrinsics", "e.yaml", "--out", "f.jsonl"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "handos fuse: line 1 of c.jsonl is not a frame written by handos predict: it has no 'stamp_ns'; the file is "
        "left out",
        "handos fuse: there is no results file d.jsonl; the file is left out",
    ]


def test_an_empty_launch_command_is_none(tmp_path):
    assert build_parser().parse_args(["reproduce", "--launch", ""]).launch == ""
    assert build_parser().parse_args(["reproduce"]).launch == ""


def test_arguments_that_contradict_each_other(tmp_path, capsys):
    photo, recipe = tmp_path / "photo.png", tmp_path / "r.yaml"
    assert f"leave out {photo}, or --cost" in refused(capsys, "benchmark", photo, "--cost", recipe)
    assert "--pixels has no effect with an IMAGE" in refused(capsys, "benchmark", photo, "--pixels", "64x64")
    assert "give an IMAGE to process, or --cost RECIPE" in refused(capsys, "benchmark")
    for given, named in (
        (["--json", "p.json"], "--json"),
        (["--given-boxes"], "--given-boxes"),
        (["--limit", "3"], "--limit"),
        (["val"], "val"),
    ):
        says = refused(capsys, "evaluate", *given, "--paper", tmp_path)
        assert f"--paper only prints the results in {tmp_path}: leave out {named}" in says
    assert main(["evaluate", "--paper", str(tmp_path)]) == 0


def test_export_says_which_recipes_need_a_finder(tmp_path, capsys):
    pytest.importorskip("torch")
    checkpoint, out = tmp_path / "c.npz", tmp_path / "o.onnx"
    checkpoint.touch()
    argv = ["export", checkpoint, "--out", out, "--recipe"]
    assert "small.yaml is of stage see, which needs --finder CHECKPOINT" in refused(
        capsys, *argv, RECIPES / "small.yaml"
    )
    other = RECIPES / "table7_d_full.yaml"
    assert f"{other} is of stage full: leave out --finder, which is for stage see" in refused(
        capsys, *argv, other, "--finder", checkpoint
    )
    assert f"there is no {tmp_path}/none.pt" in refused(
        capsys, *argv, RECIPES / "small.yaml", "--finder", tmp_path / "none.pt"
    )
    assert not out.exists()


def test_the_recipe_that_the_help_names_exists(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "config/train/small.yaml" in " ".join(capsys.readouterr().out.split())
