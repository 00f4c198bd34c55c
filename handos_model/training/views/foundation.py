"""The frozen foundation in ONNX Runtime, which is three times as fast as PyTorch on a CPU."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort
import torch
from torch import Tensor, nn

from handos_model.network.detectors.detector import Detection
from handos_model.network.detectors.landmark_detector import LandmarkDetector
from handos_model.training.onnx_graph import trace


class FoundationOutputs(nn.Module):
    """A foundation's output for views as a tuple: queries, points, what the maps hold there, and the maps."""

    def __init__(self, detector: LandmarkDetector):
        super().__init__()
        self.detector = detector

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        """views (B, 3, 224, 224) RGB in 0..1."""
        detection = self.detector(views)
        return (detection.queries, detection.keypoints, detection.seen, *detection.memory)


def fast_foundation(detector: LandmarkDetector, threads: int) -> Callable[[Tensor], Detection]:
    """A function that returns what the detector, which must be on a CPU, does: to 1e-4 px and 1e-4 of a feature."""
    names = ["queries", "points", "seen", *(f"map{stride}" for stride in detector.memory_strides)]
    axes = {name: {0: "views"} for name in ["views", *names]}
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # known warnings of tracing
        path = Path(folder) / "foundation.onnx"
        trace(FoundationOutputs(detector), path, "views", torch.zeros(2, 3, *detector.example), names, axes)
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def see(views: Tensor) -> Detection:
        values = session.run(None, {"views": views.float().contiguous().numpy()})
        queries, points, seen, *maps = (torch.from_numpy(value) for value in values)
        return detector.detection(maps, queries, points, seen)

    return see
