"""Weights of others may say anything: in one sentence, and never by an IndexError."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from fake_network import Answer, write_network

from handos_model import HandPredictor
from handos_model.prediction.output_check import HAND, check_outputs

IMAGE = np.zeros((64, 64, 3), np.uint8)
GOOD = Answer(
    0.9, np.full((21, 2), 5.0), np.zeros((21, 3)), np.zeros((778, 3)), np.array([5.0, 5, 9, 0]), np.ones(3),
    np.ones(21), 1.0,
)  # fmt: skip


def said(hands: int = 2) -> dict[str, np.ndarray]:
    return {name: np.full((hands, *shape), 0.5, np.float32) for name, shape in HAND.items()}


@pytest.mark.parametrize("hands", [0, 1, 3])
def test_what_is_in_order_passes(hands: int) -> None:
    check_outputs(said(hands) | {"other": "anything"})
    check_outputs(said(hands) | {"scores": np.full(hands, 1.002, np.float32)}, hands)


@pytest.mark.parametrize("name", HAND)
def test_another_shape_type_or_number_of_hands_is_refused(name: str) -> None:
    good = said()[name]
    for values in (np.array(good[0]), good[None], good[:1], good[..., None], np.array(1, np.float32)):
        with pytest.raises(ValueError, match=r"have the shape \(.*, expected \("):
            check_outputs({"scores": np.zeros(2, np.float32), "right": np.zeros(2, np.float32)} | {name: values}, 2)
    for other in (good.astype(np.int64), good.astype(str), [0.5, 0.5], None):
        with pytest.raises(ValueError, match="must be numbers"):
            check_outputs({name: other})


@pytest.mark.parametrize("name", ["scores", "presence", "joint_confidence", "right"])
@pytest.mark.parametrize("value", [5, -0.1, np.nan, np.inf])
def test_shares_lie_between_0_and_1(name: str, value: float) -> None:
    values = said()
    values[name].flat[-1] = value
    with pytest.raises(ValueError, match=f"its {name} lie between"):
        check_outputs(values)


def test_places_without_measure_are_refused() -> None:
    values = said()
    values["vertices"][0, 7, 1] = -1e30
    with pytest.raises(ValueError, match=r"its vertices lie beyond 1e\+06"):
        check_outputs(values)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (replace(GOOD, right=5.0), "its right lie between 5 and 5"),
        (replace(GOOD, right=float("nan")), "its right lie between nan"),
        (replace(GOOD, score=7.0), "its scores lie between 7"),
        (replace(GOOD, translation=np.full(3, 1e20)), "its translation lie beyond"),
    ],
)
def test_weights_that_say_what_cannot_be(tmp_path: Path, answer: Answer, says: str) -> None:
    predictor = HandPredictor(write_network(tmp_path / "odd.onnx", [answer], 64), size=64)
    with pytest.raises(ValueError, match=f"odd.onnx is not a hand network: {says}"):
        predictor.predict(IMAGE)


@pytest.mark.parametrize("name", ["view", "vertices", "right", "joints_2d"])
def test_weights_whose_outputs_have_another_shape(tmp_path: Path, name: str) -> None:
    model = onnx.load(str(write_network(tmp_path / "odd.onnx", [GOOD], 64)))
    for node in model.graph.node:
        node.output[:] = [f"{name}_whole" if output == name else output for output in node.output]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1], np.int64), "flat"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 1, 1], np.int64), "three"))
    target = "three" if name == "right" else "flat"
    model.graph.node.append(onnx.helper.make_node("Reshape", [f"{name}_whole", target], [name]))
    onnx.save(model, str(tmp_path / "odd.onnx"))
    with pytest.raises(ValueError, match=f"its {name} have the shape"):
        HandPredictor(tmp_path / "odd.onnx", size=64).predict(IMAGE)


def test_a_checksum_beside_weights_is_compared(tmp_path: Path) -> None:
    path = write_network(tmp_path / "own.onnx", [GOOD], 64)
    sidecar = tmp_path / "own.onnx.sha256"
    sidecar.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  own.onnx\n")
    HandPredictor(path, size=64)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="weights are damaged .*own.onnx differs from its checksum"):
        HandPredictor(path, size=64)


@pytest.mark.parametrize("text", [b"webxr-generic", b"score_threshold", b"joint_confidence"])
def test_texts_that_are_no_utf_8_are_damage(tmp_path: Path, text: bytes) -> None:
    path = write_network(tmp_path / "odd.onnx", [GOOD], 64)
    path.write_bytes(path.read_bytes().replace(text, text[:-1] + b"\xb1"))
    with pytest.raises(ValueError, match="odd.onnx is damaged or not an ONNX file"):
        HandPredictor(path, size=64)


def test_strangers_texts_in_weights_are_cut(tmp_path: Path) -> None:
    metadata = {"name": "n" * 100_000, "version": "a\nb", "score_threshold": "x" * 9999, "size": "64", "template": "t"}
    with pytest.raises(ValueError) as caught:
        HandPredictor(write_network(tmp_path / "long.onnx", [GOOD], 64, metadata))
    assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value)
