"""Runs and exports that mean nothing: each is refused in one sentence before it takes time."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from accelerate.state import AcceleratorState
from another_process import another_process
from command_line import refused
from made_frames import frames, sample
from small_run import of_renders, small_recipe, write_recipe, write_small_pool

from handos_model.cli import main
from handos_model.data.augment import Augmentation
from handos_model.data.photos import Photos
from handos_model.data.sample import without_hands
from handos_model.network.decoder import DecoderSize
from handos_model.network.finder import HandFinder
from handos_model.training.batches import photo_weights
from handos_model.training.objective.criterion import LossWeights
from handos_model.training.recipe import DetectorChoice, Recipe
from handos_model.training.stages.tasks import read_finder
from handos_model.training.trainer import WholeImages
from handos_model.training.views.shares import Shares, Views


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"stage": "3d"}, "stage is '3d', must be one of 2d, full, see, find"),
        ({"seed": -1}, "seed is -1, must be a whole number of 0 or more"),
        ({"clip": 0.0}, "clip is 0.0, must be 1e-06 or more"),
        ({"ema": 1.5}, "ema is 1.5, must lie between 0 and 1"),
        ({"threads": 100_000}, "threads is 100000, must be a whole number from 1 to 1024"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0, must be 0 or more"),
        ({"decoder": DecoderSize(d_model=0)}, "decoder.d_model is 0, must be a whole number of 1 or more"),
        ({"decoder": DecoderSize(layers_2d=-1)}, "decoder.layers_2d is -1, must be a whole number of 0 or more"),
        ({"decoder": DecoderSize(self_heads=5)}, "decoder.self_heads is 5, must divide decoder.d_model, which is 128"),
        ({"decoder": DecoderSize(d_value=33)}, "decoder.heads is 8, must divide decoder.d_value, which is 33"),
        ({"side_widths": (16, 0)}, "one of side_widths is 0, must be a whole number of 1 or more"),
        ({"augmentation": Augmentation(canvas=10)}, "augmentation.canvas is 10, must be a whole number of px of 32"),
        ({"stage": "see", "decoder": DecoderSize(layers_3d=0)}, "stage see needs an interactive layer"),
        ({"weights": LossWeights(edge=-1.0)}, "weights.edge is -1.0, must be 0 or more"),
        ({"views": Views(piece=0)}, "views.piece is 0, must be a whole number of 1 or more"),
        ({"views": Views(Shares(photos=-0.1))}, "views.shares.photos is -0.1, must be 0 or more"),
        ({"views": Views(Shares(0.0, 0.0, 0.0, 0.0))}, "views.shares are all 0"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(wrong: dict, says: str) -> None:
    recipe = Recipe(max_steps=1)
    recipe.check_run()
    with pytest.raises(ValueError, match=re.escape(says)):
        replace(recipe, **wrong).check_run()


def test_an_estimate_of_memory_is_of_a_recipe_that_could_run(tmp_path, capsys) -> None:
    recipe = write_recipe(small_recipe(batch_size=0), tmp_path / "recipe.yaml")
    assert "batch_size is 0, must be a whole number of 1 or more" in refused(capsys, "train", recipe, "--memory")


def test_frames_without_a_hand_to_learn_from_are_said() -> None:
    """Any number of hands can be drawn, none at all even where there is none."""
    ignored = replace(sample(), ignore=np.ones(1, bool))
    empty = frames(ignored, without_hands(np.zeros((160, 200, 3), np.uint8)))
    assert [len(part) for part in empty.draw(0)] == [0, 0] == [len(part) for part in frames(sample()).draw(0)]
    with pytest.raises(ValueError, match="none of 2 frames shows a hand to learn from"):
        empty.draw(1)


@pytest.mark.parametrize("weight", [-1.0, 0.0])
def test_photos_that_cannot_be_drawn_are_refused_for_every_stage(weight: float) -> None:
    with pytest.raises(ValueError, match=r"source_weights are \{'a': -?\d.0\}: expected 0 or more, and one photo"):
        photo_weights(Photos(Path(), [{"source": "a"}]), {"a": weight})


def test_the_detector_of_one_hand_is_not_trained_on_whole_images() -> None:
    recipe = Recipe(detector=DetectorChoice("landmarks"), side_tuning="off", decoder=DecoderSize(deformable=False))
    with pytest.raises(ValueError, match="stage full is for images of any size, but the detector landmarks only sees"):
        WholeImages(recipe)


def test_a_run_that_cannot_be_written_or_is_of_another_network_is_refused(tmp_path, capsys) -> None:
    AcceleratorState._reset_state(True)
    pool = write_small_pool(tmp_path / "pool", 4)
    recipe = small_recipe(mixture=of_renders(pool), max_steps=1)
    first = write_recipe(recipe, tmp_path / "first.yaml")
    capsys.readouterr()  # how far the renders are
    assert f"{first} is a file, {first} must be a folder" in refused(capsys, "train", first, "--out", first)
    run = tmp_path / "run"
    run.mkdir()
    torch.save(
        {"network": {}, "averaged": {}, "optimizer": {}, "step": 1, "seconds": 0.0, "samples": 4, "template": ""},
        run / "checkpoint.pt",
    )
    says = refused(capsys, "train", first, "--out", run)
    assert f"{run} holds the run of another network, give another folder: these weights do not fit" in says


HOLD = """
import sys
from pathlib import Path
from handos_model.training.recipe import Recipe
from handos_model.training.run_folder import started
import torch
with started(Path(sys.argv[1]), Recipe(), [], torch.device("cpu"), 1, 0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_train_in_one_folder(tmp_path, capsys) -> None:
    """The second one would write checkpoints between those of the first."""
    AcceleratorState._reset_state(True)
    run = tmp_path / "run"
    recipe = small_recipe(mixture=of_renders(write_small_pool(tmp_path / "pool", 4)), max_steps=1)
    argv = ["train", write_recipe(recipe, tmp_path / "recipe.yaml"), "--out", run]
    with another_process(HOLD, run):
        capsys.readouterr()
        assert f"another process is training in {run}: wait for its end" in refused(capsys, *argv)
        assert not (run / "checkpoint.pt").exists() and len((run / "starts.jsonl").read_text().splitlines()) == 1
    assert main([str(a) for a in argv]) == 0 and (run / "checkpoint.pt").is_file()


def trained(folder: Path, stage: str) -> Path:
    """The checkpoint of a run of `stage`, as far as refusing it goes."""
    folder.mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"stage": stage, "max_steps": 1}))
    weights = HandFinder().trainable_state()
    state = {"network": weights, "averaged": weights, "optimizer": {}, "step": 1, "seconds": 0.0, "samples": 4}
    torch.save(state | {"template": ""}, folder / "checkpoint.pt")
    return folder / "checkpoint.pt"


def test_options_of_export_that_have_no_effect_or_predict_nothing(tmp_path, capsys) -> None:
    see, find, flat = (trained(tmp_path / name, name) for name in ("see", "find", "2d"))
    out = ["--out", tmp_path / "hands"]
    for given, says in (
        ([see, "--finder", find, "--threshold", "7"], "--threshold is 7.0, must lie between 0 and 1"),
        ([see, "--size", "5"], "--size is 5, must be a whole number of px of 32 or more"),
        ([see, "--finder", find, "--size", "64"], "--size 64 is for stages 2d and full"),
        ([flat], f"--out must end in .onnx, got {tmp_path / 'hands'}: an .npz of the same name is written beside it"),
        ([see], "see/recipe.yaml is of stage see, which needs --finder CHECKPOINT"),
        ([see, "--int8"], "--int8 is for a checkpoint of stage see: give --finder CHECKPOINT"),
        ([find], "find/recipe.yaml is of stage find: export works for the stages 2d, full and see"),
    ):
        assert says in refused(capsys, "export", *given, *out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2d", "find", "see"]


@pytest.mark.parametrize("stage", ["see", "find"])
def test_a_checkpoint_of_views_is_not_evaluated_on_whole_images(tmp_path, capsys, stage: str) -> None:
    given = ["--dataset", "freihand", "--root", tmp_path, "--checkpoint", trained(tmp_path / "run", stage)]
    assert f"is of stage {stage}: evaluation of a checkpoint works for the stages 2d" in refused(
        capsys, "evaluate", *given
    )


@pytest.mark.parametrize("option", ["--template", "--threads"])
def test_options_of_onnx_files_are_refused_with_a_checkpoint(tmp_path, capsys, option: str) -> None:
    given = ["--dataset", "freihand", "--root", tmp_path, "--checkpoint", tmp_path / "checkpoint.pt", option, "1"]
    assert f"{option} is for weights in an ONNX file, and has no effect" in refused(capsys, "evaluate", *given)


def test_a_finder_of_another_stage_is_named(tmp_path) -> None:
    np.savez(tmp_path / "see.npz", template="", other=np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="see.npz: these weights do not fit this network"):
        read_finder(tmp_path / "see.npz")
    assert (
        read_finder(trained(tmp_path / "find", "find")).trainable_state().keys()
        == HandFinder().trainable_state().keys()
    )
