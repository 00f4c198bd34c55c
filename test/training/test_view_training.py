"""Stages see and find by the trainer: cache, resume, what moves, and files that predict."""

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from support.command_line import refused
from support.made_frames import sources
from support.small_detectors import small_detector
from support.small_run import write_recipe

from handos_model import HandPredictor
from handos_model.cli import main
from handos_model.network.decoder import DecoderSize
from handos_model.network.finder import HandFinder
from handos_model.network.handos import HandOS
from handos_model.template.load import load_template
from handos_model.training.recipe import DetectorChoice, Recipe
from handos_model.training.stages import tasks
from handos_model.training.stages.pair_graphs import FIND_OUTPUTS, SEE_OUTPUTS, export_pair
from handos_model.training.stages.see_step import SeeStep, presence_term
from handos_model.training.stages.tasks import SeeTask
from handos_model.training.trainer import build_criterion, build_network
from handos_model.training.views import feature_cache
from handos_model.training.views.feature_cache import (
    batch_of,
    cached_batches,
    detection_of,
    fill_cache,
    filled,
)
from handos_model.training.views.seeing_batches import Sources, see_batch
from handos_model.training.views.shares import Shares, Views

DECODER = DecoderSize(d_model=32, d_value=16, heads=2, self_heads=2, feedforward=32, deformable=False)
RECIPE = Recipe(
    stage="see", max_steps=1, detector=DetectorChoice("landmarks"), side_tuning="off", decoder=DECODER, bf16=False
)


BATCH = 16
"""Views that a cache is filled with at a time: fewer than in earnest, which takes minutes."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (tasks, feature_cache):
        monkeypatch.setattr(module, "BATCH", BATCH)


class MadeTask(SeeTask):
    """Stage see on made frames."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.network, self.device, self.sources = recipe, build_network(recipe), torch.device("cpu"), []

    def frames(self, at: float) -> Sources:
        """See ViewTask; like labels that are improved first, it draws random numbers of its own."""
        torch.manual_seed(99)
        return sources()


def made_batch(network: torch.nn.Module, maps: bool = False) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    with torch.no_grad():
        images, targets, presence = see_batch(sources(), Shares().counts(8), np.random.default_rng(0))
        return batch_of(network.detector(images), targets, presence, maps)


def test_see_learns_a_batch_by_heart_and_leaves_its_foundation() -> None:
    network = build_network(RECIPE)
    step = SeeStep(network, build_criterion(RECIPE, torch.device("cpu")))
    batch = made_batch(network)
    totals, frozen = step.totals(batch), {k: v.clone() for k, v in network.detector.state_dict().items()}
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 3e-3)
    losses = []
    for _ in range(25):
        loss, terms = step(batch, totals)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0] and "presence" in terms
    assert all(torch.equal(v, frozen[k]) for k, v in network.detector.state_dict().items())


def test_stage_see_refuses_another_detector_before_it_opens_any_source() -> None:
    network = HandOS(small_detector("rt_detr"), load_template(), DECODER, [16] * 3, "backbone")
    with pytest.raises(ValueError, match="stage see needs the landmark network, got RTDetr: set the recipe's detector"):
        SeeTask(RECIPE, network, torch.device("cpu"))


def test_a_trained_last_stage_starts_as_the_foundation_and_moves_alone() -> None:
    frozen = build_network(RECIPE)
    network = build_network(replace(RECIPE, side_tuning="last_stage"))
    step = SeeStep(network, build_criterion(RECIPE, torch.device("cpu")))
    batch = made_batch(network, maps=True)
    detection = detection_of(batch, network.detector)
    with torch.no_grad():
        tuned = network.tuned(detection)
    assert frozen.tuned(detection) is detection
    assert torch.allclose(tuned.queries, detection.queries, atol=1e-4)
    assert torch.allclose(tuned.seen, detection.seen, atol=1e-4)
    assert torch.allclose(tuned.keypoints, detection.keypoints, atol=1e-3)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    loss, _ = step(batch, step.totals(batch))
    loss.backward()
    torch.optim.SGD([p for p in network.parameters() if p.requires_grad], 1e-3).step()
    moved = {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
    assert any(name.startswith("end.stage.0") for name in moved)
    assert not any(name.startswith("detector.") for name in moved)
    assert all(name in network.trainable_state() for name in moved)


def test_views_without_a_hand_teach_presence_alone() -> None:
    network = build_network(RECIPE)
    step = SeeStep(network, build_criterion(RECIPE, torch.device("cpu")))
    batch = {name: value[-2:] for name, value in made_batch(network).items()}
    assert batch["shows"].sum() == 0
    loss, terms = step(batch, step.totals(batch))
    assert loss.isfinite() and terms["joints_2d"].weight == 0 and terms["presence"].weight > 0


def test_presence_that_is_not_known_does_not_count() -> None:
    term = presence_term(torch.tensor([2.0, -1.0, 5.0]), torch.tensor([1.0, 0.0, -1.0]))
    expected = np.log1p(np.exp(-2.0)) + np.log1p(np.exp(-1.0))
    assert float(term.total) == pytest.approx(expected, rel=1e-5) and term.weight == 2


def test_a_cache_that_was_cut_off_ends_as_one_that_never_was(tmp_path: Path) -> None:
    detector = build_network(RECIPE).detector

    def made(_at: float) -> Sources:
        return sources()

    class Stopped(Exception):
        """As Ctrl-C."""

    seen = 0

    def stopping(images: torch.Tensor):
        nonlocal seen
        seen += 1
        if seen == 2:
            raise Stopped
        return detector(images)

    origin = {"count": 25, "seed": 7, "maps": True, "sources": ["renders"]}
    counts = Views().shares.counts(BATCH)
    fill_cache(tmp_path / "whole", origin, counts, made, detector)
    with pytest.raises(Stopped):
        fill_cache(tmp_path / "cut", origin, counts, made, stopping)
    assert filled(tmp_path / "cut", origin) == 1
    fill_cache(tmp_path / "cut", origin, counts, made, detector)
    for path in (tmp_path / "whole").glob("*.npy"):
        assert np.array_equal(np.load(path), np.load(tmp_path / "cut" / path.name)), path.name
    for other in ({"seed": 8}, {"sources": ["other renders"]}, {"agreement": True}):
        with pytest.raises(ValueError, match=f"with other settings .{next(iter(other))}"):
            fill_cache(tmp_path / "cut", origin | other, counts, made, detector)
    first, again = (next(cached_batches(tmp_path / "whole", 8, [np.random.default_rng(3)])) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_without_a_cache_there_are_no_batches(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no cache"):
        next(cached_batches(tmp_path, 8, [np.random.default_rng(0)]))


def test_other_processes_wait_until_the_first_has_filled_the_cache(tmp_path: Path) -> None:
    recipe = replace(RECIPE, views=Views(cache=str(tmp_path / "cache"), cached=33), batch_size=8, seed=3)
    processes = [MadeTask(recipe) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        second = pool.submit(next, processes[1].stream(0, 1, 2))  # it begins first, and finds nothing
        time.sleep(0.5)
        assert not second.done()
        first = pool.submit(next, processes[0].stream(0, 0, 2))
        halves = [half.result(120) for half in (first, second)]
    alone = processes[2].stream(0, 0, 1)
    for half, batch in zip(halves, (next(alone), next(alone)), strict=True):
        assert all(torch.equal(half[name], batch[name]) for name in batch)
        assert half["points"].abs().amax(dim=(1, 2)).min() > 0  # no row that was not written yet


@pytest.mark.parametrize("cache", ["", "cache"])
def test_a_batch_and_what_is_hidden_in_it_depend_on_the_seed_and_its_number_alone(tmp_path: Path, cache: str) -> None:
    folder = str(tmp_path / cache) if cache else ""
    task = MadeTask(replace(RECIPE, views=Views(cache=folder, cached=16, dropout=0.5), batch_size=8, seed=3))
    whole = task.stream(0, 0, 1)
    next(whole)
    batch, hidden = next(whole), torch.rand(4)
    torch.rand(7)  # whatever happened before a resumed run
    again, hidden_again = next(task.stream(8, 0, 1)), torch.rand(4)
    assert all(torch.equal(batch[name], again[name]) for name in batch) and torch.equal(hidden, hidden_again)


def test_the_pair_of_files_says_what_the_networks_say(tmp_path: Path) -> None:
    network, finder = build_network(replace(RECIPE, views=Views())), HandFinder().eval()
    metadata = {"name": "made", "find_threshold": "0.1", "score_threshold": "0.5"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        find, see = export_pair(network, finder, tmp_path / "made", metadata)
    sessions = [ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (find, see)]
    said = [session.get_modelmeta().custom_metadata_map for session in sessions]
    assert said[0]["pair"] == said[1]["pair"] and said[0]["size"] == "192" and said[1]["score_threshold"] == "0.5"
    view = np.random.default_rng(0).integers(0, 255, (1, 224, 224, 3), np.uint8)
    from_file = dict(zip(SEE_OUTPUTS, sessions[1].run(list(SEE_OUTPUTS), {"view": view}), strict=True))
    with torch.no_grad():
        images = torch.from_numpy(view).permute(0, 3, 1, 2).float() / 255
        hand = network.eval().decode(*network.detect(images), torch.zeros(1, 1, dtype=torch.long))[-1]
    assert np.abs(from_file["joints_2d"] - hand["pred_joints_2d"][0].numpy()).max() < 0.05
    assert np.abs(from_file["vertices"] - hand["pred_vertices"][0].numpy()).max() < 5e-5
    image = np.random.default_rng(1).integers(0, 255, (1, 96, 128, 3), np.uint8)
    scores, views = sessions[0].run(list(FIND_OUTPUTS), {"image": image})
    assert len(scores) == len(views) >= 1 and (np.diff(scores) <= 0).all()


def test_an_older_graph_in_8_bits_does_not_stay_beside_a_new_pair(tmp_path: Path, capsys) -> None:
    """Prediction would refuse it, as it is of another training; its own name stands for the pair as well."""
    for name, network in (("see", build_network(RECIPE)), ("find", HandFinder())):
        state = {key: value.numpy() for key, value in network.trainable_state().items()}
        np.savez(tmp_path / f"{name}.npz", template=network.template, **state)
    recipe = write_recipe(RECIPE, tmp_path / "recipe.yaml")
    old = [tmp_path / f"hands.see.int8.onnx{end}" for end in ("", ".sha256")]
    for path in old:
        path.write_text("old")
    argv = ["export", tmp_path / "see.npz", "--finder", tmp_path / "find.npz", "--recipe", recipe]
    argv += ["--out", tmp_path / "hands"]
    assert f"{old[0]} exists: replace it with --overwrite" in refused(capsys, *argv)
    assert main([str(a) for a in (*argv, "--overwrite")]) == 0 and not any(path.exists() for path in old)
    assert capsys.readouterr().err == ""  # nor do the converter's warnings reach users
    HandPredictor(old[0], device="cpu")
