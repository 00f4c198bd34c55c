"""What others trained and stays as they left it: no gradient, no training mode, weights out of a checked file.

And the networks on top of it, whose own weights are all that is trained and stored.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

OVERHEAD = 1_000_000  # bytes of a weight file beside its float32 values, at most


class Frozen(nn.Module):
    """A network that nothing moves: an optimiser finds no gradient, `train()` no batch statistics or dropout."""

    def freeze(self) -> None:
        """Stop gradients and switch to evaluation mode; a subclass calls this once its weights are loaded."""
        self.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Frozen:
        """Stay in evaluation mode, whatever the rest of the model does."""
        return super().train(False)


class Trainable(nn.Module):
    """A network whose frozen part is its child `detector`, which brings its own weights."""

    def trainable_state(self) -> dict[str, Tensor]:
        """Weights that training moves: everything but the detector's."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("detector.")}

    def load_trainable_state(self, state: dict[str, Tensor]) -> None:
        """Load what :meth:`trainable_state` gave; a missing or unknown name is an error."""
        result = self.load_state_dict(state, strict=False)  # the detector brings its own weights
        missing = [k for k in result.missing_keys if not k.startswith("detector.")]
        if missing or result.unexpected_keys:
            raise ValueError(
                f"these weights do not fit this network: missing {missing[:3]}, unknown {result.unexpected_keys[:3]}"
            )


def read_weights(path: Path, expected: dict[str, Tensor], tool: str) -> dict[str, Tensor]:
    """Arrays of an .npz file as float32 tensors, which have the names and shapes of `expected`; `tool` writes the file.

    Where path.npz.sha256 lies beside the file, the file must have that checksum. Only what `expected` has a place for
    is unpacked, so that a small file cannot fill the memory.

    Raises FileNotFoundError where there is no such file, ValueError for one that is damaged or of another network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights not found: {path}; make them with {tool}")
    most = OVERHEAD + 4 * sum(array.numel() for array in expected.values())
    if path.stat().st_size > most:
        raise ValueError(f"weights do not fit the network: {path} has {path.stat().st_size} bytes, at most {most} do")
    _check_sum(path, tool)
    wanted = {name: tuple(array.shape) for name, array in expected.items()}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            _check_shapes(path, {name: _shape(archive, entry) for name, entry in entries.items()}, wanted)
            arrays = {name: torch.from_numpy(_array(archive, entries[name])) for name in wanted}
    except WrongNetworkError:
        raise
    except Exception as error:  # a damaged zip, a damaged stream and a damaged header share no base class
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"weights are not a readable .npz of plain arrays: {path} ({reason})") from error
    if not all(array.isfinite().all() for array in arrays.values()):
        raise ValueError(f"weights contain values that are not finite: {path}")
    return arrays


class WrongNetworkError(ValueError):
    """The file is whole, but its arrays are those of another network."""


def _check_sum(path: Path, tool: str) -> None:
    sidecar = path.with_name(path.name + ".sha256")
    if sidecar.is_file() and sidecar.read_text().split()[:1] != [hashlib.sha256(path.read_bytes()).hexdigest()]:
        raise ValueError(f"weights are damaged: {path} differs from its checksum; reinstall the package or run {tool}")


def _check_shapes(path: Path, found: dict[str, tuple], wanted: dict[str, tuple]) -> None:
    wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    if wrong:
        raise WrongNetworkError(
            f"weights do not fit the network: {path} has {found.get(wrong[0])} for {wrong[0]}, "
            f"expected {wanted.get(wrong[0])} ({len(wrong)} of {len(wanted)} arrays differ)"
        )


def _shape(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[int, ...]:
    """Shape of a floating-point array, out of its header alone."""
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{entry.filename} is of version {version}, must be 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype not in (np.float16, np.float32):
        raise ValueError(f"{entry.filename} holds {dtype.str[:20]}, must be float16 or float32")
    return shape


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(entry) as file:
        array = np.lib.format.read_array(file, allow_pickle=False).astype(np.float32)
        if file.read(1):  # at its end the checksum of the entry is compared as well
            raise ValueError(f"{entry.filename} goes on after its array")
    return array
