"""A tiny ONNX graph with the interface of the real one, which answers with hands that the test chose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from handos_model.camera import Camera
from handos_model.prediction.placing import view_rotation
from handos_model.template.embedded import EMBEDDED_NAME

METADATA = {
    "name": "fake", "version": "1", "score_threshold": "0.3", "size": "640", "template": EMBEDDED_NAME,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One hand as the network would say it of an image `width` px wide, before the image is resized."""

    score: float
    joints_2d: np.ndarray  # (21, 2) px of the source image
    joints_3d: np.ndarray  # (21, 3) m, wrist-relative, view frame
    vertices: np.ndarray  # (778, 3) likewise
    view: np.ndarray  # (4,) source px
    translation: np.ndarray  # (3,)
    confidence: np.ndarray  # (21,)
    right: float  # probability of a right hand
    min_width: float = 0.0  # network px below which this hand is not seen
    max_width: float = 1e6  # and above


def answer(
    vertices: np.ndarray, joints: np.ndarray, camera: Camera, score: float = 0.9, angle: float = 0.0,
    confidence: float = 0.8, min_width: float = 0.0, max_width: float = 1e6, right: float = 1.0,
) -> Answer:  # fmt: skip
    """The answer of a perfect network for a hand, vertices (778, 3) and joints (21, 3) m in the camera frame."""
    joints_2d = camera.project(joints)
    centre, size = joints_2d.mean(axis=0), np.ptp(joints_2d, axis=0).max()
    view = np.array([*centre, size, angle])
    R = view_rotation(view[None], camera)[0]
    in_view = joints[0] @ R
    translation = in_view / [1, 1, camera.focal / size]
    spread = np.full(21, confidence)
    joints_3d, vertices = (joints - joints[0]) @ R, (vertices - joints[0]) @ R
    return Answer(score, joints_2d, joints_3d, vertices, view, translation, spread, right, min_width, max_width)


def write_network(path: Path, answers: list[Answer], width: int, metadata: dict[str, str] | None = None) -> Path:
    """Writes the graph for source images of `width` px; the network's input must not be padded at the right."""
    n = len(answers)
    constants = {
        "score": np.array([a.score for a in answers], np.float32),
        "min_width": np.array([a.min_width for a in answers], np.float32),
        "max_width": np.array([a.max_width for a in answers], np.float32),
        "joints": np.array([(a.joints_2d + 0.5) / width for a in answers], np.float32).reshape(n, 21, 2),
        "box": np.array([(a.view + [0.5, 0.5, 0, 0]) / [width, width, width, 1] for a in answers], np.float32),
        "joint_confidence": np.array([a.confidence for a in answers], np.float32).reshape(n, 21),
        "vertices": np.array([a.vertices for a in answers], np.float32).reshape(n, 778, 3),
        "joints_3d": np.array([a.joints_3d for a in answers], np.float32).reshape(n, 21, 3),
        "translation": np.array([a.translation for a in answers], np.float32).reshape(n, 3),
        "right": np.array([a.right for a in answers], np.float32),
        "two": np.array([2], np.int64), "half": np.array(0.5, np.float32), "ones": np.ones(1, np.float32),
        "centre_half": np.array([0.5, 0.5, 0, 0], np.float32),
    }  # fmt: skip
    constants["box"] = constants["box"].reshape(n, 4)
    given = ("joint_confidence", "vertices", "joints_3d", "translation", "right")
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Gather", ["shape", "two"], ["w"]),
        helper.make_node("Cast", ["w"], ["width"], to=TensorProto.FLOAT),
        helper.make_node("GreaterOrEqual", ["width", "min_width"], ["wide"]),
        helper.make_node("LessOrEqual", ["width", "max_width"], ["narrow"]),
        helper.make_node("And", ["wide", "narrow"], ["seen"]),
        helper.make_node("Cast", ["seen"], ["seen_f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["score", "seen_f"], ["scores"]),
        helper.make_node("Mul", ["joints", "width"], ["joints_w"]),
        helper.make_node("Sub", ["joints_w", "half"], ["joints_2d"]),
        helper.make_node("Concat", ["width", "width", "width", "ones"], ["widths"], axis=0),
        helper.make_node("Mul", ["box", "widths"], ["box_w"]),
        helper.make_node("Sub", ["box_w", "centre_half"], ["view"]),
        *(helper.make_node("Identity", [f"{name}_given"], [name]) for name in given),
    ]
    initializers = [
        numpy_helper.from_array(value, f"{name}_given" if name in given else name) for name, value in constants.items()
    ]
    names = ("scores", "joints_2d", "joint_confidence", "vertices", "joints_3d", "view", "translation", "right")
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "H", "W", 3])
    graph = helper.make_graph(nodes, "fake", [image], outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, METADATA if metadata is None else metadata)
    onnx.save(model, str(path))
    return path
