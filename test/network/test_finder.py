"""The finder: an hourglass on the frozen palm detector's maps."""

import math

import pytest
import torch

from handos_model.network.finder import STRIDE, HandFinder, cell_centres, decode
from handos_model.network.instances import palm_views
from handos_model.training.objective.peaks import AROUND, finder_targets, finder_terms


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
