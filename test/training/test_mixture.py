"""Sources of a run's samples, and how often each is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from small_run import PX, Uneven, small_recipe, write_small_pool

from handos_model.data.photos import Photos
from handos_model.data.registry import DATASETS
from handos_model.data.sample import labelled_3d, without_hands
from handos_model.template.embedded import EMBEDDED_NAME
from handos_model.template.load import load_template
from handos_model.training.batches import Mix, Source, weigh_sources, with_tips
from handos_model.training.recipe import DatasetShare, Mixture


class Grey:
    """Hand-free images of one grey: 3 in split "dark", 5 in "light", none in "empty"."""

    def __init__(self, root, split, mano):
        self.value, self.count = {"dark": (10, 3), "light": (200, 5), "empty": (0, 0)}[split]
        self.mano = mano

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return without_hands(np.full((PX, PX, 3), self.value, np.uint8))


@pytest.fixture(autouse=True)
def datasets(monkeypatch):
    monkeypatch.setitem(DATASETS, "grey", Grey)
    monkeypatch.setitem(DATASETS, "uneven", Uneven)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    return write_small_pool(tmp_path_factory.mktemp("pool"), 6)


def mix(template=EMBEDDED_NAME, **mixture):
    return Mix(small_recipe(mixture=Mixture(**mixture)), replace(load_template(), name=template))


def grey(root, split, weight=1.0):
    return DatasetShare("grey", str(root), split, weight=weight)


def test_data_sets_are_drawn_by_weight(tmp_path):
    drawn = mix(datasets=(grey(tmp_path, "dark", 3.0), grey(tmp_path, "light", 1.0)))
    assert drawn.images == 8
    dark = [drawn.draw(np.random.default_rng(number)).image[0, 0, 0] == 10 for number in range(400)]
    assert abs(np.mean(dark) - 0.75) < 0.07  # three standard deviations


def test_by_images_data_sets_are_drawn_as_if_they_were_one(tmp_path):
    drawn = mix(datasets=(grey(tmp_path, "dark", 5.0), grey(tmp_path, "light", 1.0)), by_images=True)
    assert drawn.shares.tolist() == pytest.approx([15 / 20, 5 / 20])


def test_shares_of_renders_and_weights_of_data_sets_add_up(pool, tmp_path):
    drawn = mix(pool=str(pool), share_renders=1.0, datasets=(grey(tmp_path, "light", 3.0),))
    assert drawn.images == 6 + 5
    renders = [len(drawn.draw(np.random.default_rng(number)).side) > 0 for number in range(400)]
    assert abs(np.mean(renders) - 0.25) < 0.07


def test_vertices_of_another_template_are_not_learned(pool):
    share = DatasetShare("uneven", str(pool), "training")

    def labelled(template):
        drawn = mix(template, datasets=(share,))
        samples = [drawn[number][0] for number in range(12)]
        return [np.concatenate([getattr(s, name) for s in samples]).any() for name in ("has_3d", "has_vertices")]

    assert labelled(EMBEDDED_NAME) == [True, True]
    assert labelled("mano") == [True, False]


def test_fingertips_of_labelled_meshes_are_the_templates():
    """One of two hands has a mesh: its joints become what the network's regressor makes of it, seen by its camera."""
    template, K = load_template(), np.array([[300.0, 0, 60], [0, 310, 50], [0, 0, 1]], np.float32)
    vertices = (template.vertices + np.float32([0, 0, 0.6]))[None].repeat(2, 0)
    joints = (template.joints + np.float32([0, 0, 0.6]))[None].repeat(2, 0)
    other = joints.copy()
    other[:, [4, 8, 12, 16, 20]] += 0.004
    image = np.zeros((96, 128, 3), np.uint8)
    sample = labelled_3d(image, K, other, vertices, np.array([1, 1]), True, tips=(1, 2, 3, 4, 5))
    sample.has_vertices[1] = False
    done = with_tips(sample, template.joint_regressor[[4, 8, 12, 16, 20]])
    np.testing.assert_allclose(done.joints_3d[0], joints[0], atol=1e-6)
    pixels = done.joints_3d[0] @ K.T
    np.testing.assert_allclose(done.joints_2d[0, :, :2], pixels[:, :2] / pixels[:, 2:], atol=1e-3)
    assert np.array_equal(done.joints_3d[1], other[1]) and np.array_equal(done.joints_2d[1], sample.joints_2d[1])


def test_the_mano_folder_reaches_the_data_set(tmp_path):
    share = grey(tmp_path, "dark")
    assert mix(datasets=(share,)).sources[0].samples.mano is None
    assert mix(datasets=(replace(share, mano=str(tmp_path)),)).sources[0].samples.mano == tmp_path


def test_mixtures_that_make_no_sense_are_refused(pool, tmp_path):
    for wrong, message in (
        ({}, "mixture of the recipe is empty"),
        ({"pool": str(pool)}, "mixture of the recipe is empty"),
        ({"datasets": (grey(tmp_path, "dark", 0.0),)}, "mixture of the recipe is empty"),
        ({"datasets": (grey(tmp_path, "dark", -1.0),)}, "gives grey a share of -1.0"),
        ({"datasets": (grey(tmp_path, "empty"),)}, "grey in .* contains no images"),
        ({"datasets": (DatasetShare("nothing", str(tmp_path), "train"),)}, "unknown data set 'nothing': known are"),
        ({"share_photos": 1.0}, "gives photos a share of 1.0 but no folder"),
    ):
        with pytest.raises(ValueError, match=message):
            mix(**wrong)
    with pytest.raises(FileNotFoundError, match="no folder .*none: give the folder of grey"):
        mix(datasets=(grey(tmp_path / "none", "dark"),))


def test_photos_are_weighed_by_their_source():
    photos = [{"source": "a"}, {"source": "b"}, {"source": "b"}]

    source = Source("photos", 1.0, None, Photos(None, photos))
    assert weigh_sources(source, {"b": 0.25}).weights.tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    for wrong in ({"a": -1.0}, {"a": 0.0, "b": 0.0}):
        with pytest.raises(ValueError, match="source_weights are"):
            weigh_sources(source, wrong)
