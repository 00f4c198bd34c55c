"""Views as training cuts them out of frames, and what is learned from each."""

import math

import numpy as np
import pytest
import torch
from support.made_frames import DEVICE, frames, hand, sample, sources

from handos_model.network.instances import to_pixels, to_view
from handos_model.training.views.appearance import change_colours, cover, motion_kernel, spoil
from handos_model.training.views.cutting import cut, joint_views
from handos_model.training.views.finding_batches import finder_batch
from handos_model.training.views.labelled_frames import MAX_HANDS, load_frames
from handos_model.training.views.seeing_batches import see_batch, view_targets
from handos_model.training.views.shares import Shares


def test_a_view_is_laid_around_the_palm_with_the_fingers_up() -> None:
    x, y, size, angle = joint_views(torch.from_numpy(hand())).tolist()
    palm = hand()[[0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]]
    along = ((palm[4] + palm[8]) / 2 + palm[6]) / 2 - palm[0]
    assert angle == pytest.approx(math.atan2(along[0], -along[1]), abs=1e-5)
    turned = to_view(torch.from_numpy(palm)[None], torch.tensor([[x, y, 1.0, angle]]))[0].numpy()
    extent = turned.max(0) - turned.min(0)
    assert size == pytest.approx(2 * extent.max(), rel=1e-4)
    assert (turned.max(0) + turned.min(0)) / 2 == pytest.approx([0, 0.1 * extent[1]], abs=1e-3)


def test_a_turned_hand_has_the_turned_view() -> None:
    joints, angle = torch.from_numpy(hand()), 0.7
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    first, second = joint_views(joints), joint_views(joints @ turn.T)
    assert torch.allclose(second[:2], turn @ first[:2], atol=1e-3) and second[3] - first[3] == pytest.approx(angle)
    assert second[2] == pytest.approx(float(first[2]), rel=1e-5)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_what_lies_at_a_point_of_the_frame_lies_there_in_the_view(flip: float) -> None:
    image = torch.zeros(1, 3, 100, 100)
    image[0, :, 40, 60] = 1
    view = torch.tensor([[50.0, 50.0, 80.0, 0.4]])
    black = torch.zeros(1, 3, 160, 160)
    seen = cut(image, torch.tensor([[100.0, 100.0]]), view, torch.tensor([flip]), 160, black, torch.tensor([False]))
    expected = to_view(torch.tensor([[[60.0, 40.0]]]), view)[0, 0] * torch.tensor([flip, 1.0])
    rows, columns = (seen[0, 0] > 0.5 * seen.max()).nonzero().float().mean(0).tolist()
    assert [(columns + 0.5) / 160 - 0.5, (rows + 0.5) / 160 - 0.5] == pytest.approx(expected.tolist(), abs=0.006)


def test_beyond_the_frame_lies_what_was_asked_for() -> None:
    image, around = torch.full((2, 3, 40, 40), 0.5), torch.ones(2, 3, 60, 60)
    extents, views = torch.tensor([[40.0, 20.0]] * 2), torch.tensor([[20.0, 10.0, 60.0, 0.0]] * 2)
    seen = cut(image, extents, views, torch.ones(2), 60, around, torch.tensor([False, True]))
    assert (seen[0, 0] == 1).float().mean() == pytest.approx(1 - 40 * 20 / 3600, abs=0.02)
    assert torch.allclose(seen[1], torch.tensor(0.5))


def test_a_large_view_is_averaged_as_it_shrinks() -> None:
    image = torch.zeros(1, 3, 256, 256)
    image[:, :, ::2] = 1  # stripes of one pixel
    view = torch.tensor([[127.5, 127.5, 256.0, 0.0]])
    seen = cut(
        image, torch.tensor([[256.0, 256.0]]), view, torch.ones(1), 64, torch.zeros(1, 3, 64, 64), torch.tensor([True])
    )
    assert torch.allclose(seen, torch.tensor(0.5), atol=1e-3)


def test_labels_follow_their_hand_into_the_view() -> None:
    held = frames(sample())
    view = torch.tensor([[104.0, 76.0, 120.0, 0.3]])
    first = torch.zeros(1, dtype=torch.long)
    plain, mirrored = (view_targets(held, first, first, view, torch.tensor([flip])) for flip in (1.0, -1.0))
    back = to_pixels(plain.joints, view)[0]
    assert torch.allclose(back, torch.from_numpy(hand()), atol=1e-3)
    assert torch.allclose(mirrored.joints, plain.joints * torch.tensor([-1.0, 1.0]))
    assert torch.allclose(mirrored.joints_3d, plain.joints_3d * torch.tensor([-1.0, 1.0, 1.0]))
    assert (plain.sign, mirrored.sign) == (1.0, -1.0) and (plain.joints_3d[:, 0] == 0).all()
    joints = sample().joints_3d[0]
    true = torch.from_numpy(np.linalg.norm(joints - joints[0], axis=1))[1:]
    scale = plain.joints_3d[0, 1:].norm(dim=-1) / true
    assert torch.allclose(scale, scale[:1].expand(20), rtol=1e-3)  # one for all joints


def test_a_batch_of_views_has_its_parts_in_order() -> None:
    images, targets, presence = see_batch(sources(), (3, 2, 2, 1), np.random.default_rng(0))
    assert images.shape == (8, 3, 224, 224) and 0 <= images.min() and images.max() <= 1
    assert len(targets.joints) == 5 and targets.has_vertices.tolist() == [1, 1, 1, 0, 0]
    assert (presence[:5] == 1).all() and set(presence[5:7].tolist()) <= {0.0, -1.0} and presence[7] == 0


def test_shares_add_up_to_the_batch() -> None:
    for total in (1, 7, 64):
        assert sum(Shares().counts(total)) == total and min(Shares().counts(total)) >= 0


def test_the_finders_images_say_where_hands_are() -> None:
    torch.manual_seed(0)
    batch = finder_batch(sources(), (4, 2, 3), 128, (20.0, 60.0), np.random.default_rng(0))
    assert batch.images.shape == (9, 3, 128, 128) and batch.known.shape == (9, MAX_HANDS)
    assert not batch.known[6:].any() and not batch.known[:, 1:].any() and batch.known[:6, 0].any()
    assert batch.complete.tolist() == [True] * 9  # every photo here has all of its hands labelled
    sizes = batch.views[:6, 0, 2]
    assert ((sizes > 15) & (sizes < 200)).all()


def test_frames_are_shrunk_with_their_labels() -> None:
    held = frames(sample(), size=100)
    assert held.extents.tolist() == [[100.0, 80.0]] and held.images.shape == (1, 100, 100, 3)
    expected = (torch.from_numpy(hand()) + 0.5) / 2 - 0.5
    assert torch.allclose(held.joints_2d[0, 0, :, :2], expected, atol=1e-4)
    assert held.K[0, 0, 0] == 100 and held.hands.tolist() == []  # of 20 px, too small to be seen as a view
    assert frames(sample()).hands.tolist() == [[0, 0]]


def test_without_frames_there_is_nothing_to_train_on() -> None:
    with pytest.raises(ValueError, match="no frame"):
        load_frames([], 100, DEVICE)


def test_a_changed_view_is_still_an_image() -> None:
    torch.manual_seed(1)
    x = torch.rand(9, 3, 48, 48)
    for changed in (change_colours(x), cover(x, 1.0), spoil(x, np.random.default_rng(0), 1.0)):
        assert changed.shape == x.shape and 0 <= changed.min() and changed.max() <= 1
        assert not torch.equal(changed, x)
    assert torch.equal(cover(x[:1], 1.0), x[:1])  # alone there is no other image to cover it with
    assert motion_kernel(2, 0.0)[2].tolist() == [1] * 5 and motion_kernel(2, 0.0).sum() == 5
