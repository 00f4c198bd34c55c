"""Reads pickles of arrays as data without running them: MANO's model files and HO-3D's labels come from outside.

A pickle is a program for a stack machine (see Python's module pickletools for its opcodes). The machine here builds
plain values; where a pickle would call or build something, it only keeps the name with its arguments and state, which
as_array checks and turns into numbers. Neither SciPy nor chumpy is needed. pickle.Unpickler with another find_class
would not run anything either, but it reserves as many memo entries as a file of ten bytes asks for, and hashes keys
that take for ever.
"""

from __future__ import annotations

import codecs
import io
import math
import pickletools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from handos_model.io.files import Kind, read_file

MAX_FILE = 32 * 2**20  # bytes; MANO's are about 4 MB
MAX_OPERATIONS = 1_000_000
MAX_SPARSE = 1_000_000  # numbers
MAX_DEPTH = 4  # selections of selections

_NAMES = {
    **{("numpy", name): name for name in ("ndarray", "dtype")},
    **{(f"numpy.{core}.multiarray", name): name for core in ("core", "_core") for name in ("_reconstruct", "scalar")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): "_frombuffer" for core in ("core", "_core")},
    **{(f"scipy.sparse{module}", f"{kind}_matrix"): kind for kind in ("csc", "csr")
       for module in ("", f".{kind}", f"._{kind}")},
    ("chumpy", "Ch"): "Ch", ("chumpy.ch", "Ch"): "Ch", ("chumpy.reordering", "Select"): "Select",
    **{(module, "_reconstructor"): "_reconstructor" for module in ("copy_reg", "copyreg")},
    **{(module, name): name for module in ("__builtin__", "builtins") for name in ("object", "set", "bytes")},
    ("_codecs", "encode"): "encode",
}  # fmt: skip
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_OPERATIONS = {operation.code: operation for operation in pickletools.opcodes}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_SIZED_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle names, as one of the values of _NAMES."""

    name: str


@dataclass(eq=False, repr=False)
class _Object:
    """The object that a pickle would have built by calling `kind` with `args` and then setting `state`."""

    kind: str
    args: tuple
    state: Any = None


def load_arrays(path: Path) -> Any:
    """Content of the pickle at `path`: plain Python values, and in place of arrays what as_array turns into them.

    ValueError if it is damaged, names anything but arrays of NumPy, SciPy and chumpy, or is larger than MAX_FILE.
    Strings of Python 2 are decoded as Latin 1.
    """
    data = read_file(path, Kind("pickle of arrays", MAX_FILE))
    reader = _Reader()
    try:
        for operation, argument in islice(_operations(io.BytesIO(data)), MAX_OPERATIONS):
            if operation == "STOP":
                return reader.stack.pop()
            reader.run(operation, argument)
    except (LookupError, TypeError, OverflowError) as error:
        raise ValueError(f"it is damaged: {type(error).__name__}") from error
    raise ValueError(f"it has more than {MAX_OPERATIONS} operations")


def as_array(value: Any) -> np.ndarray:
    """The numbers of an array, a sparse matrix, a chumpy array or a flat list; ValueError for anything else."""
    try:
        array = _numbers(value, MAX_DEPTH)
    except ValueError:
        raise
    except Exception as error:  # parts may be missing or of any type
        raise ValueError(f"an array is damaged: {type(error).__name__}") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(f"an array of numbers was expected, not of type {array.dtype}")
    return array


def _operations(file: io.BytesIO) -> Iterator[tuple[str, Any]]:
    """Name and argument of every operation; like pickletools.genops, which however refuses Latin 1 in protocol 0."""
    while True:
        operation = _OPERATIONS.get(file.read(1).decode("latin1"))
        if operation is None:
            raise ValueError("it is truncated or not a pickle")
        argument = None
        if operation.name == "STRING":
            argument = codecs.escape_decode(pickletools.read_stringnl(file, decode=False))[0].decode("latin1")
        elif operation.arg is not None:
            argument = operation.arg.reader(file)
        yield operation.name, argument


class _Reader:
    """The stack machine."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stack below each mark
        self.memo: dict[int, Any] = {}

    def run(self, operation: str, argument: Any) -> None:
        """Performs one operation; ValueError for those that no pickle of arrays contains."""
        if operation in _LITERALS:
            self.stack.append(argument)
        elif operation in _CONSTANTS:
            self.stack.append(_CONSTANTS[operation])
        elif operation in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif operation in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif operation == "MARK":
            self.below.append(self.stack)
            self.stack = []
        elif operation == "POP":
            self.stack.pop()
        elif operation == "POP_MARK":
            self._since_mark()
        elif not (self._container(operation) or self._object(operation, argument) or operation in ("PROTO", "FRAME")):
            raise ValueError(f"the operation {operation} is not allowed")

    def _since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.below.pop()
        return values

    def _container(self, operation: str) -> bool:
        """Performs operations on lists, tuples, dictionaries and sets (left empty); False for other operations."""
        if operation in ("EMPTY_LIST", "LIST"):
            values = [] if operation == "EMPTY_LIST" else self._since_mark()
            self.stack.append(values)
        elif operation in ("EMPTY_TUPLE", "TUPLE"):
            values = [] if operation == "EMPTY_TUPLE" else self._since_mark()
            self.stack.append(tuple(values))
        elif operation in _SIZED_TUPLES:
            values = [self.stack.pop() for _ in range(_SIZED_TUPLES[operation])]
            self.stack.append(tuple(reversed(values)))
        elif operation in ("EMPTY_DICT", "DICT"):
            pairs = [] if operation == "EMPTY_DICT" else self._since_mark()
            self.stack.append({})
            self._set_items(pairs)
        elif operation in ("APPEND", "APPENDS"):
            values = [self.stack.pop()] if operation == "APPEND" else self._since_mark()
            _expect(self.stack[-1], list).extend(values)
        elif operation in ("SETITEM", "SETITEMS"):
            pairs = [self.stack.pop(), self.stack.pop()][::-1] if operation == "SETITEM" else self._since_mark()
            self._set_items(pairs)
        elif operation == "EMPTY_SET":
            self.stack.append(_Object("set", ()))
        elif operation == "ADDITEMS":
            self._since_mark()
        else:
            return False
        return True

    def _set_items(self, pairs: list[Any]) -> None:
        """Sets items whose keys are strings; others are refused, as hashing crafted keys can take for ever."""
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            _expect(self.stack[-1], dict)[_expect(key, str)] = value

    def _object(self, operation: str, argument: Any) -> bool:
        """Performs operations that name, call or build something; False for other operations."""
        if operation == "GLOBAL":
            self.stack.append(_named(*argument.split(" ", 1)))
        elif operation == "STACK_GLOBAL":
            name, module = (_expect(self.stack.pop(), str) for _ in range(2))
            self.stack.append(_named(module, name))
        elif operation in ("REDUCE", "NEWOBJ"):
            args, kind = _expect(self.stack.pop(), tuple), _expect(self.stack.pop(), _Name).name
            if kind == "_reconstructor":  # how protocols 0 and 1 make an object
                kind, args = _expect(args[0], _Name).name, ()
            self.stack.append(_Object(kind, args))
        elif operation == "BUILD":
            state = self.stack.pop()
            _expect(self.stack[-1], _Object).state = state
        else:
            return False
        return True


def _expect(value: Any, kind: Any) -> Any:
    """The value; ValueError if it is not of this kind."""
    if not isinstance(value, kind):
        raise ValueError(f"it is damaged: a {type(value).__name__} is not allowed there")
    return value


def _named(module: str, name: str) -> _Name:
    if (module, name) not in _NAMES:
        raise ValueError(
            f"it names '{module}.{name}'; only NumPy arrays, SciPy sparse matrices and chumpy arrays are allowed"
        )
    return _Name(_NAMES[module, name])


def _numbers(value: Any, deepest: int) -> np.ndarray:
    """as_array without its checks; selections may be nested `deepest` levels deep."""
    if isinstance(value, (list, tuple)) and all(isinstance(v, (bool, int, float)) for v in value):
        return np.array(value, float)
    kind = value.kind if isinstance(value, _Object) else type(value).__name__
    if kind == "_reconstruct":
        _, shape, dtype, fortran, raw = _expect(value.state, tuple)
        return _dense(shape, dtype, fortran, raw)
    if kind == "_frombuffer":  # protocol 5
        raw, dtype, shape, order = value.args
        return _dense(shape, dtype, order == "F", raw)
    if kind == "scalar":
        return _dense((), value.args[0], False, value.args[1])
    if kind == "Ch":
        return _numbers(value.state["x"], 0)
    if kind == "Select" and deepest:  # how MANO stores its shape space: flat indices into another array
        chosen = _numbers(value.state["idxs"], 0)
        if chosen.size > MAX_SPARSE:
            raise ValueError(f"a selection of {chosen.size} numbers is larger than any of MANO's")
        chosen = _numbers(value.state["a"], deepest - 1).ravel()[chosen]
        return chosen.reshape(value.state.get("preferred_shape", chosen.shape))
    if kind in ("csc", "csr"):
        return _sparse(value.state, kind)
    raise ValueError(f"an array of numbers was expected, not a {kind}")


def _dense(shape: Any, dtype: Any, fortran: Any, raw: Any) -> np.ndarray:
    """A new NumPy array; its bytes must fit its shape exactly."""
    if isinstance(raw, _Object):  # how Python 3 writes bytes in protocols 0 to 2
        raw = raw.args[0] if raw.args else b""
    raw = raw.encode("latin1") if isinstance(raw, str) else bytes(_expect(raw, bytes | bytearray))
    numbers = _number_type(_expect(dtype, _Object))
    shape = tuple(_expect(n, int) for n in _expect(shape, tuple))
    possible = len(shape) <= 32 and all(0 <= n <= MAX_FILE for n in shape)  # before the product, which may be huge
    if not possible or math.prod(shape) * numbers.itemsize != len(raw):
        raise ValueError(f"an array of {len(raw)} bytes does not fit its shape")
    array: np.ndarray = np.ndarray(shape, numbers, raw, order="F" if fortran else "C")
    return array.astype(numbers.newbyteorder("="))


def _number_type(dtype: _Object) -> np.dtype:
    """The type of an array, which must be one of plain numbers: objects would be pointers."""
    name = _expect(dtype.args[0], str)
    order = dtype.state[1] if dtype.state else "|"
    if dtype.kind != "dtype" or not re.fullmatch("b1|[iu][1248]|f[248]", name) or order not in ("<", ">", "|", "="):
        raise ValueError(f"an array of numbers was expected, not of type {name[:20]}")
    return np.dtype(order + name)


def _sparse(state: dict[str, Any], kind: str) -> np.ndarray:
    """A compressed matrix: `indptr` says where every column (of csr: row) begins in `indices` and `data`."""
    shape = tuple(_expect(n, int) for n in (state["_shape"] if "_shape" in state else state["shape"]))
    if len(shape) != 2 or any(not 0 <= n <= MAX_SPARSE for n in shape):
        raise ValueError("a sparse matrix has a shape that MANO does not use")
    rows, columns = shape if kind == "csc" else shape[::-1]
    starts, indices, data = (_numbers(state[name], 0) for name in ("indptr", "indices", "data"))
    if rows * columns > MAX_SPARSE:
        raise ValueError(f"a sparse matrix of {rows} x {columns} is larger than any of MANO's")
    counts: np.ndarray = np.diff(starts.astype(np.int64))
    if starts.shape != (columns + 1,) or starts[0] != 0 or (counts < 0).any() or starts[-1] != len(data):
        raise ValueError("a sparse matrix has column starts that do not fit its numbers")
    if indices.shape != data.shape or data.ndim != 1 or (len(data) and not 0 <= indices.min() <= indices.max() < rows):
        raise ValueError("a sparse matrix has indices that do not fit its numbers")
    dense = np.zeros((rows, columns))
    np.add.at(dense, (indices, np.repeat(np.arange(columns), counts)), data)
    return dense if kind == "csc" else dense.T
