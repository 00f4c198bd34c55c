"""Every detector under the paper's decoder: shapes, frozenness, and an ONNX graph that says what torch says."""

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from small_detectors import MODELS, small_detector

from handos_model.network import side_tuning
from handos_model.network.decoder import DecoderSize
from handos_model.network.detectors.detector import detect_each
from handos_model.network.detectors.landmark_detector import LandmarkDetector
from handos_model.network.handos import Chosen, HandOS
from handos_model.network.instances import HAND_BOX_PER_VIEW
from handos_model.network.side_tuning import SIDE_NETWORKS, SideTuning
from handos_model.prediction.letterbox import letterbox
from handos_model.prediction.predictor import HandPredictor
from handos_model.prediction.session import OUTPUTS, HandSession
from handos_model.synthetic.hand_render import render_hands
from handos_model.synthetic.render_options import RenderOptions
from handos_model.template.load import load_template
from handos_model.training.onnx_graph import Graph, export

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = DecoderSize(
    vertex_queries=True, shared_heads=True, own_values=True, d_model=32, d_value=32, heads=4,
    feedforward=64, layers_2d=1, layers_3d=1,
)  # fmt: skip


LIMITS = {
    "scores": 1e-4, "joints_2d": 0.05, "joint_confidence": 1e-3, "vertices": 5e-5, "joints_3d": 5e-5, "view": 0.05,
    "translation": 1e-4, "right": 1e-3,
}  # fmt: skip
"""How far ONNX Runtime may be from torch, of each output: px, m, shares."""
SIZES = ((160, 128), (192, 128), (224, 224))
"""px, width and height: Swin pads its maps of the first two, and none of the last."""


def network_of(kind, side="backbone", size=TINY, memory_layer=None):
    detector = small_detector(kind, memory_layer)
    torch.manual_seed(0)
    widths = [16] * len(detector.backbone_channels)
    return HandOS(detector, load_template(), size, widths, side).eval()


@pytest.mark.parametrize("kind", MODELS)
def test_a_detector_feeds_the_decoder(kind):
    network = network_of(kind)
    with torch.no_grad():
        detection, values, candidates = network.detect(torch.rand(2, 3, 96, 128))
        last = network.decode(detection, values, candidates, torch.tensor([[0, 3], [1, 2]]))[-1]
    assert [v.shape[2:] for v in values] == [m.shape[2:] for m in detection.memory]
    assert candidates.boxes.shape == (2, detection.boxes.shape[1], 4) and candidates.points.shape[2] == 0
    assert last["pred_vertices"].shape == (2, 2, 778, 3) and last["pred_joints_2d"].isfinite().all()


@pytest.mark.parametrize("kind", MODELS)
def test_in_a_batch_an_image_is_seen_without_its_padding(kind):
    """Images of three shapes in one training batch: what is detected in each is what prediction detects in it."""
    detector, shapes = small_detector(kind), [(96, 128), (128, 96), (96, 128), (64, 128)]
    images = torch.zeros(4, 3, 128, 128)
    for image, (height, width) in zip(images, shapes, strict=True):
        image[:, :height, :width] = torch.rand(3, height, width)
    found = detect_each(detector, images, torch.tensor(shapes))
    for i, (height, width) in enumerate(shapes):
        alone = detector(images[i : i + 1, :, :height, :width])
        for name in ("boxes", "scores", "queries"):
            assert torch.allclose(getattr(found, name)[i], getattr(alone, name)[0], atol=2e-3), name
        for name in ("backbone", "memory"):
            for whole, part in zip(getattr(found, name), getattr(alone, name), strict=True):
                height, width = part.shape[2:]
                assert torch.allclose(whole[i, :, :height, :width], part[0], atol=1e-3)
                assert not whole[i, :, height:].any() and not whole[i, :, :, width:].any()


def documented():
    """The keys that the docstring of HandOS.forward names."""
    return {*re.findall(r"(pred_\w+|aux_outputs|candidates)(?: \(b|:)", HandOS.forward.__doc__)}


def test_the_one_door_says_what_it_gives():
    """Keys and shapes of HandOS.forward as its docstring has them, for three images of which two are chosen."""
    network = network_of("rt_detr")
    indices = torch.tensor([[0, 3], [1, 2]])
    with torch.no_grad():
        out = network(torch.rand(3, 3, 96, 128), lambda places: Chosen(indices, torch.tensor([0, 2])))
    shapes = {
        "pred_scores": (), "pred_boxes": (4,), "pred_views": (4,), "pred_joints_2d": (21, 2),
        "pred_joints_view": (21, 2), "pred_joint_confidence": (21,), "pred_vertices": (778, 3),
        "pred_joints_3d": (21, 3), "pred_translation": (3,), "pred_right": (),
    }  # fmt: skip
    assert {name: tuple(out[name].shape[2:]) for name in shapes} == shapes
    assert {*out} == {*shapes, "aux_outputs", "candidates"} == documented() - {"pred_sides", "pred_presence"}
    assert all(out[name].shape[:2] == (2, 2) for name in shapes)
    assert len(out["aux_outputs"]) == len(network.decoder.layers)  # the query expansion, and all layers but the last
    assert {*out["aux_outputs"][0]} == {"pred_joints_2d", "pred_joints_view"}
    assert torch.equal(out["pred_boxes"], out["candidates"].boxes[torch.tensor([[0], [2]]), indices])
    of_views = HandOS(LandmarkDetector(), load_template(), TINY, [8, 8, 8], "off").eval()
    with torch.no_grad():
        seen = of_views(torch.rand(2, 3, 224, 224), lambda places: Chosen(torch.zeros(2, 1, dtype=torch.long)))
    assert {*seen} == documented() and seen["pred_presence"].shape == seen["pred_sides"].shape == (2, 1)
    assert torch.equal(seen["pred_right"], seen["pred_sides"].sigmoid())
    flat = network(torch.rand(3, 3, 96, 128), lambda places: Chosen(indices, torch.tensor([0, 2])), "2d")
    assert "pred_vertices" not in flat and "pred_right" not in flat


def test_hands_are_read_in_given_boxes():
    """The detector's instance, its box replaced: joints start from the middle of the box that is given."""
    network = network_of("rt_detr")
    images, boxes = torch.rand(1, 3, 96, 128), torch.tensor([[[10.0, 20, 50, 60], [70, 30, 90, 80]]])
    with torch.no_grad():
        out = network(images, lambda places: Chosen(torch.tensor([[4, 4]]), boxes=boxes))
    assert torch.equal(out["pred_boxes"], boxes)
    expansion = out["aux_outputs"][0]["pred_joints_2d"]
    size = (boxes[..., 2:] - boxes[..., :2]).amax(-1) / HAND_BOX_PER_VIEW
    assert torch.allclose(out["pred_views"][..., 2], size)
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    assert ((expansion - middle[:, :, None]).norm(dim=-1) < size[..., None]).all()


@pytest.mark.parametrize("kind", MODELS)
def test_ten_steps_move_the_decoder_and_not_one_bit_of_the_detector(kind):
    network = network_of(kind).train()
    before = {name: value.clone() for name, value in network.detector.state_dict().items()}
    images = torch.rand(1, 3, 96, 128)
    seen = network.detect(images)[0]
    moved = network.decoder.lifting.detach().clone()
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-3)
    for _ in range(10):
        outputs = network.decode(*network.detect(images), torch.zeros(1, 1, dtype=torch.long))
        optimizer.zero_grad()
        loss = sum(output["pred_joints_view"].square().sum() for output in outputs)
        (loss + outputs[-1]["pred_vertices"].square().sum()).backward()
        optimizer.step()
    assert all(torch.equal(value, before[name]) for name, value in network.detector.state_dict().items())
    after = network.detect(images)[0]
    assert torch.equal(seen.scores, after.scores) and torch.equal(seen.queries, after.queries)
    assert not torch.equal(moved, network.decoder.lifting)


def test_every_output_is_compared():
    assert set(LIMITS) == set(OUTPUTS)


def assert_onnx_is_torch(network, path):
    """Exports, and compares the hands in noisy renders of several sizes; random scores may be anything."""
    network.detector.max_hands = 6
    export(network, path, {"score_threshold": "0.0", "size": "160"})
    graph, session = Graph(network, 0.0).eval(), HandSession(path, "cpu")
    decoded = 0
    for seed, (width, height) in enumerate(SIZES):
        options = RenderOptions(width=width, height=height, hands=(0.0, 0.5, 0.5))
        rng = np.random.default_rng(seed)
        frame = render_hands(rng, options).image
        # Random weights rank the queries of flat areas by rounding errors: noise tells them apart.
        noisy = np.clip(frame + rng.normal(0, 60, frame.shape), 0, 255).astype(np.uint8)
        image, _ = letterbox(noisy, width)
        with torch.no_grad():
            expected = dict(zip(OUTPUTS, graph(torch.from_numpy(image)[None]), strict=True))
        found = session.run(image)
        assert len(found["scores"]) == len(expected["scores"])
        # Hands whose scores differ by rounding may have changed places.
        distance = np.abs(found["joints_2d"][None] - expected["joints_2d"].numpy()[:, None]).max((2, 3))
        for name, limit in LIMITS.items():
            assert np.abs(found[name][distance.argmin(1)] - expected[name].numpy()).max() < limit, name
        decoded += len(found["scores"])
    assert decoded > len(SIZES)
    hands = HandPredictor(path, "cpu").predict(image)
    assert all(hand.vertices.shape == (778, 3) for hand in hands)


@pytest.mark.parametrize(
    ("kind", "side", "memory_layer", "changes"),
    [
        ("grounding_dino", "backbone", None, {}),
        ("deformable_detr", "scratch", 1, {"mask": "one_way"}),
        ("rt_detr", "off", None, {"mask": "full"}),
        ("d_fine", "backbone", None, {"mask": "separate", "unified_query": True}),
    ],
)
def test_onnx_says_what_torch_says(kind, side, memory_layer, changes, tmp_path, monkeypatch):
    """Every detector, side tuning, mask and query once, and the memory of another layer."""
    small = partial(side_tuning.ScratchBackbone, embed_dim=16, depths=(1, 1, 1, 1))
    monkeypatch.setattr(side_tuning, "ScratchBackbone", small)
    network = network_of(kind, side, replace(TINY, **changes), memory_layer)
    if memory_layer is not None:
        assert network.detector.memory_layer == memory_layer
    assert_onnx_is_torch(network, tmp_path / "hands.onnx")


def test_side_tuning_from_the_backbone_from_nothing_and_off():
    detector = small_detector("grounding_dino")
    images = torch.rand(1, 3, 64, 96)
    detection = detector(images)
    for side in SIDE_NETWORKS:
        tuning = SideTuning(detector, [16] * 4, 32, side)
        maps = tuning(images, detection)
        assert [m.shape for m in maps] == [(1, 32, *memory.shape[2:]) for memory in detection.memory]
        assert tuning.strides == (8, 16, 32, 64)
    assert not SideTuning(detector, [16] * 4, 32, "off").side
    with pytest.raises(ValueError, match="side_tuning last_stage needs the landmark network, got GroundingDino: set"):
        HandOS(detector, load_template(), DecoderSize(), [16] * 4, "last_stage")
    with pytest.raises(ValueError, match="side_tuning is 'on', must be one of backbone, scratch, last_stage, off"):
        SideTuning(detector, [16] * 4, 32, "on")
    with pytest.raises(ValueError, match="side_widths has 3 entries, the detector's backbone 4 scales"):
        SideTuning(detector, [16] * 3, 32)


@pytest.mark.parametrize("side", SIDE_NETWORKS)
def test_every_sign_of_the_memory_reaches_the_value_maps(side):
    """F is a concatenation (section 3.2): what the maps are told of a memory is its projection, whatever its sign."""
    detector = small_detector("grounding_dino")
    images = torch.rand(1, 3, 64, 96)
    detection = detector(images)
    torch.manual_seed(0)
    tuning = SideTuning(detector, [16] * 4, 32, side)
    maps = tuning(images, detection)
    for level, memory in enumerate(detection.memory):
        assert (memory < 0).any()
        for sign in (-1, 1):
            other = torch.where(memory.sign() == sign, memory + sign, memory)
            changed = tuning(
                images, replace(detection, memory=[*detection.memory[:level], other, *detection.memory[level + 1 :]])
            )
            weight = tuning.mix[level].weight[:, : memory.shape[1], 0, 0]
            expected = torch.einsum("oc,bchw->bohw", weight, other - memory)
            assert expected.abs().amax() > 0.01
            assert torch.allclose(changed[level] - maps[level], expected, atol=1e-4)


def test_training_in_half_precision_sees_what_prediction_sees():
    detector = small_detector("deformable_detr")
    images = torch.rand(1, 3, 96, 128)
    exact = detector(images)
    with torch.autocast("cpu", torch.bfloat16):
        found = detector(images)
    assert found.boxes.dtype == torch.float32
    assert torch.equal(found.boxes, exact.boxes) and torch.equal(found.queries, exact.queries)
