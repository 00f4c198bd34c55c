"""Pickles as data: what was written comes back, and what is made to harm is refused in one sentence.

Where a file was once read into pointers, the reader runs in a process of its own: a crash is a failed test.
"""

from __future__ import annotations

import copyreg
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from handos_model.template.array_pickle import as_array, load_arrays

RECONSTRUCT = np.zeros(0).__reduce__()[0]
SCALAR = np.float64(0).__reduce__()[0]


class Reduced:
    """Pickles as a call of `made` with `args`, and a state where there is one."""

    def __init__(self, made, args: tuple, *state) -> None:
        self.reduced = (made, args, *state)

    def __reduce__(self) -> tuple:
        return self.reduced


def written(folder: Path, content: object, protocol: int = 2) -> Path:
    path = folder / "a.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


def array(shape: tuple, dtype: object, raw: object) -> Reduced:
    return Reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, shape, dtype, False, raw))


def csc(**changes: object) -> Reduced:
    state = {"_shape": (3, 2), "indptr": np.array([0, 1, 2]), "indices": np.array([2, 0]), "data": np.array([5.0, 6.0])}
    return Reduced(copyreg._reconstructor, (sparse.csc_matrix, object, None), {**state, **changes})


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("value", [
    np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    np.arange(6, dtype=">i4").reshape(3, 2), np.array([True, False]), np.zeros((0, 3)), np.float64(1.5), np.uint8(7),
    np.full((2, 2), -1, np.int16)[:, 0],
])  # fmt: skip
def test_arrays_come_back(tmp_path, value, protocol):
    found = as_array(load_arrays(written(tmp_path, [value], protocol))[0])
    np.testing.assert_array_equal(found, value)
    assert found.dtype == value.dtype.newbyteorder("=") and found.flags.writeable


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_plain_values_and_sparse_matrices_come_back(tmp_path, protocol):
    plain = {"name": "mug", "none": None, "box": [1, 2.5, -(2**40)], "pair": (True, "\xe9\n'"), "no": {}, "deep": [()]}
    found = load_arrays(written(tmp_path, {**plain, "sparse": sparse.csr_matrix(np.eye(3)), "set": {1}}, protocol))
    np.testing.assert_array_equal(as_array(found.pop("sparse")), np.eye(3))
    del found["set"]
    assert found == plain
    np.testing.assert_array_equal(as_array(found["box"]), plain["box"])


@pytest.mark.parametrize("protocol", [0, 2])
def test_files_of_python_2(tmp_path, protocol):
    """Bytes are strings there, escaped in protocol 0; NumPy 2 has another name for numpy.core."""
    raw = np.array([1.5, -2.0]).tobytes()
    string = b"S" + repr(raw)[1:].encode() + b"\n" if protocol == 0 else b"U" + bytes([len(raw)]) + raw
    content = (
        b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n"
        b"(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n" + string + b"tb."
    )
    np.testing.assert_array_equal(as_array(load_arrays(written(tmp_path, content))), [1.5, -2])


FIELDS = Reduced(np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (np.dtype("f4"), 1 << 40)}, 8, 1, 0))
OBJECTS = Reduced(np.dtype, ("V8", False, True), (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0))


@pytest.mark.parametrize(("value", "message"), [
    (Reduced(np.ndarray, ((9,), "O", b"A" * 72)), "not a ndarray"),
    (Reduced(np.ndarray, ((10**12,), "u1")), "not a ndarray"),
    (array((9,), np.dtype("O"), b"A" * 72), "not of type O8"),
    (array((9,), OBJECTS, b"A" * 72), "not of type V8"),
    (array((9,), FIELDS, b"A" * 72), "not of type V8"),
    (array((9,), np.dtype("f8"), b"A" * 71), "71 bytes does not fit its shape"),
    (array((10**12,), np.dtype("f8"), b""), "0 bytes does not fit its shape"),
    (array((-1, -9), np.dtype("f8"), b"A" * 72), "72 bytes does not fit its shape"),
    (array((0, 10**30), np.dtype("f8"), b""), "0 bytes does not fit its shape"),
    (array("9", np.dtype("f8"), b"A" * 72), "a str is not allowed"),
    (Reduced(SCALAR, (np.dtype("O"), b"A" * 8)), "not of type O8"),
    (Reduced(set, (array((9,), np.dtype("O"), b"A" * 72),)), "not a set"),
    (csc(indptr=np.array([0, 1])), "column starts that do not fit"),
    (csc(indptr=np.array([0, 10**12, 2])), "column starts that do not fit"),
    (csc(indptr=np.array([0, 1, 9])), "column starts that do not fit"),
    (csc(indices=np.array([2, 3])), "indices that do not fit"),
    (csc(indices=np.array([-1, 0])), "indices that do not fit"),
    (csc(data=array((2,), np.dtype("O"), b"A" * 16)), "not of type O8"),
    (csc(_shape=(10**6, 10**6)), "larger than any of MANO's"),
    (csc(_shape=7), "an array is damaged: TypeError"),
    ({}, "not a dict"), ("7", "not a str"), ([[1.0], [2.0]], "not a list"), (["7"], "not a list"),
    ([10**400], "an array is damaged: OverflowError"),
])  # fmt: skip
def test_harmful_arrays_are_refused(tmp_path, value, message):
    """Reading keeps them as data; nobody gets numbers of them."""
    stored = load_arrays(written(tmp_path, {"camMat": value}))["camMat"]
    with pytest.raises(ValueError, match=message):
        as_array(stored)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "truncated or not a pickle"),
    (b"\x80\x02}", "truncated or not a pickle"),
    (b"\x80\x02.", "it is damaged: IndexError"),
    (b"\x80\x02e.", "it is damaged: IndexError"),
    (b"\x80\x02h\x05.", "it is damaged: KeyError"),
    (b"\x80\x02K\x01}b.", "a int is not allowed there"),
    (b"\x80\x02c_codecs\nencode\n}X\x01\x00\x00\x00aK\x01sb.", "a _Name is not allowed there"),
    (b"\x80\x02}" + b"(" + b"X\x01\x00\x00\x00a" * 3 + b"u.", "longer|shorter"),
    (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "it names 'os.system'"),
    (b"cos\nsystem\n(S'true'\ntR.", "it names 'os.system'"),
    (b"(S'true'\nios\nsystem\n.", "the operation INST is not allowed"),
    (b"Pid\n.", "the operation PERSID is not allowed"),
    (b"\x80\x02}K\x00" + b"q\x00h\x00\x86" * 64 + b"K\x00s.", "a tuple is not allowed there"),  # its hash takes ever
    (b"]" * 1_000_001, "more than 1000000 operations"),
    (b"X" + struct.pack("<I", 2**31) + b"a.", "expected 2147483648 bytes"),
])  # fmt: skip
def test_harmful_pickles_are_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        load_arrays(written(tmp_path, content))


def test_what_would_blow_up_stays_small(tmp_path):
    """Numbers of the memo without end, and lists that hold one list twice, sixty times over."""
    assert load_arrays(written(tmp_path, b"\x80\x02Nr\xff\xff\xff\xff.")) is None
    laughs = b"\x80\x02K\x00" + b"q\x00]q\x01(h\x00h\x00eh\x01" * 60 + b"."
    with pytest.raises(ValueError, match="not a list"):
        as_array(load_arrays(written(tmp_path, laughs)))
    select = b"\x80\x02cchumpy.reordering\nSelect\n)\x81q\x00}(X\x01\x00\x00\x00ah\x00X\x04\x00\x00\x00idxs]ub."
    with pytest.raises(ValueError, match="not a Select"):  # a selection of itself
        as_array(load_arrays(written(tmp_path, select)))


def test_too_large_a_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("handos_model.template.array_pickle.MAX_FILE", 10)
    with pytest.raises(ValueError, match="is too large: it has .* the limit is 10"):
        load_arrays(written(tmp_path, "eleven bytes"))


def test_no_pointers_out_of_a_file(tmp_path):
    path = written(tmp_path, {"v_template": Reduced(set, (Reduced(np.ndarray, ((9,), "O", b"A" * 72)),))})
    code = f"from handos_model.template.mano import read_mano; read_mano({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "ValueError" in done.stderr.splitlines()[-1]


def test_numbers_as_keys_and_endless_shapes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="a int is not allowed there"):
        load_arrays(written(tmp_path, {2**61 - 1: 0}))
    huge = 1 << 80_000
    with pytest.raises(ValueError, match="0 bytes does not fit its shape"):
        as_array(load_arrays(written(tmp_path, array((huge,) * 50, np.dtype("f4"), b""))))
    with pytest.raises(ValueError, match="a shape that MANO does not use"):
        as_array(load_arrays(written(tmp_path, csc(_shape=(huge, huge)))))
