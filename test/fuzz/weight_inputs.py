"""Weights: ONNX graphs, checkpoints of a run, and arrays."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from fake_network import Answer, write_network
from file_inputs import FOLDER, through_a_file
from fuzz_class import FuzzClass
from hypothesis import strategies as st

from handos_model.prediction.predictor import HandPredictor
from handos_model.training.weights import load_weights

IMAGE = np.full((64, 64, 3), 127, np.uint8)
PLAIN = Answer(
    0.9, np.random.default_rng(0).uniform(5, 50, (21, 2)), np.full((21, 3), 0.1), np.full((778, 3), 0.1),
    np.array([30.0, 30, 40, 0.3]), np.array([0.1, 0.1, 2.0]), np.ones(21), 1.0,
)  # fmt: skip
ODD = st.sampled_from([0.0, -1.0, 0.5, 5.0, 1e-40, 1e6, 1e30, -1e38, float("nan"), float("inf")])


def small_graph(*answers: Answer) -> bytes:
    return write_network(FOLDER / "seed.onnx", list(answers), 64).read_bytes()


def _odd_graph(name: str, value: float, more: int) -> bytes:
    old = getattr(PLAIN, name)
    changed = value if isinstance(old, float) else np.where(np.arange(old.size).reshape(old.shape) % 3 == 0, value, old)
    return small_graph(replace(PLAIN, **{name: changed}), *[PLAIN] * more)


def _predict(path: Path) -> object:
    return HandPredictor(path, threads=1, size=64).predict(IMAGE)


GRAPHS = st.builds(
    _odd_graph,
    st.sampled_from(
        ["score", "joints_2d", "joints_3d", "vertices", "view", "translation", "confidence", "right", "min_width"]
    ),
    ODD,
    st.integers(0, 3),
)
ONNX_SEEDS = [small_graph(PLAIN), small_graph(), small_graph(PLAIN, PLAIN)]
ONNX = FuzzClass(through_a_file("w.onnx", _predict), ONNX_SEEDS, GRAPHS)


def _checkpoint(packed_anew: bool) -> bytes:
    weights = {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.ones(3, dtype=torch.float16)}
    stream = io.BytesIO()
    state = {"network": weights, "averaged": weights, "optimizer": {}, "step": 3, "samples": 8, "seconds": 1.5}
    torch.save(state | {"template": "mine"}, stream)
    if not packed_anew:
        return stream.getvalue()
    again = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(again, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return again.getvalue()


def _with_index(whole: bytes, index: bytes) -> bytes:
    """The checkpoint with another pickle."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, index if name.endswith("data.pkl") else old.read(name))
    return stream.getvalue()


WHOLE = _checkpoint(packed_anew=True)
with zipfile.ZipFile(io.BytesIO(WHOLE)) as archive:
    INDEX = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
PLAIN_FILES = [b"\0" + _checkpoint(packed_anew) for packed_anew in (False, True)]


def _load(data: bytes) -> object:
    """A checkpoint after a zero; else the index of one, in whose archive no checksum hides what was changed."""
    return _load_file(_with_index(WHOLE, data[1:]) if data[0] else data[1:])


_load_file = through_a_file("c.pt", load_weights)
CHECKPOINT = FuzzClass(_load, [*PLAIN_FILES, b"\1" + INDEX, b"\1" + INDEX], kept=1)


def _arrays() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **{"a.weight": np.ones((3, 4), np.float16), "template": np.array("mine")})
    return stream.getvalue()


ARRAYS = FuzzClass(through_a_file("w.npz", load_weights), [_arrays()])
