"""The frozen palm detector: equal to the published network, fully convolutional, and it does not move."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from handos_model.network.palm_detector import STRIDES, PalmDetector, anchors  # noqa: E402

# Outputs of palm_detection_full.tflite (mediapipe 0.10.21; LiteRT 2.3.0 on a CPU) for pattern(192, 192):
# anchor -> logit, and its values 0 to 4 and 17.
PUBLISHED = {
    0: (-7.0103, [0.801, -1.879, 17.264, 17.263, -6.838, 6.647]),
    577: (-6.6404, [-5.007, 1.855, 31.496, 31.450, -14.061, 10.529]),
    1151: (-7.5717, [1.122, 2.947, 31.975, 31.923, 8.852, 2.774]),
    1152: (-10.3673, [5.702, 5.175, 45.753, 45.796, -9.286, 4.512]),
    1500: (-7.9594, [1.142, 0.787, 42.608, 42.644, 9.319, -10.305]),
    2015: (-7.8021, [17.831, -2.632, 124.967, 125.082, 32.808, -6.262]),
}
PUBLISHED_MEAN_LOGIT, PUBLISHED_MEAN_VALUE = -7.600562, 10.414282


def pattern(height: int, width: int) -> torch.Tensor:
    """Smooth colours in 0..1, the same on every machine: (1, 3, height, width)."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [np.sin(x / (5 + 3 * c)) * np.cos(y / (9 - 2 * c)) + 0.5 * np.sin((x + 2 * y) / (17 + c)) for c in range(3)]
    return torch.from_numpy(np.stack([0.5 + 0.3 * wave for wave in waves]).astype(np.float32))[None]


@pytest.fixture(scope="module")
def detector() -> PalmDetector:
    return PalmDetector()


def test_equals_the_published_network(detector):
    _, _, logits, values = detector.network(pattern(192, 192))
    assert logits.shape == (1, 2016) and values.shape == (1, 2016, 18)
    for anchor, (logit, expected) in PUBLISHED.items():
        assert logits[0, anchor].item() == pytest.approx(logit, abs=1e-3)
        assert values[0, anchor, [0, 1, 2, 3, 4, 17]].tolist() == pytest.approx(expected, abs=1e-3, rel=2e-5)
    assert logits.double().mean().item() == pytest.approx(PUBLISHED_MEAN_LOGIT, abs=1e-4)
    assert values.double().abs().mean().item() == pytest.approx(PUBLISHED_MEAN_VALUE, abs=1e-4)


def test_shapes_of_another_size(detector):
    found = detector(pattern(256, 192))
    assert [tuple(m.shape) for m in found.backbone] == [(1, 64, 64, 48), (1, 128, 32, 24), (1, 256, 16, 12)]
    assert [tuple(m.shape) for m in found.memory] == [(1, 128, 32, 24), (1, 256, 16, 12)]
    queries = 2 * 32 * 24 + 6 * 16 * 12
    assert found.boxes.shape == (1, queries, 4) and found.keypoints.shape == (1, queries, 7, 2)
    assert found.scores.shape == (1, queries) and found.scores.min() >= 0 and found.scores.max() <= 1
    assert tuple(m.shape[1] for m in found.backbone) == detector.backbone_channels
    assert tuple(m.shape[1] for m in found.memory) == detector.memory_channels
    assert tuple(256 // m.shape[2] for m in found.memory) == STRIDES


def test_batch_equals_single_images(detector):
    images = torch.cat([pattern(64, 96), pattern(64, 96).flip(-1), torch.zeros(1, 3, 64, 96)])
    together = detector(images)
    for i in range(3):
        torch.testing.assert_close(together.boxes[i], detector(images[i : i + 1]).boxes[0], atol=1e-3, rtol=1e-4)


def test_anchors_by_hand():
    centres = anchors(64, 96)
    assert centres.shape == (2 * 8 * 12 + 6 * 4 * 6, 2)
    assert centres[0].tolist() == [3.5, 3.5]  # a cell of 8 px spans pixel centres 0 to 7
    assert centres[27].tolist() == [11.5, 11.5]  # second anchor of row 1, column 1
    assert centres[2 * 8 * 12].tolist() == [7.5, 7.5]
    assert centres[-1].tolist() == [87.5, 55.5]


def test_decoding_by_hand(detector):
    image = pattern(64, 96)
    found, (_, _, logits, values) = detector(image), detector.network(image)
    value, centre = values[0, 27], torch.tensor([11.5, 11.5])
    box = torch.cat([centre + value[:2] - value[2:4] / 2, centre + value[:2] + value[2:4] / 2])
    torch.testing.assert_close(found.boxes[0, 27], box)
    torch.testing.assert_close(found.keypoints[0, 27, 6], centre + value[16:18])
    torch.testing.assert_close(found.scores[0, 27], 1 / (1 + (-logits[0, 27]).exp()))


def test_frozen_over_optimiser_steps():
    detector, head = PalmDetector(), torch.nn.Conv2d(256, 1, 1)
    model = torch.nn.ModuleList([detector, head]).train()
    assert not any(module.training for module in detector.modules()) and head.training
    before = {name: array.clone() for name, array in model.state_dict().items()}
    image = pattern(64, 64)
    maps = detector(image).memory[1].clone()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(3):
        features = detector(image).memory[1]
        assert not features.requires_grad
        optimiser.zero_grad()
        head(features).square().mean().backward()
        optimiser.step()
    after = model.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert moved == ["1.weight", "1.bias"]
    assert torch.equal(maps, detector(image).memory[1])


def test_exports_to_onnx_for_any_size(detector, tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")

    class Scores(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = detector

        def forward(self, image):
            found = self.detector(image)
            return found.boxes, found.scores, *found.memory

    axes = {"image": {2: "height", 3: "width"}, **{name: {1: "queries"} for name in ("boxes", "scores")}}
    path = tmp_path / "detector.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Scores().eval(), (pattern(64, 64),), path, dynamo=False, opset_version=17, dynamic_axes=axes,
            input_names=["image"], output_names=["boxes", "scores", "m8", "m16"],
        )  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert "PRelu" not in Path(path).read_bytes().decode("latin-1")
    image = pattern(96, 64)
    boxes, scores, *memory = session.run(["boxes", "scores", "m8", "m16"], {"image": image.numpy()})
    found = detector(image)
    np.testing.assert_allclose(boxes, found.boxes, atol=1e-3)
    np.testing.assert_allclose(scores, found.scores, atol=1e-5)
    for exported, original in zip(memory, found.memory, strict=True):
        np.testing.assert_allclose(exported, original, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 3, 100, 96), (1, 3, 96, 100), (1, 3, 0, 96), (1, 1, 96, 96), (3, 96, 96)])
def test_wrong_input_size(detector, shape):
    with pytest.raises(ValueError, match="multiples of 32, got"):
        detector(torch.zeros(shape))


def test_empty_batch(detector):
    found = detector(torch.zeros(0, 3, 64, 64))
    assert found.boxes.shape == (0, 2 * 64 + 6 * 16, 4) and found.memory[0].shape == (0, 128, 8, 8)


def test_missing_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match="convert_palm_detector"):
        PalmDetector(tmp_path / "none.npz")
