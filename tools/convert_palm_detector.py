"""Convert MediaPipe's palm detector from TensorFlow Lite to the .npz that network/palm_detector.py loads.

    pip install mediapipe==0.10.21 tflite==2.18.0 torch
    python tools/convert_palm_detector.py

The network is a fixed chain of convolutions and PReLUs, so its arrays, in the order in which the graph uses them, are
the module's parameters in the order in which it defines them. The file keeps them in half precision, as published.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tflite_weights import DEPTHWISE, installed_model, read_graph, read_model, write_weights

from handos_model.network.palm_detector import PALM_WEIGHTS, PalmDetector, PalmNetwork

MODEL = "modules/palm_detection/palm_detection_full.tflite"
SHA256 = "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54"


def read_arrays(data: bytes) -> Iterator[np.ndarray]:
    """Arrays of the network in the order of use, without the biases of depthwise convolutions, which are zero."""
    for kind, arrays in read_graph(data):
        if kind == DEPTHWISE:
            weight, bias = arrays
            if bias.any():
                raise ValueError("a depthwise convolution has a bias; the PyTorch module has none")
            yield weight
        else:
            yield from arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None, help="palm_detection_full.tflite; default: of the package")
    parser.add_argument("--output", type=Path, default=PALM_WEIGHTS)
    arguments = parser.parse_args()
    data = read_model(arguments.model or installed_model(MODEL), SHA256)
    write_weights(arguments.output, PalmNetwork().state_dict(), read_arrays(data))
    PalmDetector(arguments.output)  # refuses names, shapes or values that do not fit


if __name__ == "__main__":
    main()
