"""The estimate of what a training step takes: against counts by hand, and a larger step that it did not measure."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_detectors import small_detector

from handos_model.cli import main
from handos_model.network.handos import HandOS
from handos_model.template.load import load_template
from handos_model.training.memory import LiveBytes, estimate, step_peak
from handos_model.training.recipe import read_recipe
from handos_model.training.step import TrainingStep
from handos_model.training.trainer import build_criterion

RECIPES = Path(__file__).resolve().parents[2] / "config" / "train"
pytestmark = pytest.mark.usefixtures("one_thread")


def test_live_bytes_are_those_of_tensors_that_are_there():
    with LiveBytes() as counted:
        a = torch.zeros(1000)
        view = a[:10]  # no memory of its own
        b = a + 1
        del b
        c = torch.zeros(500, dtype=torch.float64)
    assert (counted.now, counted.peak) == (8000, 8000) and len(view) == 10 and len(c) == 500
    weight = torch.ones(100, 100, requires_grad=True)
    with LiveBytes() as counted:
        (weight * 2).exp().sum().backward()  # the product, its exponential and two gradients of their size
    assert 2 * 40_000 <= counted.peak <= 4 * 40_000 + 100


def test_a_larger_step_takes_what_was_foretold():
    recipe = read_recipe(RECIPES / "paper_freihand.yaml")
    decoder = replace(recipe.decoder, d_model=32, d_value=32, heads=2, self_heads=2, feedforward=32)
    augmentation = replace(recipe.augmentation, canvas=448)
    recipe = replace(recipe, template="", decoder=decoder, augmentation=augmentation, batch_size=1, slots=2)
    network = HandOS(small_detector("grounding_dino"), load_template(), recipe.decoder, [16] * 4, "backbone")
    losses = TrainingStep(network, build_criterion(recipe, torch.device("cpu")), recipe)
    found = estimate(losses)
    assert found.step == pytest.approx(step_peak(losses, 448, 2), rel=0.05)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in network.detector.parameters())
    assert found.weights == 4 * (5 * trained + frozen)
    assert all(p.grad is None for p in network.parameters())
    assert "memory of each process: about 0." in str(found)


def test_a_run_needs_a_folder(capsys):
    assert main(["train", str(RECIPES / "paper_freihand.yaml")]) == 2
    assert "give --out DIR" in capsys.readouterr().err


def test_the_memory_of_views_is_not_foretold(capsys):
    assert main(["train", str(RECIPES / "small.yaml"), "--memory"]) == 2
    assert "small.yaml is of stage see: --memory works for the stages 2d and full" in capsys.readouterr().err
