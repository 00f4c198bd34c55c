"""SimOTA against a brute-force version, and the candidates that a batch decodes."""

import math

import numpy as np
import pytest
import torch

from handos_model.data.sample import labelled_2d
from handos_model.training.batches import collate
from handos_model.training.objective.matcher import PADDING, pairwise_iou, select_instances, simota


def brute_force(boxes, scores, targets, top, most):
    """The definition, one pair at a time."""
    owner: dict[int, tuple[float, int]] = {}
    for t, target in enumerate(targets):
        ious = [pairwise_iou(b[None], target[None]).item() for b in boxes]
        costs = [-math.log(max(s, 1e-6)) - math.log(max(i, 1e-8)) for s, i in zip(scores.tolist(), ious, strict=True)]
        count = min(most, max(1, int(sum(sorted(ious, reverse=True)[:top]))))
        for q in sorted(range(len(boxes)), key=lambda q: costs[q])[:count]:
            if ious[q] > 0 and (q not in owner or costs[q] < owner[q][0]):
                owner[q] = (costs[q], t)
    return {q: t for q, (_, t) in owner.items()}


@pytest.mark.parametrize("seed", range(5))
def test_simota_is_the_brute_force_assignment(seed):
    torch.manual_seed(seed)
    corner = torch.rand(40, 2) * 100
    boxes = torch.cat([corner, corner + 20 + torch.rand(40, 2) * 40], 1)
    targets = boxes[:3] + torch.randn(3, 4)
    scores = torch.rand(40)
    queries, owners = simota(boxes, scores, targets)
    assert dict(zip(queries.tolist(), owners.tolist(), strict=True)) == brute_force(boxes, scores, targets, 10, 3)


def test_iou_by_hand():
    a = torch.tensor([[0.0, 0, 2, 2]])
    b = torch.tensor([[1.0, 1, 3, 3], [5, 5, 6, 6], [0, 0, 2, 2]])
    assert pairwise_iou(a, b)[0].tolist() == pytest.approx([1 / 7, 0, 1])


def test_no_targets_and_no_overlap_give_nothing():
    boxes, scores = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([0.9])
    assert len(simota(boxes, scores, torch.zeros(0, 4))[0]) == 0
    assert len(simota(boxes, scores, torch.tensor([[5.0, 5, 6, 6]]))[0]) == 0


def test_each_hand_is_decoded_once_and_nothing_else_is():
    boxes = torch.tensor([[[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [80, 80, 90, 90]]]).repeat(2, 1, 1)
    scores = torch.tensor([[0.9, 0.8, 0.7, 0.001]]).repeat(2, 1)
    targets = [torch.tensor([[0.0, 0, 10, 10], [80, 80, 90, 90]]), torch.zeros(0, 4)]
    indices, assigned = select_instances(boxes, scores, targets, 3)
    assert assigned.tolist() == [[0], [PADDING]]  # the second hand has no likely candidate
    assert indices[0, 0].item() in (0, 1)


@pytest.mark.parametrize(("hands", "slots", "decoded"), [(1, 4, 1), (3, 4, 3), (5, 4, 4), (0, 4, 1)])
def test_no_more_instances_are_decoded_than_an_image_has_hands(hands, slots, decoded):
    """Sets of one hand per image with room for four do not decode three that are padding."""
    corner = 100.0 * torch.arange(8)[:, None]
    boxes = torch.cat([corner, corner, corner + 50, corner + 50], 1)[None].repeat(2, 1, 1)
    targets = [boxes[0, :hands], boxes[1, : min(hands, 1)]]
    indices, assigned = select_instances(boxes, torch.full((2, 8), 0.9), targets, slots)
    assert indices.shape == assigned.shape == (2, decoded)
    assert (assigned != PADDING).sum(1).tolist() == [min(hands, slots), min(hands, 1)]


def test_targets_are_the_boxes_that_a_data_set_publishes():
    """The instance in the published box is the hand's, not one around its joints that scores alike."""
    joints = np.column_stack([np.linspace(20, 60, 21), np.linspace(10, 70, 21), np.full(21, 2)])[None]
    published = np.array([[5.0, 30, 45, 78]])
    candidates = torch.tensor([[[14.0, 4, 66, 76], published[0].tolist()]])
    for boxes, best in ((None, 0), (published, 1)):
        labels = labelled_2d(np.zeros((80, 96, 3), np.uint8), joints, np.array([1]), True, boxes=boxes)
        target = collate([labels])["boxes"][0]
        assert torch.equal(target[0], candidates[0, best])
        assert select_instances(candidates, torch.full((1, 2), 0.9), [target], 1)[0].tolist() == [[best]]
