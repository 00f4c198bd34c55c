"""Convert MediaPipe's palm detector from TensorFlow Lite to the .npz that handos_model.network.palm_detector loads.

    pip install mediapipe==0.10.21 tflite==2.18.0 torch
    python tools/convert_palm_detector.py

The network is a fixed chain of convolutions and PReLUs, so its arrays, in the order in which the graph uses them, are
the module's parameters in the order in which it defines them. The file keeps them in half precision, as published.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tflite

from handos_model.network.palm_detector import WEIGHTS, PalmDetector, PalmNetwork

MODEL = "modules/palm_detection/palm_detection_full.tflite"
SHA256 = "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54"
CONVOLUTION, DEPTHWISE, PRELU, DEQUANTIZE = (
    tflite.BuiltinOperator.CONV_2D,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D,
    tflite.BuiltinOperator.PRELU,
    tflite.BuiltinOperator.DEQUANTIZE,
)


def installed_model() -> Path:
    """Path of the palm detector inside the installed mediapipe package; importing the package itself is not needed."""
    spec = find_spec("mediapipe")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "mediapipe is not installed; pip install mediapipe==0.10.21, or name the file with --model"
        )
    return Path(spec.submodule_search_locations[0]) / MODEL


def read_graph(data: bytes) -> Iterator[np.ndarray]:
    """Arrays of the network in the order of use, in PyTorch's layout: weight and bias of layers, slopes of PReLUs."""
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
        if kind == CONVOLUTION:
            yield constant(op.Inputs(1)).transpose(0, 3, 1, 2)  # (out, 5, 5, in) -> (out, in, 5, 5)
            yield constant(op.Inputs(2))
        elif kind == DEPTHWISE:
            yield constant(op.Inputs(1)).transpose(3, 0, 1, 2)  # (1, 5, 5, channels) -> (channels, 1, 5, 5)
            if constant(op.Inputs(2)).any():
                raise ValueError("a depthwise convolution has a bias; the PyTorch module has none")
        elif kind == PRELU:
            yield constant(op.Inputs(1)).reshape(-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None, help="palm_detection_full.tflite; default: of the package")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    path = arguments.model or installed_model()
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ValueError(f"{path} is not the palm_detection_full.tflite of mediapipe 0.10.21 (its SHA-256 differs)")
    np.savez_compressed(arguments.output, **dict(zip(PalmNetwork().state_dict(), read_graph(data), strict=True)))
    PalmDetector(arguments.output)  # refuses names, shapes or values that do not fit


if __name__ == "__main__":
    main()
