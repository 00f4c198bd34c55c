"""As a user goes: both stages of a recipe on a DETR-like detector, export, prediction, evaluation; by the commands."""

import json

import cv2
import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")
from small_detectors import save, small_model  # noqa: E402
from small_run import PX, write_small_pool  # noqa: E402

from handos_model.cli import main  # noqa: E402
from handos_model.data.pool import Pool  # noqa: E402


def write_recipe(folder, name, **changes):
    recipe = {
        "name": name, "max_steps": 2, "batch_size": 2, "warmup_steps": 1, "workers": 0, "threads": 1, "bf16": False,
        "detector": {"kind": "rt_detr", "source": str(folder / "detector")}, "side_widths": [16, 16, 16],
        "decoder": {"guided": False, "vertex_queries": True, "shared_heads": True, "own_values": True, "d_model": 32,
                    "d_value": 32, "heads": 4, "points_3d": 4, "feedforward": 32},
        "weights": {"cells": 0.0, "side": 0.0, "finder_score": 0.0, "finder_view": 0.0, "finder_points": 0.0},
        "augmentation": {"canvas": PX, "whole": 1.0},
        "mixture": {"pool": str(folder / "pool"), "share_renders": 1.0},
    } | changes  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    save(small_model("rt_detr"), folder / "detector")
    write_small_pool(folder / "pool", 4)
    return folder


def test_two_stages_export_and_prediction(folder, capsys):
    first, second = folder / "runs" / "first", folder / "runs" / "second"
    assert main(["train", write_recipe(folder, "first", stage="2d"), "--out", str(first)]) == 0
    started = write_recipe(folder, "second", start_from=str(first / "checkpoint.pt"))
    assert main(["train", started, "--out", str(second)]) == 0
    assert "weights are from" in capsys.readouterr().out
    weights = folder / "hands.onnx"
    checkpoint = str(second / "checkpoint.pt")
    # A random detector is sure of nothing.
    assert main(["export", checkpoint, "--out", str(weights), "--size", str(PX), "--threshold", "0"]) == 0
    picture = folder / "hand.png"
    cv2.imwrite(str(picture), np.ascontiguousarray(Pool(folder / "pool")[0].image[:, :, ::-1]))
    out = folder / "hands.jsonl"
    argv = ["predict", str(picture), "--weights", str(weights), "--vertices", "--out", str(out)]
    assert main(argv) == 0
    hands = json.loads(out.read_text())["hands"]
    assert hands and all(np.shape(hand["vertices"]) == (778, 3) and hand["score"] > 0 for hand in hands)


def test_a_2d_model_has_no_mesh_to_export(folder, capsys):
    run = folder / "runs" / "flat"
    assert main(["train", write_recipe(folder, "flat", stage="2d", max_steps=1), "--out", str(run)]) == 0
    assert main(["export", str(run / "checkpoint.pt"), "--out", str(folder / "flat.onnx")]) == 2
    assert "is of stage 2d, which has no mesh" in capsys.readouterr().err
    assert not (folder / "flat.onnx").exists()


def test_a_detector_that_is_not_there_is_one_sentence(folder, capsys):
    recipe = write_recipe(folder, "lost", detector={"kind": "rt_detr", "source": str(folder / "nowhere")})
    assert main(["train", recipe, "--out", str(folder / "runs" / "lost")]) == 2
    said = capsys.readouterr().err
    assert "nowhere" in said and len(said.strip().splitlines()) == 1
