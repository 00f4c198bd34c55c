"""The reader of MANO's own file, tried on one of the same make filled from the embedded template (MANO is not free)."""

import os
import pickle
import sys
import types

import numpy as np
import pytest
from made_mano import HAND, MANO_FIELDS, TIPS, write_pickle
from scipy import sparse

from handos_model.template.array_pickle import as_array, load_arrays
from handos_model.template.coarse import random_hands
from handos_model.template.hand_template import signed_volume, skin
from handos_model.template.load import load_template
from handos_model.template.mano import TIP_VERTICES


@pytest.fixture
def chumpy(monkeypatch):
    """A package of chumpy's name whose objects pickle like its own."""
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering")}
    modules["chumpy.ch"].Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    modules["chumpy.reordering"].Select = type("Select", (), {"__module__": "chumpy.reordering"})
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules


def check_mano(hand) -> None:
    """It is the embedded hand again, in the template frame, with MANO's numbering."""
    edges = {(int(a), int(b)) for face in hand.faces for a, b in zip(face, np.roll(face, -1), strict=True)}
    assert hand.faces.shape == (1552, 3) and len(edges) == 3 * 1552 and all((b, a) in edges for a, b in edges)
    assert signed_volume(hand.vertices, hand.faces) == pytest.approx(signed_volume(HAND.vertices, HAND.faces), rel=0.02)
    np.testing.assert_allclose(hand.joints[0], 0, atol=1e-5)
    assert np.linalg.norm(hand.joints - HAND.joints, axis=1).max() < 0.008  # the tips are the nearest vertices
    np.testing.assert_array_equal(hand.joint_regressor[TIPS].argmax(axis=1), TIP_VERTICES)
    assert hand.bone_names[0] == "wrist" and hand.bone_parents[0] == -1 and len(hand.bone_names) == 16
    for bone, name in enumerate(hand.bone_names):  # the same axes as the embedded rig, about
        frame = HAND.bone_frames[HAND.bone_names.index(name)]
        assert (np.sum(frame[:3, :3] * hand.bone_frames[bone, :3, :3], axis=0) > 0.9).all(), name


def test_mano_right_loads(tmp_path):
    hand = load_template(write_pickle(tmp_path / "MANO_RIGHT.pkl", MANO_FIELDS))
    check_mano(hand)
    posed = skin(hand, *random_hands(hand, 50, np.random.default_rng(6)))
    error = np.linalg.norm(hand.upsample @ posed[:, hand.coarse] - posed, axis=2)
    assert error.mean() < 0.001


def test_mano_left_becomes_a_right_hand(tmp_path):
    left = {**MANO_FIELDS, "v_template": MANO_FIELDS["v_template"] * [-1, 1, 1], "f": MANO_FIELDS["f"][:, ::-1]}
    check_mano(load_template(write_pickle(tmp_path / "hand.pkl", left)))


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_mano_with_chumpy_objects_needs_no_chumpy(tmp_path, monkeypatch, chumpy, protocol):
    array, selection = chumpy["chumpy.ch"].Ch(), chumpy["chumpy.reordering"].Select()
    array.__dict__.update(x=MANO_FIELDS["v_template"], _dirty_vars=set())
    selection.__dict__.update(a=array, idxs=np.arange(5), preferred_shape=(5,))
    fields = {
        **MANO_FIELDS,
        "v_template": array,
        "shapedirs": selection,
        "J_regressor": sparse.csr_matrix(MANO_FIELDS["J_regressor"]),
    }
    file = write_pickle(tmp_path / "m.pkl", fields, protocol)
    for name in chumpy:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("handos_model.template.mano.coarse_subset", lambda hand: hand)
    check_mano(load_template(file))


def test_chumpy_selection_gives_what_it_selects(tmp_path, monkeypatch, chumpy):
    array, selection = chumpy["chumpy.ch"].Ch(), chumpy["chumpy.reordering"].Select()
    array.__dict__.update(x=np.arange(24.0).reshape(2, 3, 4))
    selection.__dict__.update(a=array, idxs=np.array([0, 5, 23, 4]), preferred_shape=(2, 2))
    file = write_pickle(tmp_path / "m.pkl", selection)
    for name in chumpy:
        monkeypatch.delitem(sys.modules, name)
    np.testing.assert_array_equal(as_array(load_arrays(file)), [[0, 5], [23, 4]])


class Payload:
    def __reduce__(self):
        return os.system, ("echo attacked > attacked.txt",)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_hostile_pickle_is_refused_and_not_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    file = write_pickle(tmp_path / "m.pkl", {**MANO_FIELDS, "J": Payload()}, protocol)
    with pytest.raises(ValueError, match=r"cannot be read as a MANO model: it names '(posix|nt)\.system'"):
        load_template(file)
    assert not (tmp_path / "attacked.txt").exists()


def test_reconstructor_makes_no_foreign_object(tmp_path):
    (tmp_path / "m.pkl").write_bytes(b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR.")
    with pytest.raises(ValueError, match="cannot be read as a MANO model"):
        load_template(tmp_path / "m.pkl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v_template": np.zeros((6890, 3))}, r"v_template has the shape \(6890, 3\), expected \(778, 3\)"),
        ({"v_template": np.full((778, 3), np.nan)}, "not finite"),
        ({"f": np.full((1538, 3), 778, np.uint32)}, "out of range"),
        ({"weights": "none"}, "an array of numbers was expected"),
    ],
)
def test_other_pickles_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        load_template(write_pickle(tmp_path / "m.pkl", {**MANO_FIELDS, **change}))


@pytest.mark.parametrize("content", [b"", b"\x80\x02}", b"random text", pickle.dumps([1, 2]), pickle.dumps({})])
def test_damaged_pickle_is_refused(tmp_path, content):
    (tmp_path / "m.pkl").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a MANO model"):
        load_template(tmp_path / "m.pkl")
