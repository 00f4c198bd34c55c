"""YAML of others: plain values, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("yaml")
from hostile_yaml import HOSTILE

from handos_model.io.files import CALIBRATION
from handos_model.io.yaml_file import read_yaml


def read(folder: Path, text: str) -> object:
    (folder / "x.yaml").write_text(text)
    return read_yaml(folder / "x.yaml", CALIBRATION)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: [1, -2.5, .inf, yes, null, text]", {"a": [1, -2.5, float("inf"), True, None, "text"]}),
        ("[1e-3, -8E-05, 1.5e3, .5e1, +2e0]", [0.001, -8e-5, 1500.0, 5.0, 2.0]),  # as Python and JSON write them
        ("['1e-3', 1e, e3, 1e-3m, 0e1_0, ١e3]", ["1e-3", "1e", "e3", "1e-3m", "0e1_0", "١e3"]),
        ("day: 2026-01-01\ntime: 2001-12-14 21:59:43.1", {"day": "2026-01-01", "time": "2001-12-14 21:59:43.1"}),
        ("most: 9223372036854775807\nleast: -9223372036854775808", {"most": 2**63 - 1, "least": -(2**63)}),
        ("a: &x {k: 1}\nb: *x\nc: {<<: *x, k: 2}", {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 2}}),
        ("- !!str 1\n- !!float 1\n- !!map {}", ["1", 1.0, {}]),
    ],
)
def test_plain_values(tmp_path: Path, text: str, value: object) -> None:
    assert read(tmp_path, text) == value


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_without_bounds_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    text, says = HOSTILE[name]
    with pytest.raises(ValueError, match=f"calibration file .*x.yaml .*{says}") as caught:
        read(tmp_path, text)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_other_bytes_are_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\0a")
    with pytest.raises(ValueError, match="not UTF-8 text"):
        read_yaml(tmp_path / "x.yaml", CALIBRATION)
    with pytest.raises(FileNotFoundError, match="there is no calibration file"):
        read_yaml(tmp_path / "none.yaml", CALIBRATION)
