"""Recipes, batches, targets, and a tiny run on renders that it must learn by heart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handos_model.data.photos import Photos, held_out_backgrounds
from handos_model.data.pool import Pool
from handos_model.data.synthetic.frame import FrameOptions
from handos_model.data.synthetic.pool import write_pool
from handos_model.network.instances import to_pixels
from handos_model.training import losses
from handos_model.training.batches import collate
from handos_model.training.criterion import view_targets
from handos_model.training.recipe import Mixture, Recipe, read_recipe
from handos_model.training.train import Trainer, load_weights, mean_weights

RECIPES = sorted((Path(__file__).parents[1] / "config" / "train").glob("*.yaml"))


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    write_pool(folder, 16, 160, 5, FrameOptions(width=160, height=160, hand_size=(0.4, 0.6), hands=(0.0, 1.0, 0.0)), 1)
    return folder


def tiny(pool):
    mixture = Mixture(pool=str(pool), share_photos=0, share_backgrounds=0, share_renders=1)
    return replace(Recipe(), batch_size=16, warmup_steps=5, learning_rate=3e-3, workers=0, bf16=False, mixture=mixture)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_published_recipes_are_valid(path):
    assert read_recipe(path).name == path.stem


@pytest.mark.parametrize(
    "text, message",
    [
        ("learning_rat: 1.0", "unknown key 'learning_rat'.*learning_rate"),
        ("batch_size: many", "batch_size is 'many', expected int"),
        ("decoder: 3", "decoder is 3, expected a mapping"),
        ("decoder: {layers: 2}", "decoder: unknown key 'layers'"),
        ("[1, 2]", "holds list"),
        ("a: [", "is not YAML"),
    ],
)
def test_wrong_recipes_are_refused(tmp_path, text, message):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_recipe(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recipe at"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(FileNotFoundError, match="handos render"):
        Pool(tmp_path)
    with pytest.raises(FileNotFoundError, match="labels.json.gz"):
        Photos.load(tmp_path, "hand", "train")
    with pytest.raises(FileNotFoundError, match="no weights at"):
        load_weights(tmp_path / "none.pt")


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


def test_a_tiny_run_overfits_sixteen_renders(pool, tmp_path):
    trainer = Trainer(tiny(pool), tmp_path)
    batch = collate([Pool(pool)[i] for i in range(16)])
    torch.manual_seed(0)
    first = trainer.learn(batch)
    for _ in range(80):
        last = trainer.learn(batch)
    assert last["joints_2d"] < 0.4 * first["joints_2d"]
    assert last["vertices"] < 0.6 * first["vertices"]
    assert np.isfinite(last["loss"])


def test_a_run_that_was_stopped_goes_on_where_it_was(pool, tmp_path):
    recipe = replace(tiny(pool), batch_size=2, max_steps=2)
    first = Trainer(recipe, tmp_path)
    first.run()
    second = Trainer(recipe, tmp_path)
    assert second.step == 2
    for name, value in first.network.trainable_state().items():
        assert torch.equal(value, second.network.trainable_state()[name]), name


def test_mean_of_checkpoints():
    runs = [{"a": torch.tensor(a), "n": torch.tensor(n)} for a, n in (([1.0, 2.0], 3), ([3.0, 6.0], 5))]
    mean = mean_weights(runs)
    assert mean["a"].tolist() == [2.0, 4.0] and float(mean["n"]) == 4
    assert mean_weights(runs[:1])["a"].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="different networks: b"):
        mean_weights([runs[0], runs[0] | {"b": torch.zeros(1)}])
