"""HandOS on the hand landmark network: the paper's decoder on views of single hands."""

import numpy as np
import pytest
import torch

from handos_model.network.decoder import DecoderSize
from handos_model.network.detectors.build import build_detector
from handos_model.network.detectors.landmark_detector import LandmarkDetector
from handos_model.network.handos import HandOS
from handos_model.network.instances import at_points, to_view
from handos_model.template.load import load_template

SIZE = DecoderSize(d_model=32, d_value=16, heads=2, self_heads=2, feedforward=32, layers_2d=1, layers_3d=1)
ONLY = torch.zeros(2, 1, dtype=torch.long)


def network(side: str = "backbone", **changes) -> HandOS:
    torch.manual_seed(0)
    size = DecoderSize(**vars(SIZE) | changes)
    return HandOS(LandmarkDetector(), load_template(), size, [8, 8, 8], side)


def views(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 224, 224, generator=torch.Generator().manual_seed(1))


def decoded(net: HandOS, sides: torch.Tensor | None = None) -> list[dict[str, torch.Tensor]]:
    with torch.no_grad():
        return net.decode(*net.detect(views()), ONLY, "full", sides)


def test_the_instance_of_a_view_is_what_the_foundation_says_of_it() -> None:
    detector = LandmarkDetector()
    detection, seen = detector(views()), detector.network(views())
    assert torch.equal(detection.keypoints[:, 0], seen.landmarks[..., :2])
    vector, world, presence, right = detection.queries[:, 0].split([1152, 63, 1, 1], 1)
    assert torch.equal(vector, seen.vector) and torch.equal(world, seen.world.flatten(1))
    assert torch.equal(presence[:, 0], seen.presence) and torch.equal(right[:, 0], seen.right)
    assert torch.allclose(detection.boxes[0, 0], torch.tensor([27.5, 27.5, 195.5, 195.5]))


def test_a_fresh_decoder_reads_the_joints_where_the_foundation_has_its_landmarks() -> None:
    net = network()
    detection, values, candidates = net.detect(views())
    with torch.no_grad():
        joints = net.decode(detection, values, candidates, ONLY)[0]["pred_joints_view"]
    expected = to_view(detection.keypoints, candidates.views)
    assert (joints - expected).abs().max() < 0.01


def test_the_maps_are_read_at_the_landmarks() -> None:
    net = network()
    detection, _, candidates = net.detect(views())
    hands = candidates.take(ONLY, detection)
    assert torch.equal(hands.seen, at_points(detection.memory, hands.points, detection.memory_strides))
    here = at_points(detection.memory, torch.full_like(detection.keypoints, 111.5), detection.memory_strides)
    first = detection.memory[0]  # stride 8: pixel 111.5 is the corner of cells 13 and 14
    expected = first[:, :, 13:15, 13:15].mean((2, 3))
    assert torch.allclose(here[:, 0, 0, : first.shape[1]], expected, atol=1e-4)
    assert hands.seen.shape == (2, 1, 21, sum(net.detector.memory_channels))


def test_a_left_hand_is_the_right_one_mirrored_in_depth() -> None:
    net = network()
    net.decoder.side_embedding.data.zero_()
    net.decoder.lifted_pose[0].weight.data[:, :] = 0  # so that both sides are told the same
    right, left = (decoded(net, torch.full((2, 1), sign))[-1]["pred_vertices"] for sign in (1.0, -1.0))
    assert torch.allclose(left * torch.tensor([1.0, 1.0, -1.0]), right, atol=1e-5)


@pytest.mark.parametrize(("side", "deformable"), [("backbone", True), ("off", True), ("off", False)])
def test_every_output_has_its_shape(side: str, deformable: bool) -> None:
    last = decoded(network(side, deformable=deformable))[-1]
    assert last["pred_joints_2d"].shape == (2, 1, 21, 2)
    assert last["pred_vertices"].shape == (2, 1, 778, 3) and last["pred_joints_3d"].shape == (2, 1, 21, 3)
    assert last["pred_presence"].shape == last["pred_sides"].shape == (2, 1)
    assert all(value.isfinite().all() for value in last.values())


def test_a_step_moves_the_decoder_and_no_bit_of_the_foundation() -> None:
    net = network().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    net.decode(*net.detect(views()), ONLY)[-1]["pred_vertices"].square().sum().backward()
    optimiser.step()
    moved = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and not any(name.startswith("detector.") for name in moved)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="224"):
        LandmarkDetector()(torch.zeros(1, 3, 192, 192))
    with pytest.raises(ValueError, match="no options"):
        build_detector("landmarks", target="foot")
    assert np.isfinite(sum(p.numel() for p in build_detector("landmarks").parameters()))


def test_no_view_gives_no_hand() -> None:
    net = network()
    with torch.no_grad():
        outputs = net.decode(*net.detect(torch.zeros(0, 3, 224, 224)), torch.zeros(0, 1, dtype=torch.long))
    assert outputs[-1]["pred_joints_2d"].shape == (0, 1, 21, 2)
