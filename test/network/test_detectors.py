"""Frozen detectors of transformers: what they capture equals the model's own pass, nothing moves, files are checked."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from small_detectors import (  # noqa: E402
    HEIGHT,
    HYBRID_KINDS,
    IDS,
    MODELS,
    QUERIES,
    WIDTH,
    D,
    deformable_detr,
    images,
    normalised,
    plain,
    save_tokenizer,
    small_model,
)

from handos_model.network.detectors.build import build_detector  # noqa: E402
from handos_model.network.detectors.pretrained import located  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("kind", MODELS)
def test_shapes(detectors, kind):
    """design/model.md, first table: backbone maps, memory of d channels, Q_0 and Q_6, boxes and scores."""
    detector, found = detectors[kind], detectors[kind](images(2))
    sizes = [(12, 16), (6, 8), (3, 4), (2, 2)][: 3 if kind in HYBRID_KINDS else 4]
    assert [tuple(m.shape[2:]) for m in found.backbone] == [tuple(m.shape[2:]) for m in found.memory] == sizes
    assert [m.shape[:2] for m in found.memory] == [(2, D)] * len(sizes)
    assert found.queries.shape == (2, QUERIES, 2 * D) and detector.query_size == 2 * D
    assert found.boxes.shape == (2, QUERIES, 4) and found.scores.shape == (2, QUERIES)
    assert tuple(m.shape[1] for m in found.backbone) == detector.backbone_channels
    assert detector.memory_channels == (D,) * len(sizes)
    assert detector.backbone_strides == detector.memory_strides == (8, 16, 32, 64)[: len(sizes)]
    assert found.backbone_strides == detector.backbone_strides and found.memory_strides == detector.memory_strides
    assert found.keypoints.shape[2:] == (0, 2) and found.seen.shape[2:] == (0, 0)


@pytest.mark.parametrize("kind", MODELS)
def test_equals_the_models_own_pass(detectors, kind):
    model, pixels = small_model(kind), images(2)
    found, expected = detectors[kind](pixels), plain(kind, model, pixels)
    close = {"atol": 1e-5, "rtol": 1e-5}

    scale = torch.tensor([WIDTH, HEIGHT] * 2)
    centre, size = expected.pred_boxes[..., :2], expected.pred_boxes[..., 2:]
    corners = torch.cat([centre - size / 2, centre + size / 2], -1)
    torch.testing.assert_close((found.boxes + 0.5) / scale, corners, **close)
    logits = expected.logits[..., 1]  # the word "hand" after [CLS], or class 1
    torch.testing.assert_close(found.scores, logits.sigmoid(), **close)
    with torch.no_grad():
        torch.testing.assert_close(detectors[kind].run(normalised(kind, pixels)).logits[..., 1], logits, **close)

    torch.testing.assert_close(found.queries[..., D:], expected.last_hidden_state, **close)
    if kind == "grounding_dino":
        first = model.model.query_position_embeddings.weight.expand(2, -1, -1)
    else:
        first = expected.decoder_hidden_states[0]
    torch.testing.assert_close(found.queries[..., :D], first, **close)

    if kind in HYBRID_KINDS:
        memory = expected.encoder_last_hidden_state
    else:
        flat = expected["encoder_last_hidden_state" + ("_vision" if kind == "grounding_dino" else "")]
        parts = flat.split([m[0, 0].numel() for m in found.memory], 1)
        memory = [p.mT.reshape(m.shape) for p, m in zip(parts, found.memory, strict=True)]
    for mine, other in zip(found.memory, memory, strict=True):
        torch.testing.assert_close(mine, other, **close)


@pytest.mark.parametrize("kind", MODELS)
def test_backbone_maps_are_the_backbones(detectors, kind):
    model, pixels = small_model(kind).model, normalised(kind, images(1))
    found = detectors[kind](images(1)).backbone
    backbone = model.backbone if kind in HYBRID_KINDS else model.backbone.conv_encoder
    with torch.no_grad():
        expected = list(backbone.model(pixels).feature_maps)
        if kind not in HYBRID_KINDS:
            projections = model.input_proj_vision if kind == "grounding_dino" else model.input_proj
            expected.append(projections[3](expected[2]))
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_batch_equals_single_images(detectors, kind):
    detector, pixels = detectors[kind], images(2)
    together = detector(pixels)
    for i in range(2):
        alone, part = detector(pixels[i : i + 1]), together.of(torch.tensor([i]))
        torch.testing.assert_close(part.boxes, alone.boxes, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(part.scores, alone.scores, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(part.queries, alone.queries, atol=1e-4, rtol=1e-4)
        for maps, others in ((part.memory, alone.memory), (part.backbone, alone.backbone)):
            for mine, other in zip(maps, others, strict=True):
                torch.testing.assert_close(mine, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_frozen_over_fifty_optimiser_steps(detectors, kind):
    detector, head = detectors[kind], torch.nn.Linear(2 * D, 1)
    model = torch.nn.ModuleList([detector, head]).train()
    assert not any(module.training for module in detector.modules()) and head.training
    tensors = {**dict(detector.named_parameters()), **dict(detector.named_buffers())}
    before, first = {name: t.clone() for name, t in tensors.items()}, detector(images(1))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    losses = []
    for step in range(50):
        if step % 10 == 0:
            found = detector(images(1))
        assert not any(t.requires_grad for t in (found.queries, found.boxes, *found.memory, *found.backbone))
        losses.append((head(found.queries).squeeze(-1) - found.scores).square().mean())
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < losses[0]  # something trains
    assert [name for name, t in before.items() if not torch.equal(t, tensors[name])] == []
    last = detector(images(1))
    for name in ("boxes", "scores", "queries"):
        assert torch.equal(getattr(first, name), getattr(last, name))
    for one, other in zip(first.memory + first.backbone, last.memory + last.backbone, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", MODELS)
def test_exports_to_onnx_for_any_size(detectors, kind, tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = detectors[kind]

        def forward(self, image):
            found = self.detector(image)
            return found.boxes, found.scores, found.queries, found.memory[-1], found.backbone[-1]

    path, names = tmp_path / "detector.onnx", ["boxes", "scores", "queries", "memory", "backbone"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Graph().eval(), (images(1, *detectors[kind].example),), path, dynamo=False, opset_version=17,
            input_names=["image"], output_names=names, dynamic_axes={"image": {2: "height", 3: "width"}},
        )  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for size in ((HEIGHT, WIDTH), (224, 224)):  # Swin pads each map of the first, and none of the second
        pixels = images(1, *size)
        found = dict(zip(names, session.run(names, {"image": pixels.numpy()}), strict=True))
        expected = detectors[kind](pixels)
        np.testing.assert_allclose(found["boxes"], expected.boxes, atol=0.05)
        np.testing.assert_allclose(found["scores"], expected.scores, atol=1e-4)
        np.testing.assert_allclose(found["queries"], expected.queries, atol=1e-3)
        np.testing.assert_allclose(found["memory"], expected.memory[-1], atol=1e-3)
        np.testing.assert_allclose(found["backbone"], expected.backbone[-1], atol=1e-3)


@pytest.mark.parametrize("kind", ("grounding_dino", "deformable_detr"))
def test_memory_of_another_encoder_layer(folder, kind):
    """F_e4 instead of F_e6 (paper, Table 6): the layer's own output, and nothing else changes."""
    detector, last = (build_detector(kind, str(folder / kind), memory_layer=layer) for layer in (1, 2))
    expected = plain(kind, small_model(kind), images(1))
    states = expected["encoder_vision_hidden_states" if kind == "grounding_dino" else "encoder_hidden_states"]
    for found, state in ((detector(images(1)), states[1]), (last(images(1)), states[2])):
        flat = torch.cat([m.flatten(2) for m in found.memory], 2).mT
        torch.testing.assert_close(flat, state, atol=1e-5, rtol=1e-5)
        assert torch.equal(found.boxes, last(images(1)).boxes)
    for layer in (0, 3):
        with pytest.raises(ValueError, match=f"memory_layer is {layer}, .* has the layers 1 to 2"):
            build_detector(kind, str(folder / kind), memory_layer=layer)


@pytest.mark.parametrize("kind", HYBRID_KINDS)
def test_a_hybrid_encoder_has_no_layers_to_choose_from(folder, kind):
    with pytest.raises(ValueError, match="memory_layer is 4, but this detector's encoder has no layers"):
        build_detector(kind, str(folder / kind), memory_layer=4)


def test_deformable_detr_of_one_stage(tmp_path):
    """Learned queries, which the image does not choose, and a checkpoint as transformers itself saves it."""
    torch.manual_seed(2)
    model = deformable_detr(two_stage=False).eval()
    model.save_pretrained(tmp_path / "one_stage")
    found = build_detector("deformable_detr", str(tmp_path / "one_stage"))(
        images(1, 32, 32)
    )  # fewer cells than queries
    assert torch.equal(found.queries[0, :, :D], model.model.query_position_embeddings.weight[:, D:])
    expected = plain("deformable_detr", model, images(1, 32, 32))
    torch.testing.assert_close(found.scores, expected.logits[..., 1].sigmoid())
    torch.testing.assert_close(found.queries[..., D:], expected.last_hidden_state)


@pytest.mark.parametrize("kind", ("rt_detr", "d_fine", "grounding_dino"))
def test_loads_what_transformers_saves(kind, detectors, tmp_path):
    small_model(kind).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    again = build_detector(kind, str(tmp_path))(images(1))
    assert torch.equal(again.boxes, detectors[kind](images(1)).boxes)


def test_text_is_computed_once_and_the_text_backbone_let_go(detectors):
    model, detector = small_model("grounding_dino"), detectors["grounding_dino"]
    everything, text, kept = (
        sum(p.numel() for p in part.parameters()) for part in (model, model.model.text_backbone, detector)
    )
    assert kept == everything - text
    assert detector.words == [1] and detector.input_ids.tolist() == IDS.tolist()


def test_a_word_of_several_tokens_scores_as_its_best(folder):
    detector = build_detector("grounding_dino", str(folder / "grounding_dino"), target="Hands. hand.")
    assert detector.input_ids.tolist() == [[101, 1030, 1031, 1012, 1030, 1012, 102]] and detector.words == [1, 2, 4]
    logits = torch.full((1, 2, 16), -torch.inf)
    logits[0, 0, :7] = torch.tensor([9.0, -1.0, 2.0, 9.0, 1.0, 9.0, 9.0])
    assert detector.scores(logits)[0].tolist() == pytest.approx([1 / (1 + np.exp(-2.0)), 0.0])


def test_a_hub_id_may_say_which_commit_it_means(folder, monkeypatch):
    """The commit goes to every loader; a folder whose name has an @ in it is a folder."""
    commit = "12bdfa3120f3e7ec7b434d90674b3396eccf88eb"
    assert located("owner/name") == ("owner/name", "main")
    assert located(f"owner/name@{commit}") == ("owner/name", commit)
    monkeypatch.chdir(folder)
    (folder / "owner").mkdir()
    (folder / "grounding_dino").rename(folder / "owner" / f"name@{commit}")
    try:
        assert located(f"owner/name@{commit}") == (f"owner/name@{commit}", "main")
        assert len(build_detector("grounding_dino", f"owner/name@{commit}").words) == 1
    finally:
        (folder / "owner" / f"name@{commit}").rename(folder / "grounding_dino")
