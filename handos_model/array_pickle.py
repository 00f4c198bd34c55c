"""Pickles of arrays read without running them: MANO's model files and HO-3D's labels are such, and come from outside.

A pickle can name any function and have it called. Here the only names that lead anywhere are those of NumPy arrays,
SciPy sparse matrices and chumpy arrays; neither SciPy nor chumpy is needed.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np


def load_arrays(path: Path) -> Any:
    """What the pickle at `path` holds: arrays, stand-ins for them (see as_array), and plain Python values.

    ValueError when it is damaged or names anything else. Strings of Python 2 are decoded as Latin 1.
    """
    try:
        with path.open("rb") as file:
            return _ArrayUnpickler(file, encoding="latin1").load()
    except OSError:
        raise
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise ValueError(str(error)) from error


def as_array(value: Any) -> np.ndarray:
    """The numbers of an array, a sparse matrix or a chumpy array; ValueError for anything else."""
    array = value.array() if isinstance(value, _Stored) else np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"an array of numbers was expected, not of type {array.dtype}")
    return array


class _Stored:
    """Stands for an object of an admitted class: keeps its state and gives its numbers."""

    state: dict[str, Any]

    def __init__(self) -> None:
        self.state = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = dict(state)

    def array(self) -> np.ndarray:
        raise NotImplementedError


class _Ch(_Stored):
    """A chumpy array: its values are `x`."""

    def array(self) -> np.ndarray:
        return np.asarray(self.state["x"])


class _Select(_Stored):
    """A chumpy selection: flat indices `idxs` into `a`, in `preferred_shape`. MANO keeps its shape space so."""

    def array(self) -> np.ndarray:
        chosen = as_array(self.state["a"]).ravel()[np.asarray(self.state["idxs"])]
        return chosen.reshape(self.state.get("preferred_shape", chosen.shape))


class _Csc(_Stored):
    """A scipy.sparse.csc_matrix."""

    def array(self) -> np.ndarray:
        rows, columns = (int(n) for n in self.state.get("_shape", self.state.get("shape")))
        if rows * columns > 1_000_000:
            raise ValueError(f"a sparse matrix of {rows} x {columns} is no part of MANO")
        dense = np.zeros((rows, columns))
        column = np.repeat(np.arange(columns), np.diff(self.state["indptr"]))
        np.add.at(dense, (self.state["indices"], column), self.state["data"])
        return dense


class _Csr(_Csc):
    """A scipy.sparse.csr_matrix: the same arrays with rows and columns exchanged."""

    def array(self) -> np.ndarray:
        transposed = _Csc()
        transposed.state = {**self.state, "_shape": tuple(self.state.get("_shape", self.state.get("shape")))[::-1]}
        return transposed.array().T


def _blank(kind: type, base: type, state: None) -> _Stored:
    """How protocols 0 and 1 make an object: only admitted ones, and empty."""
    if not (isinstance(kind, type) and issubclass(kind, _Stored)):
        raise pickle.UnpicklingError(f"'{kind}' is not admitted")
    return kind()


def _bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in protocols 0 to 2."""
    return str(text).encode("latin1")


_NUMPY = {"_reconstruct": np.zeros(0).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_ADMITTED = {
    ("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype,
    **{(module, name): made for module in ("numpy.core.multiarray", "numpy._core.multiarray")
       for name, made in _NUMPY.items()},
    **{(f"scipy.sparse{module}", f"{kind}_matrix"): made for kind, made in (("csc", _Csc), ("csr", _Csr))
       for module in ("", f".{kind}", f"._{kind}")},
    ("chumpy", "Ch"): _Ch, ("chumpy.ch", "Ch"): _Ch, ("chumpy.reordering", "Select"): _Select,
    **{(module, "_reconstructor"): _blank for module in ("copy_reg", "copyreg")},
    ("_codecs", "encode"): _bytes,
    **{(module, kind.__name__): kind for module in ("__builtin__", "builtins") for kind in (object, set)},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Admits arrays, and stand-ins that hold arrays; every other class or function in the file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(
                f"it names '{module}.{name}'; only NumPy arrays, SciPy sparse matrices and chumpy arrays are admitted")
        return _ADMITTED[module, name]
