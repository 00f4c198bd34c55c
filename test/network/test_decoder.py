"""The paper's decoder, row by row of the specification: expansion, 2D layers, lifting, interactive layers, heads."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from handos_model.hand import JOINTS
from handos_model.network.decoder import POINT_UNIT, DecoderSize, HandDecoder, mesh_volume
from handos_model.network.handos import joint_weights, template_tensors
from handos_model.network.instances import HAND_BOX_PER_VIEW, Instances, box_views
from handos_model.template.coarse import random_hands
from handos_model.template.hand_template import signed_volume, skin
from handos_model.template.load import load_template
from handos_model.training.objective.criterion import Criterion, LossWeights, hand_size
from handos_model.training.objective.term import label_totals

STRIDES = [8, 16]
SMALL = DecoderSize(
    vertex_queries=False, shared_heads=True, d_model=32, d_value=32, heads=4, feedforward=64,
    layers_2d=2, layers_3d=4,
)  # fmt: skip
QUERY = 64


@pytest.fixture(scope="module")
def template():
    return load_template()


def decoder_of(template, **changes):
    size = replace(SMALL, **changes)
    torch.manual_seed(0)
    return HandDecoder(size, QUERY, len(STRIDES), template_tensors(template, size.vertex_queries)).eval()


def inputs(batch=1, hands=2, seed=0, channels=32):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(batch, hands, 2, generator=generator) * 40
    boxes = torch.cat([corner, corner + 20 + 40 * torch.rand(batch, hands, 2, generator=generator)], -1)
    views = box_views(boxes)
    extents = (boxes[..., 2:] - boxes[..., :2]) / (HAND_BOX_PER_VIEW * views[..., 2:3])
    queries = torch.randn(batch, hands, QUERY, generator=generator)
    kept = Instances(queries, views, extents, torch.zeros(batch, hands, 0, 2), torch.zeros(batch, hands, 0, 0))
    values = [torch.randn(batch, channels, 96 // s, 128 // s, generator=generator) for s in STRIDES]
    return kept, values


def test_query_expansion_adds_the_embedding_and_scales_the_box(template):
    decoder = decoder_of(template)
    hands, _ = inputs()
    queries, centres, sizes, context = decoder.expand(hands)
    instance = decoder.expansion_norm(decoder.instance(hands.queries))
    assert torch.allclose(queries[0, 1, 7], instance[0, 1] + decoder.joint_embedding[7])
    assert torch.allclose(centres, decoder.reference(queries) * POINT_UNIT)  # FFN(query) + the box's centre, the origin
    width, height = hands.extents[0, 1]
    assert max(width, height) == pytest.approx(1)
    assert torch.allclose(sizes[0, 1, 3], decoder.joint_box[3] * torch.stack([width, height]))
    assert torch.equal(context, instance)


def test_a_unified_query_does_not_see_the_detectors(template):
    decoder = decoder_of(template, unified_query=True)
    hands, _ = inputs()
    first, *_ = decoder.expand(hands)
    other, *_ = decoder.expand(replace(hands, queries=hands.queries + 1))
    assert torch.equal(first, other) and torch.equal(first[0, 0], first[0, 1])


def test_lifting_starts_as_the_skinning_weights(template):
    for every in (False, True):
        lifting = template_tensors(template, every)["lifting"]
        assert lifting.shape == (779 if every else 97, JOINTS)
        assert torch.allclose(lifting.sum(1), torch.ones(len(lifting)), atol=1e-4)
        assert torch.allclose(lifting[-1], torch.full((JOINTS,), 1 / JOINTS))
    weights = joint_weights(template)
    bone = template.bone_names.index("index-finger-phalanx-distal")
    moved = template.skinning_weights[:, bone]
    assert np.allclose(weights[:, 7], moved, atol=1e-6)  # turns about the DIP joint, and nothing else does


def test_metacarpals_hang_on_the_wrist(template):
    """No joint of the 21 turns them; the thumb's first one is the nearest to two of them, 23 and 29 mm away."""
    palm = [name for name in template.bone_names if name.endswith("metacarpal") and not name.startswith("thumb")]
    rigid = template.skinning_weights[:, [template.bone_names.index(name) for name in ("wrist", *palm)]].sum(1)
    thumb = template.skinning_weights[:, template.bone_names.index("thumb-metacarpal")]
    assert len(palm) == 4 and rigid.sum() > 270
    weights = joint_weights(template).numpy()
    assert np.allclose(weights[:, 0], rigid, atol=1e-5) and np.allclose(weights[:, 1], thumb, atol=1e-5)


def test_the_camera_reaches_hands_that_are_cut(template):
    """Posed hands before a far camera, whose boxes are cut by 60 % of the hand along its longer side: every fourth
    needs a narrower view than 103 mm, and every one a view that the camera head can say."""
    vertices = skin(template, *random_hands(template, 500, np.random.default_rng(0)))
    turns = Rotation.random(500, random_state=0).as_matrix()
    joints = (template.joint_regressor @ vertices @ turns.transpose(0, 2, 1))[..., :2]
    extent = np.ptp(joints, axis=1)
    cut = extent.copy()
    along = extent.argmax(1)
    cut[np.arange(500), along] *= 0.4
    widths = cut.max(1) / HAND_BOX_PER_VIEW
    assert 0.2 < (widths < 0.103).mean() < 0.3
    decoder, (hands, values) = decoder_of(template), inputs()
    said = []
    for bias in (-100.0, 100.0):
        decoder.heads[-1].camera[-1].bias.data[2] = bias
        said.append(decoder(hands, values, STRIDES, "full")[-1]["pred_translation"][..., 2].mean().item())
    assert said[0] < 0.6 * widths.min() and said[1] > widths.max()


def test_query_lifting_mixes_joint_queries_and_boxes(template):
    decoder = decoder_of(template)
    queries, centres, sizes = torch.randn(1, 1, JOINTS, 32), torch.randn(1, 1, JOINTS, 2), torch.rand(1, 1, JOINTS, 2)
    decoder.vertex_box.data.uniform_(0.5, 2)
    lifted = decoder.lift(queries, centres, sizes, None, None)
    vertex = decoder.lifting[5] @ queries[0, 0]
    assert torch.allclose(lifted.queries[0, 0, JOINTS + 5], vertex, atol=1e-5)
    shift = decoder.lifted_reference(vertex[None, None, None])[0, 0, 0] * POINT_UNIT
    assert torch.allclose(lifted.centres[0, 0, JOINTS + 5], decoder.lifting[5] @ centres[0, 0] + shift, atol=1e-5)
    camera = (decoder.lifting[-1] @ sizes[0, 0]) * decoder.vertex_box[-1]
    assert torch.allclose(lifted.sizes[0, 0, -1], camera, atol=1e-5)
    assert torch.equal(lifted.queries[:, :, :JOINTS], queries) and lifted.sign is None


def test_two_2d_layers_then_four_interactive_ones(template):
    decoder = decoder_of(template)
    hands, values = inputs()
    with torch.no_grad():
        outputs = decoder(hands, values, STRIDES, "full")
    assert len(outputs) == 1 + 2 + 4
    assert ["pred_vertices" in output for output in outputs] == [False] * 3 + [True] * 4
    assert all(output["pred_joints_2d"].shape == (1, 2, 21, 2) for output in outputs)


def test_the_first_stage_has_2d_layers_only_and_no_gradient_for_3d(template):
    decoder = decoder_of(template)
    hands, values = inputs()
    outputs = decoder(hands, values, STRIDES, "2d")
    assert len(outputs) == 1 + 6 and not any("pred_vertices" in output for output in outputs)
    sum(output["pred_joints_view"].sum() for output in outputs).backward()
    assert decoder.layers[-1].feedforward[0].weight.grad is not None
    untouched = [decoder.lifting, decoder.rest_vertices, decoder.vertex_box]
    untouched += [p for heads in decoder.heads if heads.with_3d for p in (*heads.vertices.parameters(),)]
    assert all(p.grad is None for p in untouched)


def test_heads_give_vertices_about_the_wrist_and_a_camera_before_the_hand(template):
    decoder = decoder_of(template, vertex_queries=True, layers_2d=1, layers_3d=1)
    hands, values = inputs()
    with torch.no_grad():
        last = decoder(hands, values, STRIDES, "full")[-1]
    assert last["pred_vertices"].shape == (1, 2, 778, 3) and last["pred_translation"].shape == (1, 2, 3)
    regressor = torch.tensor(template.joint_regressor)
    joints = regressor @ last["pred_vertices"]
    assert torch.allclose(joints[:, :, 0], torch.zeros(1, 2, 3), atol=1e-6)
    assert torch.allclose(joints, last["pred_joints_3d"], atol=1e-6)
    assert (last["pred_translation"][..., 2] > 0).all()


def test_the_side_is_read_off_the_normals(template):
    decoder = decoder_of(template)
    right = torch.tensor(template.vertices)[None, None]
    left = right * torch.tensor([-1.0, 1, 1])
    volume = mesh_volume(torch.cat([right, left], 1), torch.tensor(template.faces).long())
    assert np.allclose(volume[0], signed_volume(torch.cat([right, left], 1)[0].numpy(), template.faces), rtol=1e-4)
    assert decoder.right({"pred_vertices": right}).item() == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-4)
    assert decoder.right({"pred_vertices": left}).item() == pytest.approx(1 / (1 + np.exp(4)), abs=1e-4)
    assert decoder.right({"pred_vertices": 0 * left}).item() == pytest.approx(0.5)


def test_the_camera_query_moves_neither_joints_nor_vertices(template):
    decoder = decoder_of(template)
    hands, values = inputs()
    with torch.no_grad():
        before = decoder(hands, values, STRIDES, "full")[-1]
        decoder.lifting[-1] += 1.0  # the camera's row
        after = decoder(hands, values, STRIDES, "full")[-1]
    assert torch.equal(before["pred_joints_2d"], after["pred_joints_2d"])
    assert torch.equal(before["pred_vertices"], after["pred_vertices"])
    assert not torch.allclose(before["pred_translation"], after["pred_translation"])


def test_one_batch_of_two_is_two_batches_of_one(template):
    decoder = decoder_of(template)
    hands, values = inputs(batch=2)
    with torch.no_grad():
        both = decoder(hands, values, STRIDES, "full")[-1]
        for i in range(2):
            values_of = (getattr(hands, field.name) for field in fields(Instances))
            one = Instances(*(value[i : i + 1] for value in values_of))
            alone = decoder(one, [v[i : i + 1] for v in values], STRIDES, "full")[-1]
            assert all(torch.allclose(both[name][i : i + 1], alone[name], atol=1e-4) for name in both)


def test_no_instances_give_no_hands(template):
    hands, values = inputs(hands=0)
    with torch.no_grad():
        last = decoder_of(template)(hands, values, STRIDES, "full")[-1]
    assert last["pred_vertices"].shape == (1, 0, 778, 3)


def labels(has_3d):
    joints = torch.rand(1, 1, 21, 3) * 60
    joints[..., 2] = 2
    return {
        "joints_2d": joints, "K": torch.tensor([[[100.0, 0, 64], [0, 100, 48], [0, 0, 1]]]),
        "joints_3d": torch.rand(1, 1, 21, 3) * 0.1, "vertices": torch.rand(1, 1, 778, 3) * 0.1,
        "has_3d": torch.tensor([[has_3d]]), "has_vertices": torch.tensor([[has_3d]]),
        "side": torch.ones(1, 1, dtype=torch.int8), "absolute": torch.ones(1, dtype=torch.bool),
        "count": torch.ones(1),
    }  # fmt: skip


@pytest.mark.parametrize("has_3d", [False, True])
def test_2d_only_targets_have_no_3d_terms(template, has_3d):
    torch.manual_seed(3)
    decoder = decoder_of(template)
    hands, values = inputs(hands=1)
    outputs = decoder(hands, values, STRIDES, "full")
    faces = torch.tensor(template.faces).long()
    size = float(hand_size(torch.tensor(template.joints)[None]))
    only_3d = {"joints_2d", "oks_2d", "projected", "oks_projected", "normal_consistency", "confidence", "volume"}
    weights = replace(LossWeights(), **dict.fromkeys(only_3d, 0.0))
    criterion = Criterion(faces, size, float(signed_volume(template.vertices, template.faces)), weights)
    batch = labels(has_3d)
    assigned = torch.zeros(1, 1, dtype=torch.long)
    total, terms = criterion(outputs, batch, hands.views, assigned, label_totals(batch, 1))
    three = ("vertices", "joints_3d", "normal", "edge")
    assert all((terms[name].mean > 0) == has_3d for name in three)
    total.backward()
    touched = [p.grad.abs().sum() > 0 for p in decoder.heads[-1].vertices.parameters()]
    assert all(touched) if has_3d else not any(touched)


def test_an_image_without_targets_costs_nothing(template):
    decoder = decoder_of(template)
    hands, values = inputs(hands=1)
    outputs = decoder(hands, values, STRIDES, "full")
    faces = torch.tensor(template.faces).long()
    criterion = Criterion(faces, 0.4, 1e-4)
    batch = labels(True) | {"count": torch.zeros(1)}
    total, terms = criterion(outputs, batch, hands.views, torch.full((1, 1), -1), label_totals(batch, 1))
    assert total.item() == 0 and all(term.mean == 0 for term in terms.values())
    total.backward()  # a step with an empty batch still has a gradient of zero
