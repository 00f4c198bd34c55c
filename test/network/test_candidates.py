"""Places that may show hands: the detector's palms and the trained finder's cells, and what the finder learns."""

import math
from dataclasses import replace

import pytest
import torch

from handos_model.network.candidates import POINT_JOINTS, Candidates, Surroundings, hand_views
from handos_model.network.instances import to_pixels, to_view, view_boxes
from handos_model.training.objective.finding import cell_centres, finder_targets, finder_terms, focal
from handos_model.training.recipe import Recipe
from handos_model.training.trainer import build_network


def straight_hand():
    """Joints (21, 2) px of a hand that points up from (40, 60): 30 px long, 12 px wide."""
    joints = torch.zeros(21, 2) + torch.tensor([40.0, 60.0])
    joints[9] = torch.tensor([40.0, 48.0])
    joints[12] = torch.tensor([40.0, 30.0])
    joints[4], joints[20] = torch.tensor([34.0, 45.0]), torch.tensor([46.0, 45.0])
    return joints


def batch_of(joints, count=1, ignored=0, complete=True):
    labels = torch.zeros(1, 4, 21, 3)
    labels[0, 0] = torch.cat([joints, torch.full((21, 1), 2.0)], 1)
    return {
        "images": torch.zeros(1, 3, 96, 96, dtype=torch.uint8),
        "joints_2d": labels,
        "count": torch.tensor([count]),
        "ignored": torch.tensor([ignored]),
        "complete": torch.tensor([complete]),
    }


def perfect(joints, right=20.0):
    """Candidates on a 12 x 12 map whose every cell says where the hand is; the nearest one says that there is one."""
    view = hand_views(joints)
    centres = cell_centres(96, 96, 8, view.device)
    nearest = (centres - view[:2]).norm(dim=-1).argmin()
    logits = torch.full((1, 144), -right)
    logits[0, nearest] = right
    return Candidates(
        boxes=view_boxes(view.expand(1, 144, 4)),
        queries=None,
        views=view.expand(1, 144, 4),
        points=joints[list(POINT_JOINTS)].expand(1, 144, -1, 2),
        logits=logits,
        level=torch.zeros(144, dtype=torch.long),
        cell=torch.arange(144),
        trained=torch.ones(144, dtype=torch.bool),
    )


def terms_of(candidates, batch):
    """Each term's mean."""
    terms = finder_terms(candidates, batch["joints_2d"], finder_targets(batch, 8))
    return {name: term.mean for name, term in terms.items()}


def test_view_of_a_hand_by_hand():
    joints = straight_hand()
    assert hand_views(joints).tolist() == pytest.approx([40, 45, 30 / 0.75, 0], abs=1e-4)
    turned = torch.stack([-joints[:, 1], joints[:, 0]], -1)  # a quarter turn clockwise on the screen
    assert hand_views(turned).tolist() == pytest.approx([-45, 40, 40, math.pi / 2], abs=1e-4)
    extent = to_view(turned, hand_views(turned))
    assert (extent.amax(0) + extent.amin(0)).abs().max() < 1e-5  # centred
    assert hand_views(torch.zeros(21, 2)).isfinite().all()


def test_perfect_candidates_cost_nothing():
    terms = terms_of(perfect(straight_hand()), batch_of(straight_hand()))
    assert all(float(value) < 1e-6 for value in terms.values())


def test_terms_of_a_shifted_and_turned_candidate_by_hand():
    joints = straight_hand()
    found = perfect(joints)
    views = found.views + torch.tensor([4.0, 0.0, 0.0, 0.5])
    points = found.points + torch.tensor([2.0, 0.0])
    wrong = replace(found, views=views, points=points)
    terms = terms_of(wrong, batch_of(joints))
    # 4 px of a 40 px view: 0.1 - 0.05 / 2 of smooth L1; 1 - cos 0.5
    assert float(terms["finder_view"]) == pytest.approx(0.075 + 1 - math.cos(0.5), abs=1e-4)
    assert float(terms["finder_points"]) == pytest.approx(1 / 40, abs=1e-5)  # 2 px in x, none in y


def test_no_hand_and_an_ignored_hand_teach_no_view():
    found = perfect(straight_hand())
    empty = terms_of(found, batch_of(straight_hand(), count=0))
    assert float(empty["finder_score"]) > 10  # a false hand
    assert float(empty["finder_view"]) == float(empty["finder_points"]) == 0
    ignored = terms_of(found, batch_of(straight_hand(), count=0, ignored=1))
    assert all(float(value) < 1e-6 for value in ignored.values())


def test_a_false_hand_costs_less_where_the_labels_are_incomplete():
    joints = straight_hand()
    found = perfect(joints)
    found.logits[0, 143] = 20.0  # the far corner
    all_known = terms_of(found, batch_of(joints))["finder_score"]
    some_known = terms_of(found, batch_of(joints, complete=False))["finder_score"]
    assert float(all_known) == pytest.approx(20, rel=0.01)
    assert float(some_known) == pytest.approx(2, rel=0.01)


def test_a_joint_without_a_label_teaches_nothing():
    joints = straight_hand()
    batch = batch_of(joints)
    batch["joints_2d"][0, 0, 9, 2] = 0
    found = perfect(joints)
    wrong = found.points.clone()
    wrong[..., POINT_JOINTS.index(9), :] += 30.0
    turned = found.views + torch.tensor([0.0, 0.0, 0.0, 0.5])
    terms = terms_of(replace(found, views=turned, points=wrong), batch)
    assert float(terms["finder_points"]) < 1e-6  # the point itself
    assert float(terms["finder_view"]) < 1e-6  # and the direction to it


def test_a_hand_without_a_palm_is_seen_upright():
    joints = straight_hand()
    joints[[0, 9]] = joints[5].clone()
    view = hand_views(joints)
    low, high = joints.amin(0), joints.amax(0)
    assert view[:2].tolist() == pytest.approx(((low + high) / 2).tolist(), abs=1e-4)
    assert view[2] == pytest.approx(float((high - low).max()) / 0.75) and view[3] == 0


def test_focal_loss_by_hand():
    logits, height = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.5]])
    positive, weight = torch.tensor([[True, False]]), torch.ones(1, 2)
    expected = 0.25 * math.log(2) + 0.25 * 0.5**4 * math.log(2)
    assert float(focal(logits, height, positive, weight)) == pytest.approx(expected)


def test_candidates_of_an_untrained_finder_follow_the_detectors():
    network = build_network(Recipe()).eval()
    with torch.no_grad():
        detection, values, candidates = network.detect(torch.rand(1, 3, 64, 96))
    anchors, cells = detection.scores.shape[1], 8 * 12
    assert candidates.views.shape == (1, anchors + cells, 4)
    assert torch.allclose(candidates.scores[:, :anchors], detection.scores, atol=1e-5)
    assert not candidates.trained[:anchors].any() and candidates.trained[anchors:].all()
    centres = cell_centres(64, 96, 8, torch.device("cpu"))
    trained = candidates.views[0, anchors:]
    assert (trained[:, :2] - centres).abs().max() < 2  # px: each cell starts at itself
    again = to_pixels(to_view(candidates.points[0, anchors:], trained), trained)
    assert torch.allclose(again, candidates.points[0, anchors:], atol=1e-3)


def test_surroundings_add_nothing_at_first_and_reach_across_the_map():
    surroundings = Surroundings(8).eval()
    x = torch.rand(1, 8, 16, 24)
    with torch.no_grad():
        assert torch.equal(surroundings(x), x)
        torch.nn.init.normal_(surroundings.up.weight)
        far = x.clone()
        far[..., 0, 0] += 1.0
        moved = (surroundings(far) - surroundings(x)).abs().amax((0, 1))
    assert moved[8:, 8:].max() > 0  # cells that three blocks of 5x5 alone would not tell anything
