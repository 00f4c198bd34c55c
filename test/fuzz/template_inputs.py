"""Hand templates: .npz files, and pickles as MANO's."""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile

import numpy as np
from file_inputs import FOLDER, through_a_file
from fuzz_class import FuzzClass
from hypothesis import strategies as st
from made_mano import MANO_FIELDS

from handos_model.template.embedded import save_template
from handos_model.template.load import load_template
from handos_model.template.mano import read_fields

SIZES = st.sampled_from([0, 1, 2, 3, 4, 16, 20, 21, 778, 10**6, 2**31, 2**63, -1])
TYPES = st.sampled_from(["<f4", "<f8", "<i4", "|u1", "<U9", "<U99999999", "|O", "<M8[ns]", "|V8", "<c16", ">f4"])
NAMES = (
    "name", "vertices", "faces", "joint_regressor", "skinning_weights", "bone_names", "bone_parents", "bone_frames",
    "coarse", "upsample",
)  # fmt: skip


def _seeds() -> list[bytes]:
    path = FOLDER / "seed.npz"
    save_template(load_template(), path)
    packed = path.read_bytes()
    with np.load(path) as arrays:
        np.savez(path, **arrays)
    return [packed, path.read_bytes()]


def _npz(members: list[tuple[str, str, list[int], bytes, int]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, dtype, shape, body, compression in members:
            header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {tuple(shape)}, }}".ljust(117) + "\n"
            data = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + body
            archive.writestr(f"{name}.npy", data, compression)
    return stream.getvalue()


ARCHIVES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        TYPES,
        st.lists(SIZES, max_size=3),
        st.binary(max_size=64) | st.just(bytes(100_000)),
        st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]),
    ),
    max_size=12,
    unique_by=lambda member: member[0],
).map(_npz)
OPERATIONS = [operation.code.encode("latin1") for operation in pickletools.opcodes]
PARTS = [
    *OPERATIONS, b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n",
    b"cos\nsystem\n", b"cscipy.sparse.csc\ncsc_matrix\n", b"cchumpy.ch\nCh\n", b"cchumpy.reordering\nSelect\n",
    b"K\1", b"K\0\x85", b"C\1b", b"X\2\0\0\0f4", b"X\1\0\0\0x", b"X\1\0\0\0f", b"X\n\0\0\0v_template",
    b"M\xff\xff", b"J\xff\xff\xff\x7f", b"q\0", b"h\0",
]  # fmt: skip
PICKLES = st.lists(st.sampled_from(PARTS) | st.binary(max_size=3), max_size=60).map(lambda p: b"\x80\2" + b"".join(p))

NPZ = FuzzClass(through_a_file("template.npz", load_template), _seeds(), ARCHIVES)
PICKLED = [pickle.dumps(MANO_FIELDS, protocol) for protocol in (0, 2, 4)]
MANO = FuzzClass(through_a_file("MANO_RIGHT.pkl", read_fields), PICKLED, PICKLES)
"""The rest of read_mano takes seconds, and gets arrays of known shapes."""
