"""The finder: an hourglass on the frozen palm detector's maps."""

import math

import pytest
import torch

from handos_model.network.finder import STRIDE, HandFinder, cell_centres, decode, palm_views
from handos_model.training.objective.peaks import AROUND, ELSEWHERE, finder_targets, finder_terms, focal


def labelled(view: list[float], size: int = 128) -> dict[str, torch.Tensor]:
    views = torch.tensor([[view, [1.0, 1, 1, 0]]])
    known = torch.tensor([[True, False]])
    return {
        "images": torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(2)),
        "views": views,
        "known": known,
        "ignored": torch.zeros_like(known),
        "complete": torch.tensor([True]),
    }


def test_view_of_an_upright_palm_by_hand() -> None:
    boxes = torch.tensor([[40.0, 40.0, 60.0, 60.0]])
    points = torch.zeros(1, 7, 2)
    points[0, 0] = torch.tensor([50.0, 60.0])  # wrist below
    points[0, 2] = torch.tensor([50.0, 45.0])  # knuckle above
    assert palm_views(boxes, points)[0].tolist() == pytest.approx([50, 50 - 10, 2.6 * 20, 0])
    points[0, 2] = torch.tensor([65.0, 60.0])  # fingers to the right: a quarter turn clockwise on the screen
    assert palm_views(boxes, points)[0].tolist() == pytest.approx([60, 50, 52, torch.pi / 2])


def test_cells_are_read_as_views_in_pixels() -> None:
    values = torch.zeros(1, 6, 2, 3)
    values[0, :, 1, 2] = torch.tensor([1.5, 0.5, -0.25, math.log(2), 0, 1])
    logits, views = decode(values)
    assert logits[0, 5] == 1.5
    centre = cell_centres(2, 3, values.device)[5]
    assert torch.equal(centre, torch.tensor([19.5, 11.5]))
    expected = torch.tensor([19.5 + 0.5 * STRIDE, 11.5 - 0.25 * STRIDE, 96.0, math.pi / 2])
    assert torch.allclose(views[0, 5], expected)


def test_candidates_are_the_palms_and_then_the_cells() -> None:
    finder = HandFinder().eval()
    images = torch.rand(2, 3, 96, 128)
    with torch.no_grad():
        logits, views = finder(images)
        detection = finder.detector(images)
    palms = detection.boxes.shape[1]
    assert logits.shape[1] - palms == 12 * 16 and views.shape == (*logits.shape, 4)
    assert torch.allclose(views[:, :palms], palm_views(detection.boxes, detection.keypoints))
    assert (logits[:, palms:].sigmoid() < 0.05).all()  # an untrained one finds nothing


def test_a_hand_is_learned_where_it_is() -> None:
    batch = labelled([70.0, 50.0, 60.0, 0.3])
    targets = finder_targets(batch)
    best = targets.height[0].argmax()
    centres = cell_centres(16, 16, best.device)
    assert (centres[best] - torch.tensor([70.0, 50.0])).norm() < STRIDE
    assert targets.nearest[0].nonzero()[:, 0].tolist() == [best]
    finder = HandFinder().train()
    optimiser = torch.optim.Adam(finder.hourglass.parameters(), 3e-3)
    detection = finder.detector(batch["images"])
    losses = []
    for _ in range(30):
        terms = finder_terms(*finder.hourglass(detection.backbone, detection.memory), targets)
        loss = sum(term.mean for term in terms.values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 3


def said(batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and views of cells that all say where the hand is; the nearest one alone says that there is one."""
    nearest = finder_targets(batch).nearest
    return torch.where(nearest, 20.0, -20.0), batch["views"][:, :1].repeat(1, nearest.shape[1], 1)


def test_terms_by_hand() -> None:
    batch = labelled([70.0, 50.0, 40.0, 0.3])
    logits, views = said(batch)
    targets = finder_targets(batch)
    perfect = finder_terms(logits, views, targets)
    assert all(float(term.mean) < 1e-6 for term in perfect.values())
    wrong = finder_terms(logits, views + torch.tensor([4.0, 0.0, 0.0, 0.5]), targets)
    # 4 px of a 40 px view: 0.1 - 0.05 / 2 of smooth L1; 1 - cos 0.5
    assert float(wrong["finder_view"].mean) == pytest.approx(0.075 + 1 - math.cos(0.5), abs=1e-4)


def test_a_false_hand_costs_less_where_the_labels_are_incomplete() -> None:
    batch = labelled([30.0, 30.0, 40.0, 0.0])
    logits, views = said(batch)
    logits[0, -1] = 20.0  # the far corner
    costs = []
    for complete in (True, False):
        targets = finder_targets(batch | {"complete": torch.tensor([complete])})
        costs.append(float(finder_terms(logits, views, targets)["finder_score"].total))
    assert costs == pytest.approx([20, 20 * ELSEWHERE], rel=0.01)


def test_focal_loss_by_hand() -> None:
    logits, height = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.5]])
    expected = 0.25 * math.log(2) + 0.25 * 0.5**4 * math.log(2)
    found = focal(logits, height, torch.tensor([[True, False]]), torch.ones(1, 2))
    assert float(found) == pytest.approx(expected)


def test_an_image_without_hands_has_no_peak() -> None:
    batch = labelled([70.0, 50.0, 60.0, 0.3]) | {"known": torch.zeros(1, 2, dtype=torch.bool)}
    targets = finder_targets(batch)
    assert targets.height.max() == 0 and not targets.nearest.any() and (targets.weight == 1).all()
    terms = finder_terms(torch.zeros(1, 256), torch.ones(1, 256, 4), targets)
    assert terms["finder_view"].total == 0 and terms["finder_score"].total > 0


def test_around_an_unsure_hand_nothing_counts() -> None:
    batch = labelled([70.0, 50.0, 60.0, 0.3])
    batch |= {"known": torch.zeros(1, 2, dtype=torch.bool), "ignored": torch.tensor([[True, False]])}
    weight = finder_targets(batch).weight[0]
    near = (cell_centres(16, 16, weight.device) - torch.tensor([70.0, 50.0])).norm(dim=1) < AROUND / 2 * 60
    assert (weight[near] == 0).all() and (weight[~near] == 1).all()


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        HandFinder()(torch.zeros(1, 3, 100, 128))
