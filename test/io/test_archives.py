"""Archives of others: what they promise is compared with what they hold before anything is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from handos_model.io.archives.npz_file import read_npz
from handos_model.io.files import Kind

KIND = Kind("file of arrays", 2**20)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0))
    return stream.getvalue()


def zipped(compression: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return stream.getvalue()


def read(folder: Path, data: bytes) -> dict[str, np.ndarray]:
    (folder / "x.npz").write_bytes(data)
    return read_npz(folder / "x.npz", KIND)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_numbers_and_texts(tmp_path: Path, save: object) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "none": np.zeros((0, 4), np.int8), "text": np.array(["x", "yz"])}
    save(tmp_path / "x.npz", one=np.float16(1), **arrays)
    found = read_npz(tmp_path / "x.npz", KIND)
    assert list(found) == ["one", *arrays] and found["one"] == 1
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


GOOD = npy(np.arange(100, dtype=np.float32))
BAD = {
    "nothing": (b"", "not a zip archive"),
    "no zip": (b"x" * 100, "not a zip archive"),
    "cut off": (zipped(a=GOOD)[:-30], "not a zip archive"),
    "a bomb": (zipped(a=npy(np.zeros(2**26, np.uint8))), "declares more than it can hold"),
    "more than its header": (zipped(a=GOOD + bytes(2**26)), "fewer numbers than it declares"),
    "less than its header": (zipped(a=GOOD[:-1]), "fewer numbers than it declares"),
    "endless": (zipped(a=GOOD.replace(b"(100,)", b"(10**99,)"[:6])), "x.npz is damaged"),
    "lzma": (zipped(zipfile.ZIP_LZMA, a=GOOD), "unknown compression"),
    "bzip2": (zipped(zipfile.ZIP_BZIP2, a=GOOD), "unknown compression"),
    "objects": (zipped(a=GOOD.replace(b"'<f4'", b"'|O' ")), "must hold numbers"),
    "dates": (zipped(a=GOOD.replace(b"'<f4'", b"'<M8'")), "must hold numbers"),
    "no array": (zipped(a=b"text"), "x.npz is damaged"),
    "many members": (
        b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 9, 9, 2**21, 0, 0),
        "its list of members is larger than 1048576 bytes",
    ),
    "a comment": (zipped(a=GOOD)[:-2] + b"\1\0x", "not a zip archive"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_archive_of_arrays_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=BAD[name][1]) as caught:
        read(tmp_path, BAD[name][0])
    assert str(caught.value).startswith("file of arrays") and len(str(caught.value)) < 500


def test_a_byte_changed_in_the_numbers_is_noticed(tmp_path: Path) -> None:
    data = bytearray(zipped(zipfile.ZIP_STORED, a=GOOD))
    data[300] ^= 1
    with pytest.raises(ValueError, match="Bad CRC-32"):
        read(tmp_path, bytes(data))


def test_changed_bytes_never_end_otherwise_than_in_a_sentence(tmp_path: Path) -> None:
    rng, good, refused = np.random.default_rng(4), zipped(a=GOOD, b=npy(np.array(["text"]))), 0
    for _ in range(500):
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 5)):
            data[place] = rng.integers(0, 256)
        try:
            read(tmp_path, bytes(data))
        except ValueError as error:
            refused += 1
            assert len(str(error)) < 600 and "\n" not in str(error)
    assert refused > 250
