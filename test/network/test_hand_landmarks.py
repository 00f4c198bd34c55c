"""The frozen hand landmark network: equal to the published one, the same in ONNX, and it does not move."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from handos_model.network.hand_landmarks import (  # noqa: E402
    CHANNELS,
    LANDMARK_WEIGHTS,
    STRIDES,
    VECTOR,
    HandLandmarkNetwork,
    LandmarkFeatures,
)
from handos_model.prediction.views import SIZE  # noqa: E402

REFERENCE = Path(__file__).parent / "hand_landmarks.npz"
"""Three images (two rendered hands, a left and a right one; noise) and what hand_landmark_full.tflite of mediapipe
0.10.21 says of them (LiteRT 2.3.0 on a CPU): tools/convert_hand_landmarks.py --reference."""
NAMES = ("landmarks", "presence", "right", "world", *(f"stride{stride}" for stride in STRIDES), "vector")


@pytest.fixture(scope="module")
def network(one_thread) -> HandLandmarkNetwork:
    return HandLandmarkNetwork()


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE) as stored:
        return dict(stored)


def views_of(images: np.ndarray) -> torch.Tensor:
    """Images (B, n, n, 3) uint8 as the network takes them, enlarged by repeating pixels."""
    factor = SIZE // images.shape[1]
    large = images.repeat(factor, axis=1).repeat(factor, axis=2).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(large)).float() / 255


@pytest.fixture(scope="module")
def views(reference) -> torch.Tensor:
    return views_of(reference["images"])


def assert_equal(features: LandmarkFeatures, published: dict[str, np.ndarray]) -> None:
    """To 1e-3 px and 1e-5 of the rest."""
    for name, tolerance in (("landmarks", 1e-3), ("world", 1e-5)):
        np.testing.assert_allclose(getattr(features, name), published[name].reshape(-1, 21, 3), atol=tolerance)
    np.testing.assert_allclose(features.presence.sigmoid(), published["presence"][:, 0], atol=1e-5)
    np.testing.assert_allclose(features.right.sigmoid(), published["right"][:, 0], atol=1e-5)


def test_equals_the_published_network(network, views, reference):
    assert_equal(network(views), reference)


def test_sees_the_hands_and_their_sides(network, views):
    features = network(views)
    assert features.presence[0] > 3 and features.presence[1] > 3 and features.presence[2] < -3
    assert features.right[0] < -3 and features.right[1] > 3
    wrist, middle_tip = features.landmarks[:2, 0], features.landmarks[:2, 12]
    assert (wrist[:, 1] - middle_tip[:, 1] > 80).all()  # upright
    span = (features.world[:2, 0] - features.world[:2, 9]).norm(dim=-1)
    assert ((span > 0.06) & (span < 0.12)).all()  # m from wrist to the middle finger's knuckle


def test_a_mirrored_view_has_the_other_side_in_the_mirrored_place(network, views):
    features, mirrored = network(views[:2]), network(views[:2].flip(-1))
    assert (features.right.sign() == -mirrored.right.sign()).all()
    across = features.landmarks[..., 0] + mirrored.landmarks[..., 0]  # SIZE - 1: pixel centres are whole numbers
    assert (across - (SIZE - 1)).abs().mean() < 4


def test_shapes(network, views):
    features = network(views)
    assert features.landmarks.shape == features.world.shape == (3, 21, 3)
    assert features.presence.shape == features.right.shape == (3,)
    assert features.vector.shape == (3, VECTOR) == (3, 1152)
    sizes = [(3, channels, SIZE // stride, SIZE // stride) for channels, stride in zip(CHANNELS, STRIDES, strict=True)]
    assert [tuple(m.shape) for m in features.maps] == sizes
    assert CHANNELS == (24, 40, 112, 192)


def test_batch_equals_single_views(network, views):
    together = network(views)
    for i in range(3):
        alone = network(views[i : i + 1])
        torch.testing.assert_close(together.landmarks[i], alone.landmarks[0], atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(together.maps[3][i], alone.maps[3][0], atol=1e-4, rtol=1e-4)


def test_no_views(network):
    features = network(torch.zeros(0, 3, SIZE, SIZE))
    assert features.landmarks.shape == (0, 21, 3) and features.maps[3].shape == (0, 192, 7, 7)


@pytest.mark.parametrize("shape", [(1, 3, 192, 192), (1, 3, 224, 192), (1, 1, 224, 224), (3, 224, 224)])
def test_views_of_another_shape(network, shape):
    with pytest.raises(ValueError, match=r"views must be \(B, 3, 224, 224\), got"):
        network(torch.zeros(shape))


def test_frozen_over_optimiser_steps(views):
    network, head = HandLandmarkNetwork(), torch.nn.Linear(VECTOR, 1)
    model = torch.nn.ModuleList([network, head]).train()
    assert not any(module.training for module in network.modules()) and head.training
    before = {name: array.clone() for name, array in model.state_dict().items()}
    first = network(views[:1])
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(3):
        vector = network(views[:1]).vector
        assert not vector.requires_grad
        optimiser.zero_grad()
        head(vector).square().mean().backward()
        optimiser.step()
    after = model.state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == ["1.weight", "1.bias"]
    again = network(views[:1])
    assert torch.equal(first.landmarks, again.landmarks) and torch.equal(first.maps[0], again.maps[0])


def test_onnx_equals_torch(network, views, tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")

    class Outputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, views):
            f = self.network(views)
            return f.landmarks, f.presence, f.right, f.world, *f.maps, f.vector

    path = tmp_path / "landmarks.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Outputs().eval(), (views[:1],), path, dynamo=False, opset_version=17, input_names=["views"],
            output_names=list(NAMES), dynamic_axes={name: {0: "hands"} for name in ("views", *NAMES)},
        )  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (views, views[:0]):
        values = session.run(list(NAMES), {"views": batch.numpy()})
        for exported, original in zip(values, Outputs()(batch), strict=True):
            np.testing.assert_allclose(exported, original, atol=1e-3)


def test_weights_of_another_network(tmp_path):
    from handos_model.network.palm_detector import PALM_WEIGHTS

    with pytest.raises(ValueError, match=r"palm_detector.npz does not fit the network: .* differ"):
        HandLandmarkNetwork(PALM_WEIGHTS)
    path = tmp_path / "weights.npz"
    path.write_bytes(LANDMARK_WEIGHTS.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="damaged or not an .npz"):
        HandLandmarkNetwork(path)
    with pytest.raises(FileNotFoundError, match="convert_hand_landmarks"):
        HandLandmarkNetwork(tmp_path / "none.npz")


@pytest.mark.parametrize("name", ["hand_landmarks.npz", "palm_detector.npz"])
def test_embedded_weights_carry_their_checksum(name):
    """read_weights compares it, so a damaged installation is told from a wrong file."""
    assert (LANDMARK_WEIGHTS.parent / f"{name}.sha256").read_text().split()[1] == name
