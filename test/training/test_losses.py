"""Every loss term: perfect, degenerate, and computed by hand."""

import pytest
import torch

from handos_model.training.objective import losses

TETRAHEDRON = torch.tensor([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
CORNERS = torch.tensor([[[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]]])


def test_points_l1_perfect_degenerate_and_by_hand():
    target = torch.zeros(1, 2, 2)
    predicted = torch.tensor([[[1.0, 3.0], [0.0, 0.0]]])
    assert losses.points_l1(target, target, torch.ones(1, 2)).item() == 0
    assert losses.points_l1(predicted, target, torch.ones(1, 2)).item() == pytest.approx((2 + 0) / 2)
    assert losses.points_l1(predicted, target, torch.tensor([[0.0, 1.0]])).item() == 0  # only the second counts
    assert losses.points_l1(predicted, target, torch.zeros(1, 2)).item() == 0  # nothing is labelled
    assert losses.points_l1(torch.zeros(0, 2, 2), torch.zeros(0, 2, 2), torch.zeros(0, 2)).shape == (0,)


def test_oks_perfect_far_and_by_hand():
    target = torch.zeros(1, 21, 2)
    weight, area = torch.ones(1, 21), torch.ones(1)
    assert losses.oks(target, target, weight, area).item() == pytest.approx(0)
    assert losses.oks(target + 100, target, weight, area).item() == pytest.approx(1)
    wrist = torch.zeros(1, 21)
    wrist[0, 0] = 1
    predicted = target.clone()
    predicted[0, 0, 0] = 0.03
    expected = 1 - torch.exp(torch.tensor(-(0.03**2) / (2 * (2 * 0.029) ** 2))).item()
    assert losses.oks(predicted, target, wrist, area).item() == pytest.approx(expected, abs=1e-6)


def test_normal_is_zero_in_the_plane_and_one_along_the_normal():
    edges = losses.face_edges(CORNERS, TETRAHEDRON)
    assert losses.normal(edges, edges).item() == pytest.approx(0, abs=1e-6)
    flat = torch.zeros(1, 1, 3, 3)
    flat[0, 0] = torch.tensor([[1.0, 0, 0], [-1, 1, 0], [0, -1, 0]])  # a face in the xy plane
    upright = torch.zeros(1, 1, 3, 3)
    upright[..., 2] = 1.0  # every edge along z
    assert losses.normal(upright, flat).item() == pytest.approx(1)
    assert torch.isfinite(losses.normal(torch.zeros_like(flat), flat)).all()  # collapsed to a point


def test_edge_counts_decimetres():
    edges = losses.face_edges(CORNERS, TETRAHEDRON)
    assert losses.edge(edges, edges).item() == 0
    assert losses.edge(edges * 2, edges).item() == pytest.approx((edges.norm(dim=-1).mean() / 0.1).item())


def test_normal_consistency_of_a_fold():
    pair = torch.tensor([[0, 1, 2], [0, 2, 3]])
    neighbours = losses.face_neighbours(pair)
    assert neighbours.tolist() == [[0, 1]]
    flat = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]])
    folded = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0.5, 0.5, 1]]])
    assert losses.normal_consistency(losses.face_edges(flat, pair), neighbours).item() == pytest.approx(0, abs=1e-6)
    assert losses.normal_consistency(losses.face_edges(folded, pair), neighbours).item() == pytest.approx(1, abs=1e-6)


def test_neighbours_of_a_closed_surface_are_its_edges():
    assert len(losses.face_neighbours(TETRAHEDRON)) == 6


def test_projection_of_a_joint_on_the_axis_and_beside_it():
    joints = torch.zeros(1, 21, 3)
    joints[0, 1] = torch.tensor([0.07, 0.0, 0.0])
    joints[0, 2] = torch.tensor([0.07, 0.0, 0.28])  # as far behind as the view is wide
    seen = losses.project(joints, torch.tensor([[0.0, 0.0, 0.28]]), torch.tensor([2.0]))
    assert seen[0, 0].tolist() == [0, 0]
    assert seen[0, 1, 0].item() == pytest.approx(0.25)
    assert seen[0, 2, 0].item() == pytest.approx(0.07 * 2 / (0.28 * 2 + 0.28))


def test_sigmas_are_those_of_coco_wholebody():
    assert losses.SIGMAS.shape == (21,)
    assert losses.SIGMAS[[0, 4, 20]].tolist() == pytest.approx([0.029, 0.047, 0.031])


def test_volume_says_the_side():
    volume = 0.1**3 / 6
    sign = torch.tensor([1.0, -1.0, 0.0])
    right, wrong, unknown = losses.volume(CORNERS.expand(3, -1, -1), TETRAHEDRON, sign, volume).tolist()
    assert right == pytest.approx(torch.log1p(torch.exp(torch.tensor(-4.0))).item(), rel=1e-4)
    assert wrong == pytest.approx(torch.log1p(torch.exp(torch.tensor(4.0))).item(), rel=1e-4)
    assert unknown == 0
    flat = losses.volume(CORNERS * torch.tensor([1.0, 1.0, 0.0]), TETRAHEDRON, sign[:1], volume)
    assert flat.item() == pytest.approx(torch.log(torch.tensor(2.0)).item())
