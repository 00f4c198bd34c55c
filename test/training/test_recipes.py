"""The published recipes: the paper's schedule, losses and sizes, and the rows of its tables."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_detectors import small_detector

from handos_model.data.registry import DATASETS
from handos_model.evaluation.renders import as_sample
from handos_model.network.handos import HandOS
from handos_model.synthetic.hand_render import render_hands
from handos_model.synthetic.render_options import RenderOptions
from handos_model.template.load import load_template
from handos_model.training.batches import collate
from handos_model.training.objective.criterion import LossWeights
from handos_model.training.recipe import read_recipe
from handos_model.training.step import TrainingStep
from handos_model.training.trainer import build_criterion, leaves_some_unused

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def batch():
    options = RenderOptions(width=160, height=160, hand_size=(0.4, 0.6), hands=(0.0, 0.0, 1.0))
    return collate([as_sample(render_hands(np.random.default_rng(5), options))])


RECIPES = {path.stem: path for path in sorted((ROOT / "config" / "train").glob("*.yaml"))}
OF_THE_PAPER = [name for name in RECIPES if name.startswith(("paper", "table"))]
FULL_LOSSES = {
    "joints_2d": 10, "oks_2d": 4, "vertices": 10, "joints_3d": 10, "normal": 5, "edge": 10, "projected": 10,
    "oks_projected": 4, "normal_consistency": 0.5,
}  # fmt: skip


def recipe(name):
    return read_recipe(RECIPES[name])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_valid_and_named_like_its_file(name):
    read = recipe(name)
    read.check_run()
    assert read.name == name
    for share in read.mixture.datasets:
        assert share.split in DATASETS[share.name].splits


@pytest.mark.parametrize("name", OF_THE_PAPER)
def test_the_papers_schedule_and_sizes(name):
    read = recipe(name)
    assert (read.learning_rate, read.weight_decay, read.epochs, read.epochs * read.decay_from) == (0.001, 0, 40, 25)
    assert read.batch_size * read.accumulate * 8 == 16
    assert read.augmentation.canvas == 1280
    size = read.decoder
    assert (size.layers_2d, size.layers_3d, size.d_model, size.d_value) == (2, 4, 256, 256)
    assert size.vertex_queries and size.shared_heads and size.own_values
    kind = "deformable_detr" if name.startswith("table9") else "grounding_dino"
    assert read.detector.kind == kind and len(read.side_widths) == 4
    assert (read.stage == "2d") == ("_2d" in name or name.startswith("table6"))


@pytest.mark.parametrize("name", OF_THE_PAPER)
def test_a_model_of_the_hub_is_named_with_its_commit(name):
    source = recipe(name).detector.source
    assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}|detectors/\w+", source)


@pytest.mark.parametrize("name", [name for name in OF_THE_PAPER if recipe(name).stage == "full"])
def test_a_stage_2_starts_from_a_stage_1_of_the_same_losses_and_detector(name):
    read = recipe(name)
    start = Path(read.start_from)
    assert start.parts[0] == "runs" and start.name == "checkpoint.pt"
    first = recipe(start.parent.name)
    assert first.stage == "2d" and first.name == start.parent.name and first.detector == read.detector
    assert first.weights.oks_2d == read.weights.oks_2d  # Table VIII leaves it out, or not, in both


def test_the_paper_flips_where_it_says_so():
    """Section 4.2 flips FreiHAND, which has right hands only; HO-3D and DexYCB are trained on as they are."""
    flips = {name: recipe(name).augmentation.flip for name in OF_THE_PAPER}
    assert flips["paper_freihand"] == flips["paper_ho3d"] == flips["paper_dexycb"] == 0
    assert flips["paper_freihand_both"] == flips["paper_hint"] == 0.5


@pytest.mark.parametrize(("name", "thousands"), [("paper_2d", 74), ("paper_hint", 204), ("paper_more_data", 922)])
def test_a_recipe_says_how_many_images_its_sets_hold(name, thousands):
    """Counts of docs/datasets.md; 204 K, the paper's count, includes FreiHAND, which stage 1 does not see."""
    table = (ROOT / "docs" / "datasets.md").read_text().partition("| training pictures |")[2]
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", table, re.MULTILINE)
    counts = {name: int(count.replace(",", "")) for name, count in rows}
    shares = [share.name for share in recipe(name).mixture.datasets]
    assert set(counts) == set(DATASETS) and round(sum(counts[share] for share in shares) / 1000) == thousands
    comment = RECIPES[name].read_text().partition(f"name: {name}")[0]
    assert re.findall(r"\d+ K", comment) == [f"{thousands} K"]


def test_the_nine_losses_have_the_papers_weights():
    weights = recipe("paper_freihand").weights
    assert {name: getattr(weights, name) for name in FULL_LOSSES} == FULL_LOSSES
    ours = {"side", "volume", "finder_score", "finder_view"}
    assert all(getattr(weights, name) == 0 for name in ours)


@pytest.mark.parametrize(
    "name, base, path, value",
    [
        ("table6_unified_query", "paper_2d", "decoder.unified_query", True),
        ("table6_memory_4", "paper_2d", "detector.memory_layer", 4),
        ("table6_scratch", "paper_2d", "side_tuning", "scratch"),
        ("table6_no_side_tuning", "paper_2d", "side_tuning", "off"),
        ("table7_a_separate", "paper_hint", "decoder.mask", "separate"),
        ("table7_b_one_way", "paper_hint", "decoder.mask", "one_way"),
        ("table7_d_full", "paper_hint", "decoder.mask", "full"),
    ],
)
def test_a_row_of_table_6_or_7_changes_one_thing(name, base, path, value):
    *parts, last = path.split(".")
    changed = recipe(base)
    part = getattr(changed, parts[0]) if parts else changed
    changed = replace(changed, **({parts[0]: replace(part, **{last: value})} if parts else {last: value}))
    assert recipe(name) == replace(changed, name=name)
    assert recipe("paper_hint").decoder.mask == "hierarchical"  # Table 7, row (c)


@pytest.mark.parametrize(
    "name, without",
    [
        ("table8_no_oks", {"oks_2d", "oks_projected"}),
        ("table8_no_consistency", {"oks_2d", "oks_projected", "normal_consistency"}),
        ("table8_no_shape", {"oks_2d", "oks_projected", "normal_consistency", "normal", "edge"}),
    ],
)
def test_a_row_of_table_8_leaves_losses_out(name, without):
    full = recipe("paper_hint").weights
    assert recipe(name).weights == replace(full, **dict.fromkeys(without, 0.0))


@pytest.mark.parametrize("name", [name for name in OF_THE_PAPER if not name.startswith(("table8", "paper_ho3d"))])
def test_a_recipes_network_takes_a_step(name, batch):
    """On a small random detector and the embedded template, the decoder narrow, two hands in an image of 160 px."""
    read = recipe(name)
    read = replace(read, template="", decoder=replace(read.decoder, d_model=32, d_value=32, feedforward=32))
    torch.manual_seed(0)
    layer = read.detector.memory_layer and 2
    detector = small_detector(read.detector.kind, layer or None)
    widths = [16] * len(read.side_widths)
    network = HandOS(detector, load_template(), read.decoder, widths, read.side_tuning)
    step = TrainingStep(network, build_criterion(read, torch.device("cpu")), read)
    step.assign = lambda batch, candidates: (torch.tensor([[0, 1]]), torch.tensor([[0, 1]]))
    loss, terms = step(batch, step.totals(batch))
    loss.backward()
    assert loss.isfinite() and ("vertices" in terms) == (read.stage == "full")
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.decoder.layers[-1].parameters())
    assert all(p.grad is None for p in network.detector.parameters())
    trained = [name for name, p in network.named_parameters() if p.requires_grad]
    unused = [name for name in trained if network.get_parameter(name).grad is None]
    assert bool(unused) == leaves_some_unused(read)


def test_a_batch_without_hands_leaves_no_parameter_without_a_gradient(batch):
    """So that processes whose images show none need not be looked at one by one."""
    read = recipe("paper_freihand")
    read = replace(read, decoder=replace(read.decoder, d_model=32, d_value=32, feedforward=32))
    network = HandOS(small_detector("grounding_dino"), load_template(), read.decoder, [16] * 4, "backbone")
    step = TrainingStep(network, build_criterion(replace(read, template=""), torch.device("cpu")), read)
    none = batch | {"count": torch.zeros_like(batch["count"])}
    loss, _ = step(none, step.totals(none))
    loss.backward()
    assert loss == 0
    assert all(p.grad is not None and not p.grad.any() for p in network.parameters() if p.requires_grad)


def test_the_docs_list_the_papers_recipes():
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "training.md").read_text(), re.MULTILINE)
    assert sorted(listed) == OF_THE_PAPER


def test_defaults_are_the_papers_weights_too():
    assert {name: getattr(LossWeights(), name) for name in FULL_LOSSES} == FULL_LOSSES
