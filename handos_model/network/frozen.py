"""Networks that others trained and that stay unchanged: no gradient, no training mode, weights from a checked file.

Also the networks on top of these, of which only their own weights are trained and stored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from handos_model.io.archives.npz_file import Header, read_npz
from handos_model.io.files import Kind, checksum_file, fits_checksum, one_line, read_file, shown

OVERHEAD = 1_000_000  # bytes of a weight file beside its float32 values, at most


class Frozen(nn.Module):
    """A network that never changes: it has no gradients for an optimiser, and `train()` has no effect on it."""

    def freeze(self) -> None:
        """Stop gradients and switch to evaluation mode; a subclass calls this once its weights are loaded."""
        self.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Frozen:
        """Stays in evaluation mode, whatever the rest of the model does."""
        return super().train(False)


class Trainable(nn.Module):
    """A network whose frozen part is its child `detector`, which loads its own weights."""

    template: str  # name of the hand template whose vertices it learns

    def trainable_state(self) -> dict[str, Tensor]:
        """The weights that training changes: all but the detector's."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("detector.")}

    def load_trainable_state(self, state: dict[str, Tensor]) -> None:
        """Loads what `trainable_state` returned; ValueError for missing or unknown names and other shapes."""
        own = self.trainable_state()
        wrong = sorted(name for name in own.keys() & state.keys() if own[name].shape != state[name].shape)
        if wrong:
            found, expected = tuple(state[wrong[0]].shape), tuple(own[wrong[0]].shape)
            raise ValueError(f"these weights do not fit this network: {wrong[0]} is {found}, expected {expected}")
        result = self.load_state_dict(state, strict=False)  # the detector brings its own weights
        missing = [k for k in result.missing_keys if not k.startswith("detector.")]
        if missing or result.unexpected_keys:
            unknown = one_line(result.unexpected_keys[:3])
            raise ValueError(f"these weights do not fit this network: missing {missing[:3]}, unknown {unknown}")


def read_weights(path: Path, expected: dict[str, Tensor], tool: str) -> dict[str, Tensor]:
    """Arrays of an .npz file as float32 tensors, which have the names and shapes of `expected`; `tool` writes the file.

    If path.npz.sha256 lies next to the file, the file must have that checksum. Only what `expected` names is unpacked,
    so that a small file cannot fill the memory.

    Raises FileNotFoundError if there is no such file, ValueError if it is damaged or of another network.
    """
    path = Path(path)
    most = OVERHEAD + 4 * sum(array.numel() for array in expected.values())
    kind = Kind("weights file", most, f"make it with {tool}")
    _check_sum(path, kind, tool)
    wanted = {name: tuple(array.shape) for name, array in expected.items()}
    found = read_npz(path, kind, lambda headers: _check_headers(path, headers, wanted))
    arrays = {name: torch.from_numpy(array.astype(np.float32)) for name, array in found.items()}
    if not all(array.isfinite().all() for array in arrays.values()):
        raise ValueError(f"weights contain values that are not finite: {shown(path)}")
    return arrays


def _check_sum(path: Path, kind: Kind, tool: str) -> None:
    if checksum_file(path).is_file() and not fits_checksum(path, read_file(path, kind)):
        raise ValueError(
            f"weights file {shown(path)} is damaged: it differs from its checksum; reinstall the package or run {tool}"
        )


def _check_headers(path: Path, headers: dict[str, Header], wanted: dict[str, tuple[int, ...]]) -> None:
    found = {name: header.shape for name, header in headers.items()}
    wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    if wrong:
        name = wrong[0]
        has, needs = (one_line(shapes.get(name, "nothing"), 40) for shapes in (found, wanted))
        raise ValueError(
            f"weights file {shown(path)} does not fit the network: for {one_line(name, 80)} it has {has}, where the "
            f"network has {needs} ({len(wrong)} differ)"
        )
    for name, header in headers.items():
        if header.dtype not in (np.float16, np.float32):
            raise ValueError(f"weights file {shown(path)} holds {header.dtype} in {name}, must be float16 or float32")
