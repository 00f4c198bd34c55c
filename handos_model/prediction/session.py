"""An ONNX Runtime session for one weights file, which is read, checked and opened on a device."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from handos_model.io.files import WEIGHTS, checksum_file, fits_checksum, one_line, read_file, shown
from handos_model.options import one_of, whole
from handos_model.prediction.output_check import check_outputs

DEVICES = ("auto", "cpu", "cuda", "tensorrt")
OUTPUTS = ("scores", "joints_2d", "joint_confidence", "vertices", "joints_3d", "view", "translation", "right")
OUTPUTS_2D = ("scores", "joints_2d", "joint_confidence", "view")
"""Outputs of a network of stage 2d, which has no third dimension."""
MAX_THREADS = 256
"""More threads only slow a network down, and very many crash the process."""
METADATA = ("name", "version", "score_threshold", "size", "template")
DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "asimddp"}
"""Linux's names of CPU instructions for 8-bit networks, which without them are no faster and overflow 16-bit sums."""
EXPORTED = "`handos export` makes such a file"
_CUDA, _TENSORRT, _CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
_PROVIDERS = {"cuda": _CUDA, "tensorrt": _TENSORRT}
_LIBRARIES = {"cuda": "CUDA", "tensorrt": "TensorRT"}
_NEEDED = {"cuda": "CUDA and cuDNN", "tensorrt": "CUDA, cuDNN and TensorRT"}


@dataclass(frozen=True)
class SessionOptions:
    """Where and how graphs run. Wrong values raise ValueError."""

    device: str = "auto"
    """One of DEVICES: auto is CUDA where there is one, else the CPU."""
    threads: int | None = None
    """CPU threads, ONNX Runtime's choice when None."""
    spinning: bool = True
    """Whether the threads busy-wait for work between two runs."""

    def __post_init__(self) -> None:
        one_of(DEVICES)("device", self.device)
        if self.threads is not None:
            object.__setattr__(self, "threads", whole(1, MAX_THREADS)("threads", self.threads))
        wanted = _PROVIDERS.get(self.device)
        if wanted and wanted not in ort.get_available_providers():
            raise ValueError(
                f'device is "{self.device}", but the installed ONNX Runtime has no {_LIBRARIES[self.device]}: '
                "pip uninstall onnxruntime onnxruntime-gpu; pip install onnxruntime-gpu"  # they share their files
            )

    @property
    def on_cpu(self) -> bool:
        """Whether graphs will run on the CPU alone."""
        return self.device == "cpu" or (self.device == "auto" and _CUDA not in ort.get_available_providers())

    @property
    def in_8_bits(self) -> bool:
        """Whether a graph in 8 bits is faster than one in floats."""
        return self.on_cpu and has_dot_products()

    def providers(self) -> list[str | tuple[str, dict[str, str]]]:
        """ONNX Runtime's execution providers, best first."""
        if self.on_cpu:
            return [_CPU]
        if self.device == "tensorrt":
            folder = str(engine_cache())
            cache = {"trt_engine_cache_enable": "True", "trt_engine_cache_path": folder, "trt_fp16_enable": "True"}
            return [(_TENSORRT, cache), _CUDA, _CPU]
        return [_CUDA, _CPU]

    def opened(self, data: bytes) -> ort.InferenceSession:
        """A session for the graph in `data`. Raises what ONNX Runtime raises."""
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.force_spinning_stop", "0" if self.spinning else "1")
        options.log_severity_level = 4  # failures are raised; anything else is noise on a robot's console
        if self.threads is not None:
            options.intra_op_num_threads = self.threads
        again = 0 if self.on_cpu else 1  # 1 retries on the CPU; already there, it would print a banner of asterisks
        return ort.InferenceSession(data, options, providers=self.providers(), enable_fallback=again)


class OnnxSession:
    """A checked graph from one image to named outputs, with its metadata.

    Raises FileNotFoundError for a missing file; ValueError for one that is damaged, has another input or lacks
    metadata, and where the device that was asked for cannot be started.
    """

    def __init__(self, path: Path, metadata: Sequence[str], options: SessionOptions, embedded: bool = False) -> None:
        """metadata: names that it must contain; embedded: the file ships with the package, with a checksum."""
        self.path, self._options, self._embedded = path, options, embedded
        self._session = self._opened()
        try:
            given = self._session.get_modelmeta().custom_metadata_map
            self.outputs = tuple(node.name for node in self._session.get_outputs())
            inputs = [(node.name, node.type) for node in self._session.get_inputs()]
        except Exception as error:  # texts may not be UTF-8
            raise self._damaged() from error
        self.provider: str = self._session.get_providers()[0]
        self.metadata = {one_line(key): one_line(value) for key, value in given.items()}
        self._hands: int | None = None
        self._input = self._checked_input(inputs)
        absent = [key for key in metadata if not self.metadata.get(key)]
        if absent:
            raise ValueError(f"weights file {shown(path)} lacks {', '.join(absent)} in its metadata; {EXPORTED}")
        self.seconds = 0.0
        """Seconds spent in ONNX Runtime so far."""

    def _opened(self) -> ort.InferenceSession:
        data = _read(self.path, self._embedded)
        try:
            session = self._options.opened(data)
        except Exception as error:  # ONNX Runtime's errors share no other base class
            raise self._damaged() from error
        device = self._options.device
        if device in _PROVIDERS and session.get_providers()[0] != _PROVIDERS[device]:
            raise ValueError(
                f'device is "{device}", but ONNX Runtime cannot start {_LIBRARIES[device]} here: check the driver and '
                f"the versions of {_NEEDED[device]}"
            )
        return session

    def _damaged(self) -> ValueError:
        return ValueError(f"weights file {shown(self.path)} is damaged or not an ONNX file; {EXPORTED}")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Opens the file again: ONNX Runtime's sessions can be neither copied nor sent to another process."""
        self.__dict__.update(state)
        self._session = self._opened()

    def _checked_input(self, inputs: Sequence[tuple[str, str]]) -> str:
        """The name of the only input. inputs: name and type of each."""
        if len(inputs) != 1 or inputs[0][1] != "tensor(uint8)":
            given = one_line(", ".join(f"{name} {kind}" for name, kind in inputs))
            raise ValueError(
                f"weights file {shown(self.path)} is not a hand network: it has the inputs {given}; {EXPORTED}"
            )
        return inputs[0][0]

    def require(self, outputs: Sequence[str], hands: int | None = None) -> None:
        """Raises ValueError if the graph lacks one of these outputs; afterwards `run` returns these, in this order.

        hands: number of hands that each output must describe; any number when None.
        """
        missing = sorted(set(outputs) - set(self.outputs))
        if missing:
            lacks = f"lacks the outputs {', '.join(missing)}"
            raise ValueError(f"weights file {shown(self.path)} is not a hand network: it {lacks}; {EXPORTED}")
        self.outputs, self._hands = tuple(outputs), hands

    def number(self, key: str) -> float:
        """The metadata of this key as a number; ValueError if it is not a finite number."""
        try:
            value = float(self.metadata[key])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            given = self.metadata[key]
            raise ValueError(f"weights file {shown(self.path)} has {key} {given!r} in its metadata, must be a number")
        return value

    def run(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """The graph's outputs for an image (H, W, 3) uint8, with the shapes and ranges that check_outputs demands."""
        begin = time.perf_counter()
        try:
            values = self._session.run(self.outputs, {self._input: image[None]})
        except Exception as error:  # as in __init__
            height, width = image.shape[:2]
            raise ValueError(
                f"the network of {shown(self.path)} fails on an image of {width}x{height} px; it may need a larger "
                f"size: {one_line(error)}"
            ) from error
        self.seconds += time.perf_counter() - begin
        outputs = dict(zip(self.outputs, values, strict=True))
        try:
            check_outputs(outputs, self._hands)
        except ValueError as error:
            raise ValueError(f"weights file {shown(self.path)} is not a hand network: {error}; {EXPORTED}") from error
        return outputs


class HandSession(OnnxSession):
    """A graph, written by `handos export`, from a letterboxed image to all its hands; it returns OUTPUTS.

    flat: also accept a network of stage 2d, which returns OUTPUTS_2D.
    """

    def __init__(
        self,
        weights: str | Path,
        device: str = "auto",
        threads: int | None = None,
        spinning: bool = True,
        flat: bool = False,
    ) -> None:
        super().__init__(Path(weights), METADATA, SessionOptions(device, threads, spinning))
        is_flat = set(self.outputs) == set(OUTPUTS_2D)
        if is_flat and not flat:
            raise ValueError(
                f"weights file {weights} is of stage 2d, which has no mesh: only `handos evaluate` accepts it, "
                "everything else needs weights of stage full"
            )
        self.require(OUTPUTS_2D if is_flat else OUTPUTS)


@cache
def has_dot_products() -> bool:
    """Whether this machine's CPU has one of DOT_PRODUCTS; False if that is not known."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return not DOT_PRODUCTS.isdisjoint(flags.split())


def engine_cache() -> Path:
    """The folder of TensorRT's engines, handos/tensorrt under XDG_CACHE_HOME or ~/.cache; it is made if missing."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handos" / "tensorrt"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read(path: Path, embedded: bool) -> bytes:
    """The bytes of the file, checked against the checksum next to it if there is one; `handos export` writes one."""
    hint = "reinstall the package" if embedded else "export it again"
    if embedded and not path.is_file():
        raise FileNotFoundError(f"the embedded weights are missing ({path}): {hint} or pass weights")
    data = read_file(path, WEIGHTS)
    sidecar = checksum_file(path)
    if embedded and not sidecar.is_file():
        raise FileNotFoundError(f"the checksum of the embedded weights is missing ({sidecar}): {hint}")
    if sidecar.is_file() and not fits_checksum(path, data):
        which = "the embedded weights are" if embedded else "the weights are"
        raise ValueError(f"{which} damaged ({shown(path)} differs from its checksum): {hint}")
    return data
