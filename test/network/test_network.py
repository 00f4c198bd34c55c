"""The decoder: masks, views, freezing, batches."""

import numpy as np
import pytest
import torch
from small_detectors import small_detector

from handos_model.camera import Camera
from handos_model.network.attention import MASKS, attention_mask
from handos_model.network.decoder import DecoderSize
from handos_model.network.handos import HandOS
from handos_model.network.instances import camera_rotation, to_pixels, to_view, view_boxes
from handos_model.prediction.placing import view_rotation
from handos_model.template.load import load_template


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return HandOS(small_detector("rt_detr"), load_template(), DecoderSize(), [16] * 3, "backbone").eval()


def views(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def test_hierarchical_mask_is_that_of_figure_8c():
    # Two joints, three vertices, one camera query; rows attend to columns.
    expected = [
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1],
    ]
    assert attention_mask("hierarchical", 2, 3).int().tolist() == expected


def test_the_other_masks_of_figure_8():
    separate, one_way, full = (attention_mask(kind, 2, 3) for kind in ("separate", "one_way", "full"))
    assert separate.int().sum() == 2 * 2 + 3 * 3 + 1
    assert not one_way[:2, 2:].any() and one_way[2:5, :5].all() and one_way[5].all() and not one_way[:5, 5].any()
    assert full.all()
    with pytest.raises(ValueError, match="sideways.*separate"):
        attention_mask("sideways", 2, 3)
    assert "hierarchical" in MASKS


def test_masked_queries_do_not_move_with_the_camera_query(network):
    layer = network.decoder.layers[-1].self_attention
    mask = network.decoder.mask
    queries = torch.randn(1, len(mask), 128)
    other = queries.clone()
    other[:, -1] += 1
    first, second = layer(queries, mask), layer(other, mask)
    assert torch.equal(first[:, :-1], second[:, :-1])
    assert not torch.allclose(first[:, -1], second[:, -1])


def test_to_view_and_back():
    view = views([30, 40, 20, 0.7], [10, 5, 50, -2.0])
    points = torch.randn(2, 21, 2) * 30
    assert torch.allclose(to_pixels(to_view(points, view), view), points, atol=1e-4)
    top = to_pixels(torch.tensor([[[0.0, -0.5]]]), views([0, 0, 10, torch.pi / 2]))
    assert top[0, 0].tolist() == pytest.approx([5, 0], abs=1e-5)  # the view's up is the image's right
    assert view_boxes(views([50, 50, 40, 1.0]))[0].tolist() == pytest.approx([35, 35, 65, 65])


def test_prediction_turns_views_as_training_does():
    """NumPy's view_rotation and torch's camera_rotation are one rotation: the robot has no torch."""
    camera = Camera.from_intrinsics(500, 520, 310, 250, 640, 480)
    rng = np.random.default_rng(3)
    view = np.column_stack([rng.uniform(0, 640, 50), rng.uniform(0, 480, 50), np.full(50, 90), rng.uniform(-4, 4, 50)])
    trained = camera_rotation(torch.tensor(view), torch.tensor(camera.K))
    np.testing.assert_allclose(view_rotation(view, camera), trained.numpy(), atol=1e-12)


def test_camera_rotation_looks_along_the_ray():
    K = torch.tensor([[100.0, 0, 50], [0, 120, 40], [0, 0, 1]])
    rotation = camera_rotation(views([150, 40, 10, 0.3]), K[None])[0]
    assert torch.allclose(rotation @ rotation.T, torch.eye(3), atol=1e-6) and torch.det(rotation) > 0
    ray = torch.tensor([1.0, 0, 1]) / 2**0.5
    assert torch.allclose(rotation[:, 2], ray, atol=1e-6)


def test_batch_of_two_is_two_batches_of_one(network):
    torch.manual_seed(0)
    images = torch.rand(2, 3, 96, 128)
    indices = torch.tensor([[3, 12], [7, 29]])
    with torch.no_grad():
        both = network.decode(*network.detect(images), indices)[-1]
        each = [network.decode(*network.detect(images[i : i + 1]), indices[i : i + 1])[-1] for i in range(2)]
    for name, value in both.items():
        assert torch.allclose(value, torch.cat([e[name] for e in each]), atol=2e-4, rtol=1e-4), name


def test_no_instances_give_no_hands(network):
    with torch.no_grad():
        last = network.decode(*network.detect(torch.rand(1, 3, 64, 64)), torch.zeros(1, 0, dtype=torch.long))[-1]
    assert last["pred_vertices"].shape == (1, 0, 778, 3) and last["pred_joints_2d"].shape == (1, 0, 21, 2)


def test_first_stage_has_no_3d_and_an_unknown_stage_is_refused(network):
    detection, values, view = network.detect(torch.rand(1, 3, 64, 64))
    indices = torch.zeros(1, 1, dtype=torch.long)
    with torch.no_grad():
        outputs = network.decode(detection, values, view, indices, "2d")
    assert len(outputs) == 1 + len(network.decoder.layers) and "pred_vertices" not in outputs[-1]
    with pytest.raises(ValueError, match="third.*2d"):
        network.decode(detection, values, view, indices, "third")


def test_weights_that_do_not_fit_are_refused(network):
    with pytest.raises(ValueError, match="do not fit"):
        network.load_trainable_state({"decoder.unknown": torch.zeros(1)})
