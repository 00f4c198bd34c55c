"""Checkpoints and weights of others: read, or refused in one sentence, whatever is in them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import handos_model  # noqa: E402
from handos_model.network.finder import HandFinder  # noqa: E402
from handos_model.training.recipe import read_recipe  # noqa: E402
from handos_model.training.trainer import build_network  # noqa: E402
from handos_model.training.weights import load_weights, read_checkpoint  # noqa: E402

WEIGHTS = {"decoder.a": torch.arange(12.0).reshape(3, 4), "decoder.b": torch.ones(2)}
STATE: dict[str, Any] = {
    "network": WEIGHTS, "averaged": WEIGHTS, "optimizer": {"state": {}, "param_groups": []}, "step": 3, "samples": 8,
    "seconds": 1.5, "template": "mine",
}  # fmt: skip


def saved(path: Path, **changes: Any) -> Path:
    torch.save({name: value for name, value in (STATE | changes).items() if value is not None}, path)
    return path


def packed_anew(path: Path, compression: int, index: bytes | None = None) -> Path:
    """The archive with members compressed otherwise, or another list of weights."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, index if index is not None and name.endswith("data.pkl") else data)
    return path


def test_the_weights_that_ship_fit_their_networks() -> None:
    """The finder's hold whole numbers, too: batch normalisation counts its batches."""
    folder = Path(handos_model.__file__).parent / "weights"
    HandFinder().load_trainable_state(load_weights(folder / "handos_small.find.npz"))
    recipe = read_recipe(Path(__file__).parents[2] / "config" / "train" / "small.yaml")
    build_network(recipe).load_trainable_state(load_weights(folder / "handos_small.see.npz"))


def test_the_weights_of_the_wheel_take_at_most_30_mb() -> None:
    folder = Path(handos_model.__file__).parent / "weights"
    patterns = re.findall(r'"weights/(.+?)"', (folder.parents[1] / "pyproject.toml").read_text())
    packed = {path for pattern in patterns for path in folder.glob(pattern)}
    assert {*folder.iterdir()} - packed == {*folder.glob("handos_small.*.npz")}  # to train on, in a checkout
    assert sum(path.stat().st_size for path in packed) <= 30e6


def test_a_checkpoint(tmp_path: Path) -> None:
    state = read_checkpoint(saved(tmp_path / "c.pt"))
    assert (state["step"], state["samples"], state["template"]) == (3, 8, "mine")
    torch.testing.assert_close(state["averaged"]["decoder.a"], WEIGHTS["decoder.a"])


@pytest.mark.parametrize(
    "changes",
    [
        {"averaged": None},
        {"averaged": {"a": 1}},
        {"averaged": {1: torch.ones(1)}},
        {"averaged": {"a": torch.ones(1).expand(2**40)}},  # four bytes that say to be four terabytes
        {"averaged": {"a": torch.eye(2).to_sparse()}},
        {"network": [torch.ones(1)]},
        {"optimizer": 3},
        {"step": "3"},
        {"samples": 0.5},
        {"samples": None},
        {"template": 5},
        {"template": None},
    ],
)
def test_another_content_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="c.pt is not the checkpoint of a run"):
        read_checkpoint(saved(tmp_path / "c.pt", **changes))


def test_what_is_no_archive_of_torch_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pt")
    whole = path.read_bytes()
    for data in (b"", b"x" * 99, whole[:-1], whole[: len(whole) // 2], b"\x80\x02]q\x00."):
        path.write_bytes(data)
        with pytest.raises(
            ValueError, match="c.pt is damaged or not a checkpoint.pt: it is truncated or not a zip archive"
        ):
            load_weights(path)
    torch.save([1], path)
    with pytest.raises(ValueError, match="is not the checkpoint of a run"):
        load_weights(path)
    torch.save(STATE, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="not a zip archive"):
        load_weights(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pt", averaged={"a": torch.zeros(2**24)}, network={})
    with pytest.raises(ValueError, match="a member is compressed"):
        load_weights(packed_anew(path, zipfile.ZIP_DEFLATED))
    with pytest.raises(ValueError, match="list of weights is too long"):
        load_weights(packed_anew(saved(path), zipfile.ZIP_STORED, b"N0" * 3_000_000))


def test_a_program_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    index = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00trueq\x00\x85R."
    with pytest.raises(ValueError, match="is damaged or not a checkpoint.pt") as caught:
        load_weights(packed_anew(saved(tmp_path / "c.pt"), zipfile.ZIP_STORED, index))
    assert len(str(caught.value)) < 600 and "\n" not in str(caught.value)


def test_an_npz_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{"a": np.ones(3, np.float16), "template": "mine"})
    assert load_weights(tmp_path / "w.npz")["a"].dtype == torch.float32
    for other in ({"a": np.ones(3, bool)}, {"a": np.array(["a"])}, {"template": 5}):
        np.savez(tmp_path / "w.npz", **{"a": np.ones(3), "template": "mine"} | other)
        with pytest.raises(ValueError, match="does not hold weights"):
            load_weights(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", a=np.ones(3))  # of which template nobody knows
    with pytest.raises(ValueError, match="does not hold weights"):
        load_weights(tmp_path / "w.npz")


def test_changed_bytes_never_end_otherwise_than_in_a_sentence(tmp_path: Path) -> None:
    good, rng, refused = saved(tmp_path / "c.pt").read_bytes(), np.random.default_rng(5), 0
    for _ in range(300):
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 5)):
            data[place] = rng.integers(0, 256)
        (tmp_path / "c.pt").write_bytes(data)
        try:
            load_weights(tmp_path / "c.pt")
        except ValueError as error:
            refused += 1
            assert len(str(error)) < 700 and "\n" not in str(error)
    assert refused > 100
