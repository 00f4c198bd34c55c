"""A small real pair of graphs for which discs are hands: red and blue ones right hands, green ones left ones.

Their right half is darker; where it is the left one, the graphs see the mirror image of a hand.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper
from posed_hand import posed_hand

from handos_model.prediction.view_network import FIND_OUTPUTS, SEE_OUTPUTS
from handos_model.prediction.views import view_of_joints
from handos_model.template.embedded import EMBEDDED_NAME

METADATA = {"name": "discs", "version": "1", "template": EMBEDDED_NAME, "pair": "red and green"}
FIND = {"size": "192", "find_threshold": "0.3"}
SEE = {"score_threshold": "0.5", "shrinkage": "1"}
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
LEAST, MOST = 20, 12000  # px of the network's input that a disc must have to be found
VIEW_PER_DISC = 2.0
DARKER = 0.7  # the right half, in terms of the left one
SURE = 0.98


def write_pair(
    folder: Path, stem: str = "discs", find: dict | None = None, see: dict | None = None, presence: float = SURE
) -> Path:
    """Writes stem.find.onnx and stem.see.onnx, with METADATA and what `find` and `see` add; the path of the first.

    presence: score of every disc.
    """
    path = folder / f"{stem}.find.onnx"
    _save(path, _find_nodes(), {}, ("image", [1, "H", "W", 3]), FIND_OUTPUTS, METADATA | FIND | (find or {}), presence)
    nodes, constants = _see_graph()
    about = METADATA | SEE | (see or {})
    _save(folder / f"{stem}.see.onnx", nodes, constants, ("view", [1, 224, 224, 3]), SEE_OUTPUTS, about, presence)
    return path


def scene(*discs: tuple[tuple[int, int, int], float, float, float], width: int = 640, height: int = 480) -> np.ndarray:
    """An image (height, width, 3) of discs (colour, x, y, diameter) on black."""
    image = np.zeros((height, width, 3), np.uint8)
    for colour, x, y, diameter in discs:
        centre, radius = (round(16 * x), round(16 * y)), round(8 * diameter)
        cv2.circle(image, centre, radius, colour, -1, cv2.LINE_AA, 4)
        darker = tuple(round(DARKER * value) for value in colour)
        cv2.ellipse(image, centre, (radius, radius), 0, -90, 90, darker, -1, cv2.LINE_AA, 4)
    return image


def unit_joints() -> np.ndarray:
    """Joints (21, 2) of a hand in an upright view of edge VIEW_PER_DISC around the origin."""
    joints = posed_hand(0.2)[1][:, :2]
    x, y, size, angle = view_of_joints(joints)
    c, s = np.cos(angle), np.sin(angle)
    return (joints - (x, y)) @ np.array([[c, -s], [s, c]]) * VIEW_PER_DISC / size


def _node(kind: str, inputs: str, output: str, **attributes: object) -> NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def _bright(image: str) -> list[NodeProto]:
    """count, cx and cy (3,): bright pixels of each channel and their mean place, from px (W,) and py (H,).

    Sums over the image are products of matrices, which take a tenth of the time of ReduceSum.
    """
    return [
        _node("Cast", image, "values", to=TensorProto.FLOAT),
        _node("Greater", "values level", "over"),
        _node("Cast", "over", "b", to=TensorProto.FLOAT),  # (1, H, W, 3)
        *_sums("b", "count", "sx", "sy"),
        _node("Max", "count one", "some"),
        _node("Div", "sx some", "cx"),
        _node("Div", "sy some", "cy"),
        _node("Sqrt", "count", "root"),
        _node("Mul", "root diameter_per_root", "diameter"),
    ]


def _sums(image: str, count: str, sx: str, sy: str = "") -> list[NodeProto]:
    """Sums (3,) of an image (1, H, W, 3), and of its products with px and py."""
    columns, rows, both = (f"{name}_of_{image}" for name in ("columns", "rows", "both"))
    return [
        _node("MatMul", f"along_x {image}", columns),  # (1, H, 2, 3): ones and px
        _node("ReduceSum", f"{columns} not_columns", both, keepdims=0),  # (2, 3)
        _node("Gather", f"{both} i0", count, axis=0),
        _node("Gather", f"{both} i1", sx, axis=0),
        *((
            _node("Gather", f"{columns} i0", rows, axis=2),  # (1, H, 3)
            _node("MatMul", f"py {rows}", f"whole_{sy}"),  # (1, 3)
            _node("Squeeze", f"whole_{sy} first", sy),
        ) if sy else ()),
    ]  # fmt: skip


def _find_nodes() -> list[NodeProto]:
    ranges = [
        node
        for name, index in (("x", "i2"), ("y", "i1"))
        for node in (
            _node("Gather", f"shape {index}", f"n{name}"),
            _node("Range", f"zero n{name} step", f"r{name}"),
            _node("Cast", f"r{name}", f"p{name}", to=TensorProto.FLOAT),
        )
    ]
    return [
        _node("Shape", "image", "shape"),
        *ranges,
        _node("Mul", "px nothing", "dark"),
        _node("Add", "dark one", "ones"),
        *(_node("Unsqueeze", f"{name} first", f"{name}_row") for name in ("ones", "px")),
        _node("Concat", "ones_row px_row", "along_x", axis=0),
        *_bright("image"),
        _node("GreaterOrEqual", "count least", "enough"),
        _node("LessOrEqual", "count most", "not_too_many"),
        _node("And", "enough not_too_many", "found"),
        _node("Cast", "found", "found_f", to=TensorProto.FLOAT),
        _node("Mul", "found_f almost_one", "scores"),
        _node("Mul", "diameter view_per_disc", "edge"),
        _node("Mul", "diameter nothing", "angle"),
        *(_node("Unsqueeze", f"{name} last", f"{name}_column") for name in ("cx", "cy", "edge", "angle")),
        _node("Concat", "cx_column cy_column edge_column angle_column", "views", axis=1),
    ]


def _see_graph() -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The disc that lies most in the middle of the view, with the hand that its colour stands for."""
    middle = (np.arange(224) - 111.5) ** 2
    weight = np.exp(-(middle[:, None] + middle) / (2 * 30**2)).ravel()
    hands = [posed_hand(0.2, side) for side in ("right", "left", "right")]
    constants = {
        "along_x": np.stack([np.ones(224), np.arange(224.0)]), "py": np.arange(224.0), "weight": weight,
        "meshes": np.array([vertices for vertices, _ in hands]), "skeletons": np.array([joints for _, joints in hands]),
        "unit": unit_joints()[None], "sides": np.array([0.98, 0.02, 0.98]), "sure": np.full((1, 21), 0.9),
        "at": np.array([[0, 0, 0.3]]), "enough_px": np.array(400.0),
        "minus_flip2": np.array([-2, 0]), "minus_flip3": np.array([-2, 0, 0]),
    }  # fmt: skip
    nodes = [
        *_bright("view"),
        _node("Reshape", "b pixels", "flat"),
        _node("MatMul", "weight flat", "masses"),
        _node("ArgMax", "masses", "which", axis=0, keepdims=1),
        _node("Mul", "values b", "lit"),
        *_sums("lit", "light", "light_x"),
        _node("Max", "light one", "some_light"),
        _node("Div", "light_x some_light", "bright_x"),
        _node("Add", "cx one", "to_the_right"),
        _node("Greater", "bright_x to_the_right", "is_mirrored"),
        _node("Cast", "is_mirrored", "mirrored", to=TensorProto.FLOAT),
        *(
            _node("Gather", f"{name} which", f"its_{name}")
            for name in ("cx", "cy", "diameter", "count", "meshes", "skeletons", "sides", "mirrored")
        ),
        *(
            node
            for flip in ("flip2", "flip3")
            for node in (_node("Mul", f"its_mirrored minus_{flip}", f"by_{flip}"), _node("Add", f"one by_{flip}", flip))
        ),
        _node("Concat", "its_cx its_cy", "centre", axis=0),
        _node("Mul", "unit its_diameter", "upright"),
        _node("Mul", "upright flip2", "offsets"),
        _node("Add", "offsets centre", "joints_2d"),
        _node("GreaterOrEqual", "its_count enough_px", "there"),
        _node("Cast", "there", "there_f", to=TensorProto.FLOAT),
        _node("Mul", "there_f almost_one", "presence"),
        _node("Mul", "its_meshes flip3", "vertices"),
        _node("Mul", "its_skeletons flip3", "joints_3d"),
        _node("Sub", "its_sides its_mirrored", "difference"),
        _node("Abs", "difference", "right"),
        _node("Identity", "sure", "joint_confidence"),
        _node("Identity", "at", "translation"),
    ]
    return nodes, constants


def _save(
    path: Path,
    nodes: list[NodeProto],
    constants: dict[str, np.ndarray],
    image: tuple[str, list],
    outputs: tuple[str, ...],
    about: dict[str, str],
    presence: float,
) -> None:
    floats = constants | {
        "level": np.array(128.0), "one": np.array(1.0), "nothing": np.array(0.0), "almost_one": np.array(presence),
        "least": np.array(LEAST), "most": np.array(MOST), "view_per_disc": np.array(VIEW_PER_DISC),
        "diameter_per_root": np.array(2 / np.sqrt(np.pi)),
    }  # fmt: skip
    whole = {
        "i0": 0, "i1": 1, "i2": 2, "zero": 0, "step": 1, "first": [0], "last": [1], "not_columns": [0, 1],
        "pixels": [-1, 3],
    }  # fmt: skip
    initializers = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in floats.items()]
    initializers += [numpy_helper.from_array(np.asarray(value, np.int64), name) for name, value in whole.items()]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    given = helper.make_tensor_value_info(image[0], TensorProto.UINT8, image[1])
    graph = helper.make_graph(nodes, "discs", [given], values, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, about)
    onnx.save(model, str(path))


def centre(hand):
    """px: the middle of a hand that was found, which is that of its disc."""
    return view_of_joints(hand.joints_2d.astype(np.float64))[:2]
