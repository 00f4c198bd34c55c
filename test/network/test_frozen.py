"""Weight files of frozen networks: read where they fit, refused in one sentence where they do not, always bounded."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from handos_model.network.frozen import Frozen, read_weights  # noqa: E402

TOOL = "tools/make.py"


class Small(Frozen):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.Dropout())
        self.freeze()


EXPECTED = {name: array for name, array in Small().state_dict().items() if array.is_floating_point()}
NAME = "layers.0.weight"


def arrays() -> dict[str, np.ndarray]:
    return {name: array.numpy().astype(np.float16) for name, array in EXPECTED.items()}


def entry(content: bytes, name: str = NAME) -> bytes:
    """An .npz whose entry `name` holds `content`."""
    file = io.BytesIO()
    np.savez_compressed(file, **{key: array for key, array in arrays().items() if key != name})
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def header(shape: str, dtype: str = "'<f2'", version: bytes = b"\x01\x00") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


def saved(changed: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **changed)
    return file.getvalue()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_reads_half_and_single_precision(tmp_path: Path, dtype: type) -> None:
    np.savez(tmp_path / "w.npz", **{name: array.astype(dtype) for name, array in arrays().items()})
    found = read_weights(tmp_path / "w.npz", EXPECTED, TOOL)
    assert list(found) == list(EXPECTED) and {array.dtype for array in found.values()} == {torch.float32}
    for name, array in arrays().items():
        np.testing.assert_array_equal(found[name].numpy(), array.astype(np.float32))


def test_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"none.npz: make it with {TOOL}"):
        read_weights(tmp_path / "none.npz", EXPECTED, TOOL)


DAMAGED = {
    "empty": (b"", "damaged or not an .npz"),
    "no zip": (b"weights" * 100, "damaged or not an .npz"),
    "array alone": (header("(4,)") + bytes(8), "damaged or not an .npz"),
    "missing": (saved({n: a for n, a in arrays().items() if n != NAME}), f"for {NAME} it has nothing"),
    "one too many": (saved(arrays() | {"more": np.zeros(3, np.float16)}), r"for more it has \(3,\)"),
    "shape": (saved(arrays() | {NAME: np.zeros((3, 3, 1, 1), np.float16)}), r"0.weight it has \(3, 3, 1, 1\)"),
    "nan": (saved(arrays() | {NAME: np.full((4, 3, 1, 1), np.nan, np.float16)}), "not finite"),
    "infinite": (saved(arrays() | {NAME: np.full((4, 3, 1, 1), np.inf, np.float16)}), "not finite"),
    "pickle": (saved(arrays() | {NAME: np.array([{}], dtype=object)}), "must hold numbers"),
    "integers": (saved(arrays() | {NAME: np.zeros((4, 3, 1, 1), np.int32)}), "must be float16 or float32"),
    "too large": (bytes(2_000_000), "has 2000000 bytes, the limit is"),
    "zip bomb": (entry(header("(4, 3, 1, 1)") + bytes(40_000_000)), "fewer numbers than it declares"),
    "vast shape": (entry(header("(1000000000000,)")), "fewer numbers than it declares"),
    "vast item": (entry(header("(4, 3, 1, 1)", "'<U90000000'")), "fewer numbers than it declares"),
    "short": (entry(header("(4, 3, 1, 1)") + bytes(10)), "damaged or not an .npz"),
    "version 2": (entry(header("(4, 3, 1, 1)", version=b"\x02\x00")), "version"),
    "nested header": (entry(header("(" + "-" * 9000 + "1,)")), "damaged or not an .npz"),
    "broken header": (entry(header("(4, 3, '1")), "damaged or not an .npz"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_file(tmp_path: Path, kind: str) -> None:
    data, message = DAMAGED[kind]
    (tmp_path / "w.npz").write_bytes(data)
    with pytest.raises(ValueError, match=message) as caught:
        read_weights(tmp_path / "w.npz", EXPECTED, TOOL)
    assert str(tmp_path / "w.npz") in str(caught.value) and len(str(caught.value)) < 600


def test_changed_bytes_are_refused_or_harmless(tmp_path: Path) -> None:
    good, rng, refused = saved(arrays()), np.random.default_rng(0), 0
    for _ in range(300):
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        (tmp_path / "w.npz").write_bytes(data)
        try:
            read_weights(tmp_path / "w.npz", EXPECTED, TOOL)
        except ValueError:
            refused += 1
    assert refused > 150


def test_checksum_beside_the_file(tmp_path: Path) -> None:
    path, sidecar = tmp_path / "w.npz", tmp_path / "w.npz.sha256"
    path.write_bytes(saved(arrays()))
    sidecar.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  w.npz\n")
    read_weights(path, EXPECTED, TOOL)
    path.write_bytes(saved(arrays() | {NAME: np.zeros((4, 3, 1, 1), np.float16)}))
    with pytest.raises(ValueError, match="differs from its checksum; reinstall the package or run tools/make.py"):
        read_weights(path, EXPECTED, TOOL)
    sidecar.write_text("")
    with pytest.raises(ValueError, match="differs from its checksum"):
        read_weights(path, EXPECTED, TOOL)


def test_stays_frozen_whatever_is_called() -> None:
    network = Small()
    around = torch.nn.Sequential(network, torch.nn.Conv2d(4, 1, 1)).train()
    assert around[1].training and not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
