"""Which detector, prompt and source a user may choose, and what is said of wrong ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from small_detectors import MODELS, images, plain, small_model  # noqa: E402

from handos_model.network.detectors.build import KINDS, build_detector  # noqa: E402
from handos_model.network.detectors.landmark_detector import LandmarkDetector  # noqa: E402
from handos_model.network.detectors.pretrained import IMAGENET  # noqa: E402
from handos_model.network.detectors.rt_detr import RTDetr  # noqa: E402
from handos_model.network.detectors.transformers_detector import to_pixels  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("target", ("", "glove"))
def test_a_prompt_without_known_words(folder, target):
    with pytest.raises(ValueError, match="has no word that this detector knows"):
        build_detector("grounding_dino", str(folder / "grounding_dino"), target=target)


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "grounding_dino"])
def test_the_class_is_asked_for(folder, kind):
    person = build_detector(kind, str(folder / kind), target="person")
    logits = plain(kind, small_model(kind), images(1)).logits
    torch.testing.assert_close(person(images(1)).scores, logits[..., 0].sigmoid(), atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match=r"has no class 'glove': set target to one of its classes \(person, Hand\)"):
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
        "empty": "there is no detector in", "config": "there is no detector in",
        "pickle": "only safetensors are read",
        "cut": "there are no weights in", "wider": "there are no weights in",
        "incomplete": "incomplete: 2 are missing, the first is model.enc_score_head.bias",
    }  # fmt: skip
    for name, message in messages.items():
        with pytest.raises(ValueError, match=message) as error:
            build_detector("rt_detr", str(wrong[name]))
        assert "\n" not in str(error.value), name
    with pytest.raises(ValueError, match="holds a model of type rt_detr_v2, expected grounding-dino"):
        build_detector("grounding_dino", str(folder / "rt_detr"))
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        build_detector("d_fine", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="needs a source: a hub id or a local folder"):
        build_detector("d_fine")
    monkeypatch.setattr("transformers.utils.hub._is_offline_mode", True)  # as HF_HUB_OFFLINE=1 does on import
    with pytest.raises(ValueError, match="there is no detector in nobody/nothing"):
        build_detector("d_fine", "nobody/nothing")
    shutil.copytree(folder / "grounding_dino", tmp_path / "mute", ignore=shutil.ignore_patterns("*token*", "vocab*"))
    with pytest.raises(ValueError, match="there is no tokenizer in"):
        build_detector("grounding_dino", str(tmp_path / "mute"))


def test_kinds(tmp_path):
    assert {"landmarks", *MODELS} == set(KINDS)
    with pytest.raises(ValueError, match="unknown detector 'yolo': choose one of landmarks, grounding_dino"):
        build_detector("yolo")
    assert isinstance(build_detector("landmarks"), LandmarkDetector)
    with pytest.raises(
        ValueError, match="the landmarks detector has no options: leave out target='hand', memory_layer=4"
    ):
        build_detector("landmarks", memory_layer=4)
    with pytest.raises(FileNotFoundError):
        build_detector("landmarks", str(tmp_path / "none.npz"))


def test_transformers_is_imported_only_when_asked_for():
    code = "import sys; from handos_model.network.detectors.build import build_detector; build_detector('landmarks');"
    code += "print('transformers' in sys.modules)"
    root = Path(__file__).parents[2]
    printed = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "False"
