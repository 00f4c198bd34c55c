"""The ONNX Runtime session of a weights file: found, checked, opened on a device."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

WEIGHTS = Path(__file__).parents[1] / "weights" / "handos_small.onnx"
"""The embedded checkpoint; its SHA-256 lies beside it as handos_small.onnx.sha256."""

DEVICES = ("auto", "cpu", "cuda")
OUTPUTS = ("scores", "joints_2d", "joint_confidence", "vertices", "joints_3d", "view", "translation", "right")
OUTPUTS_2D = ("scores", "joints_2d", "joint_confidence", "view")
"""Of a network of stage 2d, which knows no third dimension."""
METADATA = ("name", "version", "score_threshold", "size", "small_size", "best_size", "template")
EXPORTED = "`handos export` makes such a file"


class HandSession:
    """A checked ONNX graph: uint8 RGB (H, W, 3) in, a dict of OUTPUTS out.

    flat: a network of stage 2d, which gives OUTPUTS_2D, is welcome, too.
    Raises FileNotFoundError for a missing file; ValueError for a file that is damaged or not a hand network, for an
    unknown device, and for "cuda" where ONNX Runtime has none.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "auto",
        threads: int | None = None,
        spinning: bool = True,
        flat: bool = False,
    ) -> None:
        self.weights = WEIGHTS if weights is None else Path(weights)
        data = _read(self.weights)
        providers = _providers(device)
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.force_spinning_stop", "0" if spinning else "1")
        options.log_severity_level = 4  # what fails is raised; the rest is noise on a robot's console
        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads is {threads}, must be 1 or more")
            options.intra_op_num_threads = threads
        try:
            self._session = ort.InferenceSession(data, options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors share no other base class
            raise ValueError(f"weights file {self.weights} is damaged or not an ONNX file; {EXPORTED}") from error
        self.provider = self._session.get_providers()[0]
        if device == "cuda" and self.provider != "CUDAExecutionProvider":
            raise ValueError('device is "cuda", but ONNX Runtime cannot start CUDA here: check driver and CUDA version')
        self.outputs = self._checked_outputs(flat)
        self.metadata = self._checked_metadata()
        self.seconds = 0.0
        """Spent in ONNX Runtime so far."""

    def _checked_outputs(self, flat: bool) -> tuple[str, ...]:
        inputs = [node.name for node in self._session.get_inputs()]
        outputs = [node.name for node in self._session.get_outputs()]
        if set(outputs) == set(OUTPUTS_2D):
            if flat:
                return OUTPUTS_2D
            raise ValueError(
                f"weights file {self.weights} is of stage 2d, which has no mesh: `handos evaluate` takes it, all else "
                "needs what stage full made of it"
            )
        missing = sorted(set(OUTPUTS) - set(outputs))
        if inputs != ["image"] or missing:
            lacks = f"lacks the outputs {', '.join(missing)}" if missing else f"has the inputs {', '.join(inputs)}"
            raise ValueError(f"weights file {self.weights} is not a hand network: it {lacks}; {EXPORTED}")
        return OUTPUTS

    def _checked_metadata(self) -> dict[str, str]:
        metadata = self._session.get_modelmeta().custom_metadata_map
        absent = [key for key in METADATA if not metadata.get(key)]
        if absent:
            raise ValueError(f"weights file {self.weights} carries no {', '.join(absent)} in its metadata; {EXPORTED}")
        return metadata

    @property
    def closer_look(self) -> tuple[float, float]:
        """px of a hand in the input below which it gets a closer look, 0 for never; px that it has there."""
        try:
            return float(self.metadata["small_size"]), float(self.metadata["best_size"])
        except ValueError:
            raise ValueError(f"weights file {self.weights} has sizes that are no numbers; {EXPORTED}") from None

    def run(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """The graph's outputs for a letterboxed image (H, W, 3) uint8."""
        begin = time.perf_counter()
        try:
            values = self._session.run(self.outputs, {"image": image[None]})
        except Exception as error:  # as of __init__
            height, width = image.shape[:2]
            reason = " ".join(str(error).split())
            raise ValueError(
                f"the network of {self.weights} fails on an image of {width}x{height} px; it may need a larger size: "
                f"{reason}"
            ) from error
        self.seconds += time.perf_counter() - begin
        return dict(zip(self.outputs, values, strict=True))


def _read(path: Path) -> bytes:
    if not path.is_file():
        if path == WEIGHTS:
            raise FileNotFoundError(f"the embedded weights are missing ({path}): reinstall the package or pass weights")
        raise FileNotFoundError(f"there is no weights file {path}")
    data = path.read_bytes()
    sidecar = path.with_name(path.name + ".sha256")
    if path == WEIGHTS and not sidecar.is_file():
        raise FileNotFoundError(f"the checksum of the embedded weights is missing ({sidecar}): reinstall the package")
    if path == WEIGHTS and hashlib.sha256(data).hexdigest() != sidecar.read_text().split()[0]:
        raise ValueError(f"the embedded weights are damaged ({path} differs from its checksum): reinstall the package")
    return data


def _providers(device: str) -> list[str]:
    if device not in DEVICES:
        raise ValueError(f"device is {device!r}, must be one of {', '.join(DEVICES)}")
    cuda = "CUDAExecutionProvider" in ort.get_available_providers()
    if device == "cuda" and not cuda:
        raise ValueError('device is "cuda", but the installed ONNX Runtime has no CUDA: pip install onnxruntime-gpu')
    return ["CUDAExecutionProvider", "CPUExecutionProvider"] if cuda and device != "cpu" else ["CPUExecutionProvider"]
