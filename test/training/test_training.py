"""Recipes, batches, targets, and a tiny run on renders that it must learn by heart."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from accelerate.state import AcceleratorState
from predicted import contents
from small_disk import small_disk
from small_run import of_renders, of_uneven, small_recipe, write_recipe

import handos_model
from handos_model.cli import main
from handos_model.data.photos import Photos, held_out_backgrounds
from handos_model.data.pool import Pool
from handos_model.data.sample import without_hands
from handos_model.network.decoder import DecoderSize
from handos_model.network.instances import to_pixels
from handos_model.training.batches import collate
from handos_model.training.objective import losses
from handos_model.training.objective.criterion import view_targets
from handos_model.training.objective.term import Term, label_totals, weigh, weighted
from handos_model.training.recipe import DatasetShare, Mixture, read_recipe
from handos_model.training.trainer import Trainer, build_network
from handos_model.training.weights import load_weights, mean_weights, read_checkpoint, start_from

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "text, message",
    [
        ("learning_rat: 1.0", "unknown key 'learning_rat'.*learning_rate"),
        ("batch_size: many", "batch_size is 'many', expected int"),
        ("decoder: 3", "decoder is 3, expected a mapping"),
        ("decoder: {layers: 2}", "decoder: unknown key 'layers'"),
        ("[1, 2]", "holds list"),
        ("a: [", "cannot be read"),
        ("learning_rate: .nan", "learning_rate is nan, expected float"),
        ("side_widths: 3", "side_widths is 3, expected a list"),
        ("mixture: {datasets: {name: freihand}}", "datasets is {'name': 'freihand'}, expected a list"),
        ("mixture: {datasets: [freihand]}", r"datasets\[0\] is 'freihand', expected a mapping"),
        ("mixture: {datasets: [{name: freihand, split: training}]}", r"datasets\[0\]: there is no root"),
        ("mixture: {datasets: [{name: a, root: b, split: c, wait: 1}]}", r"datasets\[0\]: unknown key 'wait'"),
        ("mixture: {datasets: [{name: a, root: b, split: c, weight: much}]}", "weight is 'much', expected float"),
    ],
)
def test_wrong_recipes_are_refused(tmp_path, text, message):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_recipe(path)


def test_a_recipe_survives_its_file(tmp_path):
    share = DatasetShare("freihand", "data/freihand", "training", "data/mano", 2.0)
    mixture = Mixture(photos="p", share_photos=0.5, datasets=(share,), source_weights={"a": 0.25})
    recipe = small_recipe(mixture=mixture, minutes=0.0, epochs=1.5, max_steps=0)
    assert read_recipe(write_recipe(recipe, tmp_path / "recipe.yaml")) == recipe


def test_a_run_has_one_length():
    for wrong in ({"max_steps": 0}, {"minutes": 1.0}, {"epochs": 2.0, "max_steps": 5}, {"max_steps": -1}):
        with pytest.raises(ValueError, match="a run needs one length.*max_steps"):
            small_recipe(**wrong).check_run()
    with pytest.raises(ValueError, match="accumulate is 0, must be a whole number of 1 or more"):
        small_recipe(accumulate=0).check_run()
    with pytest.raises(ValueError, match="decay_from is 25"):
        small_recipe(decay_from=25.0).check_run()


def test_the_rate_rises_stays_and_falls_to_zero(pool, tmp_path):
    trainer = Trainer(small_recipe(mixture=of_renders(pool), max_steps=0, epochs=4.0, decay_from=0.5), tmp_path)
    rates = {}
    for trainer.step, trainer.samples in ((0, 0), (2, 8), (6, 24), (9, 36), (12, 48)):  # 12 images: 48 samples
        rates[trainer.samples] = trainer.rate() / 1e-3
    assert rates == pytest.approx({0: 0.5, 8: 1, 24: 1, 36: 0.5, 48: 0})


def test_a_recipe_takes_over_what_another_says(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text("name: base\nseed: 3\ndecoder: {mask: full, d_model: 64}\nside_widths: [1, 2, 3]")
    (tmp_path / "own.yaml").write_text("name: own\nextends: base.yaml\ndecoder: {mask: separate}\nside_widths: [4]")
    recipe = read_recipe(tmp_path / "own.yaml")
    assert (recipe.name, recipe.seed, recipe.decoder.mask, recipe.decoder.d_model) == ("own", 3, "separate", 64)
    assert recipe.side_widths == (4,)
    base.write_text("extends: own.yaml")
    with pytest.raises(ValueError, match="own.yaml extends itself"):
        read_recipe(tmp_path / "own.yaml")
    for other in ("['own.yaml']", "'/own.yaml'", "'folder/own.yaml'", "''"):
        base.write_text(f"extends: {other}")
        with pytest.raises(ValueError, match=f"extends is {re.escape(other)}, expected the name"):
            read_recipe(tmp_path / "own.yaml")
    with pytest.raises(FileNotFoundError, match="there is no recipe .*none.yaml"):
        (tmp_path / "own.yaml").write_text("extends: none.yaml")
        read_recipe(tmp_path / "own.yaml")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no recipe"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(FileNotFoundError, match="handos render"):
        Pool(tmp_path)
    with pytest.raises(FileNotFoundError, match="labels.json.gz"):
        Photos.load(tmp_path, "hand", "train")
    with pytest.raises(FileNotFoundError, match="there is no file of trained weights"):
        load_weights(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("labels.npz", b"PK damaged", "labels.npz is damaged or not an .npz of plain arrays"),
        ("labels.npz", None, "labels.npz holds no count, K, "),
        ("images.npy", b"", "images.npy is damaged"),
    ],
)
def test_a_damaged_pool_is_one_sentence(tmp_path, name, content, says):
    np.save(tmp_path / "images.npy", np.zeros((1, 4, 4, 3), np.uint8))
    np.savez(tmp_path / "labels.npz", side=np.zeros((1, 2)))
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(says)):
        Pool(tmp_path)


def test_held_out_backgrounds_are_two_hundred():
    assert len(held_out_backgrounds()) == 200


def test_view_targets_project_onto_the_labels(pool):
    batch = collate([Pool(pool)[i] for i in range(4)])
    rows, owners = torch.arange(4), torch.zeros(4, dtype=torch.long)
    centre = batch["joints_2d"][:, 0, :, :2].mean(1)
    views = torch.cat([centre, torch.full((4, 1), 120.0), torch.linspace(-3, 3, 4)[:, None]], 1)
    size = 0.45
    target = view_targets(batch, rows, owners, views, size)
    assert torch.allclose(to_pixels(target.joints, views), batch["joints_2d"][:, 0, :, :2], atol=1e-3)
    # The true translation, seen by the normalised camera, puts the joints where the rays say.
    joints = target.joints_3d
    lhs = torch.zeros(4, 42, 3)
    lhs[:, :21, 0] = lhs[:, 21:, 1] = 1
    uv = target.rays / target.focal[:, None, None]
    lhs[:, :21, 2], lhs[:, 21:, 2] = -uv[..., 0], -uv[..., 1]
    rhs = torch.cat([uv[..., 0] * joints[..., 2] - joints[..., 0], uv[..., 1] * joints[..., 2] - joints[..., 1]], 1)
    t = torch.linalg.lstsq(lhs, rhs[..., None]).solution[..., 0]
    width = t[:, 2] / target.focal
    seen = losses.project(joints, torch.stack([t[:, 0], t[:, 1], width], 1), target.focal)
    assert torch.allclose(seen, target.rays, atol=1e-3)


def test_a_tiny_run_overfits_four_renders_and_leaves_the_detector_alone(pool, tmp_path):
    recipe = small_recipe(mixture=of_renders(pool), learning_rate=3e-3, max_steps=100)
    trainer = Trainer(
        replace(recipe, decoder=DecoderSize(d_model=64, d_value=64, feedforward=64, layers_2d=2)), tmp_path
    )
    batch = collate([Pool(pool)[i] for i in range(4)])
    before = {name: value.clone() for name, value in trainer.network.detector.state_dict().items()}
    first = trainer.learn(batch)
    for _ in range(80):
        last = trainer.learn(batch)
    assert last["joints_2d"] < 0.4 * first["joints_2d"]
    assert last["vertices"] < 0.6 * first["vertices"]
    assert np.isfinite(last["loss"])
    after = trainer.network.detector.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.items())


def test_bfloat16_learns_and_a_batch_without_hands_does_not_hurt(pool, tmp_path):
    AcceleratorState._reset_state(True)  # a process has one precision for life
    trainer = Trainer(small_recipe(mixture=of_uneven(pool), bf16=True), tmp_path)
    samples = [trainer.task.sources[0].samples[i] for i in range(3)]
    both = trainer.learn(collate(samples))
    none = trainer.learn(collate([samples[2]]))
    AcceleratorState._reset_state(True)
    assert both["hands"] >= 1 and none["hands"] == 0
    assert np.isfinite(both["loss"]) and none["joints_2d"] == none["loss"] == 0


def test_the_command_leaves_a_folder_that_says_all(pool, tmp_path, capsys):
    recipe = small_recipe(mixture=of_renders(pool), max_steps=2)
    path, out = write_recipe(recipe, tmp_path / "given.yaml"), tmp_path / "run"
    assert main(["train", str(path), "--out", str(out)]) == 0
    assert main(["train", str(path), "--out", str(out)]) == 0  # there is nothing left to do
    assert read_recipe(out / "recipe.yaml") == recipe
    first, second = map(json.loads, (out / "starts.jsonl").read_text().splitlines())
    assert (first["step"], second["step"]) == (0, 2)
    assert first["handos"] == handos_model.__version__ and first["packages"]["torch"] == torch.__version__
    assert first["sources"][0]["images"] == 12 and len(first["sources"][0]["labels"]["labels.npz"]) == 64
    assert first["recipe"] == yaml.safe_load((out / "recipe.yaml").read_text())
    assert list((out / "log").glob("events*")) and not list(out.glob("checkpoint.part*"))
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    assert state["samples"] == 8 and load_weights(out / "checkpoint.pt").keys() == state["averaged"].keys()
    build_network(recipe).load_trainable_state(state["averaged"])
    assert main(["train", str(write_recipe(replace(recipe, max_steps=0), path)), "--out", str(out)]) == 2
    assert "a run needs one length" in capsys.readouterr().err


def test_a_recipe_in_the_runs_own_folder_keeps_its_comments(pool, tmp_path, capsys):
    recipe = write_recipe(small_recipe(mixture=of_renders(pool), max_steps=1), tmp_path / "recipe.yaml")
    recipe.write_text("# mine\n" + recipe.read_text())
    (tmp_path / "own.yaml").write_text("extends: recipe.yaml\n")
    before = recipe.read_bytes()
    for given in (recipe, tmp_path / "own.yaml"):
        assert main(["train", str(given), "--out", str(tmp_path)]) == 2
        assert f"{recipe} is an input, which the run would replace" in capsys.readouterr().err
        assert recipe.read_bytes() == before
    assert main(["train", str(recipe), "--out", str(tmp_path / "run")]) == 0
    whole = tmp_path / "run" / "recipe.yaml"
    before = whole.read_bytes()
    assert main(["train", str(whole), "--out", str(whole.parent)]) == 0 and whole.read_bytes() == before


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(pool, tmp_path):
    trainer = Trainer(small_recipe(mixture=of_renders(pool)), tmp_path)
    trainer.save()
    before = contents(tmp_path)
    with small_disk(10_000), pytest.raises(OSError, match="cannot write .*checkpoint.pt: File too large"):
        trainer.save()
    assert contents(tmp_path) == before


def test_the_second_stage_starts_from_the_first(pool, tmp_path):
    first = small_recipe(mixture=of_renders(pool), stage="2d", max_steps=2)
    first = replace(first, decoder=replace(first.decoder, layers_2d=2, layers_3d=0, points_3d=4))
    (tmp_path / "first").mkdir()
    Trainer(first, tmp_path / "first").run()
    given = tmp_path / "first" / "checkpoint.pt"
    averaged = load_weights(given)
    network = build_network(replace(first, decoder=replace(first.decoder, layers_2d=1, layers_3d=1)))
    told = start_from(network, given)
    own = network.trainable_state()
    assert told == f"{len(averaged)} of {len(own)} weights are from {given}; new: decoder.heads.1"
    assert all(torch.equal(own[name], value) for name, value in averaged.items())
    torch.save(read_checkpoint(given) | {"averaged": {"other.weight": torch.zeros(2)}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="none of the 1 weights in .*other.pt fits"):
        start_from(network, tmp_path / "other.pt")


def test_what_belongs_to_another_templates_vertices_starts_anew(tmp_path):
    network = build_network(small_recipe())
    other = {name: value + 1 for name, value in network.trainable_state().items()}
    before = {name: value.clone() for name, value in network.trainable_state().items()}
    state = {"network": other, "averaged": other, "optimizer": {}, "step": 1, "seconds": 1.0}
    state |= {"samples": 4, "template": "mano"}
    torch.save(state, tmp_path / "checkpoint.pt")
    told = start_from(network, tmp_path / "checkpoint.pt")
    after = network.trainable_state()
    anew = {name for name in after if torch.equal(after[name], before[name])}
    expected = {"decoder.lifting", "decoder.rest_vertices", "decoder.vertex_box"}
    assert expected < anew and all("lifted_reference" in n or "vertices" in n for n in anew - expected)
    assert torch.equal(after["decoder.joint_embedding"], other["decoder.joint_embedding"])
    assert "new: " in told


def test_every_hand_of_a_crowd_is_in_the_batch(pool):
    one = Pool(pool)[0]
    hands = ("joints_2d", "joints_3d", "vertices", "side", "has_3d", "has_vertices", "ignore")
    crowd = replace(one, **{name: np.repeat(getattr(one, name), 7, axis=0) for name in hands})
    batch = collate([one, crowd])
    assert batch["count"].tolist() == [1, 7] and batch["joints_2d"].shape == (2, 7, 21, 3)
    assert collate([without_hands(one.image)])["count"].tolist() == [0]


def test_a_term_per_label_of_the_whole_batch_by_hand():
    term = weighted(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 0.0, 0.5]))
    assert (float(term.total), float(term.weight), float(term.mean)) == (3.0, 1.5, 2.0)
    assert float(Term(torch.zeros(()), torch.zeros(())).mean) == 0
    batch = {
        "count": torch.tensor([2, 1, 0]),
        "side": torch.tensor([[1, 0], [-1, -1], [-1, -1]]),
        "has_3d": torch.tensor([[True, True], [True, False], [True, True]]),
        "has_vertices": torch.tensor([[True, False], [False, False], [False, False]]),
    }
    totals = label_totals(batch, slots=1)  # of the first image's two hands one is decoded: each counts a half
    assert {k: float(v) for k, v in totals.items()} == {"hands": 2, "sides": 1, "joints_3d": 2, "vertices": 0.5}
    weights = type("Weights", (), {"joints_2d": 10.0, "edge": 3.0})
    terms = {"joints_2d": term, "edge": Term(torch.tensor(1.0), torch.tensor(1.0))}
    assert float(weigh(terms, totals, weights)) == 10 * 3 / 2 + 3 * 1 / 0.5


def test_mean_of_checkpoints():
    runs = [{"a": torch.tensor(a), "n": torch.tensor(n)} for a, n in (([1.0, 2.0], 3), ([3.0, 6.0], 5))]
    mean = mean_weights(runs)
    assert mean["a"].tolist() == [2.0, 4.0] and float(mean["n"]) == 4
    assert mean_weights(runs[:1])["a"].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="different networks: b"):
        mean_weights([runs[0], runs[0] | {"b": torch.zeros(1)}])
