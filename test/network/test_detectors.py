"""Frozen detectors of transformers: what they capture equals the model's own pass, nothing moves, files are checked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from small_detectors import MODELS, QUERIES, D, deformable_detr, save, save_tokenizer, small_model  # noqa: E402

from handos_model.network.detectors.build import KINDS, build_detector  # noqa: E402
from handos_model.network.detectors.palm_detector import PalmDetector  # noqa: E402
from handos_model.network.detectors.pretrained import IMAGENET  # noqa: E402
from handos_model.network.detectors.rt_detr import RTDetr  # noqa: E402
from handos_model.network.detectors.transformers_detector import to_pixels  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

HYBRID = ("rt_detr", "d_fine")
HEIGHT, WIDTH = 96, 128
IDS = torch.tensor([[101, 1030, 1012, 102]])  # "hand."


def images(count: int, height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    """Squares of random colours, so that no two places score alike."""
    squares = torch.rand(count, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(5))
    return squares.repeat_interleave(8, 2).repeat_interleave(8, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Every kind in a folder of its name."""
    root = tmp_path_factory.mktemp("detectors")
    for kind in MODELS:
        save(small_model(kind), root / kind)
    save_tokenizer(root / "grounding_dino")
    return root


@pytest.fixture(scope="module")
def detectors(folder) -> dict:
    return {kind: build_detector(kind, str(folder / kind)) for kind in MODELS}


def plain(kind: str, model, pixels: torch.Tensor):
    """transformers' own forward pass."""
    text = {"input_ids": IDS.expand(len(pixels), -1)} if kind == "grounding_dino" else {}
    with torch.no_grad():
        return model(pixel_values=normalised(kind, pixels), output_hidden_states=True, **text)


def normalised(kind: str, pixels: torch.Tensor) -> torch.Tensor:
    if kind in HYBRID:
        return pixels
    mean, std = (torch.tensor(values)[:, None, None] for values in IMAGENET)
    return (pixels - mean) / std


@pytest.mark.parametrize("kind", MODELS)
def test_shapes(detectors, kind):
    """design/model.md, first table: backbone maps, memory of d channels, Q_0 and Q_6, boxes and scores."""
    detector, found = detectors[kind], detectors[kind](images(2))
    sizes = [(12, 16), (6, 8), (3, 4), (2, 2)][: 3 if kind in HYBRID else 4]
    assert [tuple(m.shape[2:]) for m in found.backbone] == [tuple(m.shape[2:]) for m in found.memory] == sizes
    assert [m.shape[:2] for m in found.memory] == [(2, D)] * len(sizes)
    assert found.queries.shape == (2, QUERIES, 2 * D) and detector.query_size == 2 * D
    assert found.boxes.shape == (2, QUERIES, 4) and found.scores.shape == (2, QUERIES)
    assert tuple(m.shape[1] for m in found.backbone) == detector.backbone_channels
    assert detector.memory_channels == (D,) * len(sizes)
    assert detector.backbone_strides == detector.memory_strides == (8, 16, 32, 64)[: len(sizes)]
    assert found.backbone_strides == detector.backbone_strides and found.memory_strides == detector.memory_strides
    assert detector.points == 0 and found.keypoints is None and found.level is None


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

    if kind in HYBRID:
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
    backbone = model.backbone if kind in HYBRID else model.backbone.conv_encoder
    with torch.no_grad():
        expected = list(backbone.model(pixels).feature_maps)
        if kind not in HYBRID:
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


@pytest.mark.parametrize("kind", HYBRID)
def test_a_hybrid_encoder_has_no_layers_to_choose_from(folder, kind):
    with pytest.raises(ValueError, match="memory_layer is 4, but this encoder has no layers"):
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


@pytest.mark.parametrize("target", ("", "glove"))
def test_a_prompt_without_known_words(folder, target):
    with pytest.raises(ValueError, match="has no word that this detector knows"):
        build_detector("grounding_dino", str(folder / "grounding_dino"), target=target)


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "grounding_dino"])
def test_the_class_is_asked_for(folder, kind):
    person = build_detector(kind, str(folder / kind), target="person")
    logits = plain(kind, small_model(kind), images(1)).logits
    torch.testing.assert_close(person(images(1)).scores, logits[..., 0].sigmoid(), atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match=r"knows no class 'glove': give one .* \(person, Hand\)"):
        build_detector(kind, str(folder / kind), target="glove")


def test_detectors_of_coco_have_no_hands():
    model = small_model("rt_detr")
    model.config.id2label = {i: f"thing {i}" for i in range(80)}
    with pytest.raises(ValueError, match=r"no class 'hand': .* thing 4 and 75 more\)"):
        RTDetr(model)


def test_boxes_by_hand():
    """A box over the left half of 64 x 32 px: from the outer edge of the first pixel to that of pixel 31."""
    boxes = to_pixels(torch.tensor([[[0.25, 0.5, 0.5, 1.0]]]), torch.zeros(1, 3, 32, 64))
    assert boxes.tolist() == [[[-0.5, -0.5, 31.5, 31.5]]]


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("shape", ((1, 3, 90, 96), (1, 3, 0, 32), (1, 1, 32, 32), (3, 32, 32)))
def test_images_of_a_wrong_shape(detectors, kind, shape):
    with pytest.raises(ValueError, match="multiples of 32, got"):
        detectors[kind](torch.zeros(shape))


@pytest.mark.parametrize("kind", MODELS)
def test_images_with_fewer_cells_than_queries(detectors, kind):
    with pytest.raises(ValueError, match="32 x 32 px are too small: they have 2. cells, and this detector picks 30"):
        detectors[kind](torch.zeros(1, 3, 32, 32))


def test_normalisation_is_the_sources(folder, tmp_path, detectors):
    shutil.copytree(folder / "deformable_detr", tmp_path / "d")
    file = tmp_path / "d" / "preprocessor_config.json"
    file.write_text(json.dumps({"do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1.0]}))
    other = build_detector("deformable_detr", str(tmp_path / "d"))
    mean, std = (torch.tensor(values)[:, None, None] for values in IMAGENET)
    same = (images(1) - 0.5) / torch.tensor([0.25, 0.5, 1.0])[:, None, None] * std + mean
    found, expected = other(images(1)), detectors["deformable_detr"](same)
    torch.testing.assert_close(found.boxes, expected.boxes, atol=1e-3, rtol=1e-4)
    file.write_text(json.dumps({"do_normalize": False}))
    assert build_detector("deformable_detr", str(tmp_path / "d")).std.tolist() == [[[1.0]]] * 3
    for wrong in ("[1]", '{"image_mean": [1], "image_std": [1]}', '{"image_mean": [0, 0, 0], "image_std": [1, 1, 0]}'):
        file.write_text(wrong)
        with pytest.raises(ValueError, match="preprocessor_config.json in"):
            build_detector("deformable_detr", str(tmp_path / "d"))


def wrong_sources(folder: Path, root: Path) -> dict[str, Path]:
    """Folders that a detector cannot be read from."""
    from safetensors.torch import load_file, save_file

    wrong = {name: root / name for name in ("empty", "pickle", "incomplete", "cut", "wider", "config")}
    wrong["empty"].mkdir()
    for name in list(wrong)[1:]:
        shutil.copytree(folder / "rt_detr", wrong[name])
    weights = load_file(folder / "rt_detr" / "model.safetensors")
    (wrong["pickle"] / "model.safetensors").unlink()
    torch.save(weights, wrong["pickle"] / "pytorch_model.bin")
    fewer = {name: t for name, t in weights.items() if "enc_score_head" not in name}
    save_file(fewer, wrong["incomplete"] / "model.safetensors", metadata={"format": "pt"})
    (wrong["cut"] / "model.safetensors").write_bytes((folder / "rt_detr" / "model.safetensors").read_bytes()[:9999])
    config = json.loads((wrong["wider"] / "config.json").read_text())
    (wrong["wider"] / "config.json").write_text(json.dumps(config | {"decoder_ffn_dim": 48}))
    (wrong["config"] / "config.json").write_text("{}")
    return wrong


def test_wrong_sources(folder, tmp_path, monkeypatch):
    wrong = wrong_sources(folder, tmp_path)
    messages = {
        "empty": "no detector to read in", "config": "no detector to read in",
        "pickle": "only safetensors are read",
        "cut": "no weights to load in", "wider": "no weights to load in",
        "incomplete": "not complete: 2 are missing, model.enc_score_head.bias first",
    }  # fmt: skip
    for name, message in messages.items():
        with pytest.raises(ValueError, match=message) as error:
            build_detector("rt_detr", str(wrong[name]))
        assert "\n" not in str(error.value), name
    with pytest.raises(ValueError, match="holds a model of type rt_detr_v2, expected grounding-dino"):
        build_detector("grounding_dino", str(folder / "rt_detr"))
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        build_detector("d_fine", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="needs a source: a hub id or a local folder"):
        build_detector("d_fine")
    monkeypatch.setattr("transformers.utils.hub._is_offline_mode", True)  # as HF_HUB_OFFLINE=1 does on import
    with pytest.raises(ValueError, match="no detector to read in nobody/nothing"):
        build_detector("d_fine", "nobody/nothing")
    shutil.copytree(folder / "grounding_dino", tmp_path / "mute", ignore=shutil.ignore_patterns("*token*", "vocab*"))
    with pytest.raises(ValueError, match="no tokenizer to read in"):
        build_detector("grounding_dino", str(tmp_path / "mute"))


def test_kinds(tmp_path):
    assert set(KINDS) == {"palm", *MODELS}
    with pytest.raises(ValueError, match="unknown detector 'yolo': choose one of palm, grounding_dino, rt_detr"):
        build_detector("yolo")
    assert isinstance(build_detector("palm"), PalmDetector)
    with pytest.raises(ValueError, match="the palm detector has no options: leave out target='hand', memory_layer=4"):
        build_detector("palm", memory_layer=4)
    with pytest.raises(FileNotFoundError):
        build_detector("palm", str(tmp_path / "palm.npz"))


def test_transformers_is_imported_only_when_asked_for():
    code = "import sys; from handos_model.network.detectors.build import build_detector; build_detector('palm');"
    code += "print('transformers' in sys.modules)"
    root = Path(__file__).parents[2]
    printed = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "False"
