"""The exported graph is the trained network."""

import json

import numpy as np
import pytest
import torch
from small_run import small_recipe

from handos_model.prediction.letterbox import letterbox
from handos_model.prediction.session import OUTPUTS, HandSession
from handos_model.synthetic.hand_render import render_hands
from handos_model.synthetic.render_options import RenderOptions
from handos_model.training.onnx_graph import Graph, Suppress, export
from handos_model.training.trainer import build_network
from handos_model.training.weights import load_weights

RECIPE = small_recipe()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    network = build_network(RECIPE)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():  # zero-initialised layers would hide errors
        if parameter.requires_grad:
            parameter.data += 0.02 * torch.randn(parameter.shape, generator=generator)
    path = tmp_path_factory.mktemp("export") / "hands.onnx"
    export(network, path, {"name": "handos_small", "score_threshold": "0.3"})
    return Graph(network).eval(), path


@pytest.mark.parametrize("size", [160, 192, 256])
def test_onnx_says_what_torch_says(exported, size):
    graph, path = exported
    session = HandSession(path, "cpu")
    decoded = 0
    for seed in range(7):
        options = RenderOptions(width=320, height=240, hand_size=(0.3, 0.6), hands=(0.0, 0.5, 0.5))
        image, _ = letterbox(render_hands(np.random.default_rng(seed), options).image, size)
        with torch.no_grad():
            expected = dict(zip(OUTPUTS, graph(torch.from_numpy(image)[None]), strict=True))
        found = session.run(image)
        assert np.abs(found["joints_2d"] - expected["joints_2d"].numpy()).max() < 0.05
        assert np.abs(found["vertices"] - expected["vertices"].numpy()).max() < 5e-5
        assert np.abs(found["scores"] - expected["scores"].numpy()).max() < 1e-3
        decoded += len(found["scores"])
    assert decoded >= 7


def test_where_nothing_scores_enough_there_is_no_hand(tmp_path):
    network = build_network(RECIPE)
    network.detector.min_score = 0.9  # random weights are never so sure
    export(network, tmp_path / "hands.onnx", {"score_threshold": "0.9"})
    found = HandSession(tmp_path / "hands.onnx", "cpu").run(np.zeros((96, 128, 3), np.uint8))
    assert found["vertices"].shape == (1, 778, 3) and found["scores"].tolist() == [0]


def test_suppression_keeps_the_best_of_what_overlaps():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60], [80, 80, 90, 90]])
    assert Suppress.apply(boxes, torch.tensor([0.5, 0.9, 0.3, 0.05]), 0.1, 0.5, 12).tolist() == [1, 2]
    assert Suppress.apply(boxes, torch.zeros(4), 0.1, 0.5, 12).tolist() == []
    many = torch.arange(40.0)[:, None] * 20 + torch.tensor([[0.0, 0, 10, 10]])
    assert len(Suppress.apply(many, torch.ones(40), 0.1, 0.5, 12)) == 12


def test_every_candidate_above_the_minimum_score_is_decoded_up_to_the_maximum_number():
    boxes = torch.tensor([[0.0, 0, 100, 100]]).repeat(40, 1) + 3 * torch.arange(40.0)[:, None]
    assert len(Suppress.apply(boxes, torch.full((40,), 0.5), 0.1, 0.9, 100)) == 40
    assert len(Suppress.apply(boxes, torch.full((40,), 0.5), 0.1, 0.9, 12)) == 12


def test_an_image_that_the_network_cannot_take_is_one_sentence(exported):
    with pytest.raises(ValueError, match="fails on an image of 47x33 px; it may need a larger size"):
        HandSession(exported[1], "cpu").run(np.zeros((33, 47, 3), np.uint8))


def test_training_can_go_on_from_the_weights_beside_it(exported):
    graph, path = exported
    weights = load_weights(path.with_suffix(".npz"))
    trained = graph.network.trainable_state()
    assert weights.keys() == trained.keys()
    assert all(torch.allclose(weights[name], trained[name].float(), atol=2e-3, rtol=1e-3) for name in trained)
    build_network(RECIPE).load_trainable_state(weights)


def test_the_file_says_what_it_is(exported):
    metadata = HandSession(exported[1], "cpu").metadata
    assert metadata["name"] == "handos_small" and metadata["size"] == "1280"
    assert len(json.dumps(metadata)) > 0
    digest = exported[1].with_name("hands.onnx.sha256").read_text().split()
    assert digest[1] == "hands.onnx" and len(digest[0]) == 64
