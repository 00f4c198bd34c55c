"""Weights of MediaPipe's TensorFlow Lite files: found in the installed package, checked, read in the order of use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tflite
from torch import Tensor

from handos_model.io.files import write_checksum

CONVOLUTION, DEPTHWISE, LINEAR, PRELU, DEQUANTIZE = (
    tflite.BuiltinOperator.CONV_2D,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D,
    tflite.BuiltinOperator.FULLY_CONNECTED,
    tflite.BuiltinOperator.PRELU,
    tflite.BuiltinOperator.DEQUANTIZE,
)


def installed_model(model: str) -> Path:
    """Path of a model inside the installed mediapipe package; importing the package itself is not needed."""
    spec = find_spec("mediapipe")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "mediapipe is not installed; pip install mediapipe==0.10.21, or name the file with --model"
        )
    return Path(spec.submodule_search_locations[0]) / model


def read_model(path: Path, sha256: str) -> bytes:
    """The file's bytes; ValueError where it is not the published one."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path} is not the model of mediapipe 0.10.21 (its SHA-256 differs)")
    return data


def read_graph(data: bytes) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Kind and arrays of each layer in the order of use, in PyTorch's layout: weight and bias, or a PReLU's slopes."""
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    codes = [model.OperatorCodes(op.OpcodeIndex()) for op in operators]
    kinds = [max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) for code in codes]
    half = {op.Outputs(0): op.Inputs(0) for op, kind in zip(operators, kinds, strict=True) if kind == DEQUANTIZE}

    def constant(index: int) -> np.ndarray:
        tensor = graph.Tensors(half[index])
        return model.Buffers(tensor.Buffer()).DataAsNumpy().view(np.float16).reshape(tensor.ShapeAsNumpy())

    for op, kind in zip(operators, kinds, strict=True):
        if kind == CONVOLUTION:  # (out, k, k, in) -> (out, in, k, k)
            yield kind, [constant(op.Inputs(1)).transpose(0, 3, 1, 2), constant(op.Inputs(2))]
        elif kind == DEPTHWISE:  # (1, k, k, channels) -> (channels, 1, k, k)
            yield kind, [constant(op.Inputs(1)).transpose(3, 0, 1, 2), constant(op.Inputs(2))]
        elif kind == LINEAR:
            yield kind, [constant(op.Inputs(1)), constant(op.Inputs(2))]
        elif kind == PRELU:
            yield kind, [constant(op.Inputs(1)).reshape(-1)]


def write_weights(path: Path, names: dict[str, Tensor], arrays: Iterator[np.ndarray]) -> None:
    """An .npz with the arrays under the names in their order, and its checksum beside it."""
    np.savez_compressed(path, **dict(zip(names, arrays, strict=True)))
    write_checksum(path)
