"""Convert MediaPipe's hand landmark network from TensorFlow Lite to the .npz that HandLandmarkNetwork loads.

    pip install mediapipe==0.10.21 tflite==2.18.0 torch
    python tools/convert_hand_landmarks.py

The arrays, in the order in which the graph uses them, are the module's parameters in the order in which it defines
them. The file keeps them in half precision, as published.

    pip install ai-edge-litert
    python tools/convert_hand_landmarks.py --reference test/network/hand_landmarks.npz

runs the images of that file through the interpreter anew: the outputs that the tests compare with. Both files come out
as they are in the repository.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tflite_weights import installed_model, read_graph, read_model, write_weights

from handos_model.network.hand_landmarks import LANDMARK_WEIGHTS, HandLandmarkNetwork
from handos_model.prediction.views import SIZE

MODEL = "modules/hand_landmark/hand_landmark_full.tflite"
SHA256 = "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3"
OUTPUTS = {"Identity": "landmarks", "Identity_1": "presence", "Identity_2": "right", "Identity_3": "world"}


def interpret(data: bytes, images: np.ndarray) -> dict[str, np.ndarray]:
    """The published outputs for images (B, n, n, 3) uint8 RGB, each enlarged to 224 px by repeating its pixels.

    landmarks (B, 63) px, presence and right (B, 1) in 0..1, world (B, 63) m.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    rows: dict[str, list[np.ndarray]] = {name: [] for name in OUTPUTS.values()}
    for view in enlarged(images):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], view[None])
        interpreter.invoke()
        for output in interpreter.get_output_details():
            rows[OUTPUTS[output["name"]]].append(interpreter.get_tensor(output["index"])[0])
    return {name: np.stack(values) for name, values in rows.items()}


def enlarged(images: np.ndarray) -> np.ndarray:
    """Views (B, 224, 224, 3) float32 in 0..1."""
    factor = SIZE // images.shape[1]
    return images.repeat(factor, axis=1).repeat(factor, axis=2).astype(np.float32) / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None, help="hand_landmark_full.tflite; default: of the package")
    parser.add_argument("--output", type=Path, default=LANDMARK_WEIGHTS)
    parser.add_argument("--reference", type=Path, help="an .npz with images: write the interpreter's outputs into it")
    arguments = parser.parse_args()
    data = read_model(arguments.model or installed_model(MODEL), SHA256)
    if arguments.reference is not None:
        with np.load(arguments.reference) as stored:
            images = stored["images"]
        np.savez_compressed(arguments.reference, images=images, **interpret(data, images))
        return
    arrays = (array for _, arrays in read_graph(data) for array in arrays)
    write_weights(arguments.output, HandLandmarkNetwork(None).state_dict(), arrays)
    HandLandmarkNetwork(arguments.output)  # refuses names, shapes or values that do not fit


if __name__ == "__main__":
    main()
