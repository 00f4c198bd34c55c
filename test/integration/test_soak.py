"""A little of benchmarks/soak.py."""

from __future__ import annotations

import pytest

soak = pytest.importorskip("soak")


def test_every_frame_is_accounted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "CAMERA_EVERY", 40)
    monkeypatch.setattr(soak, "JUMP_EVERY", 10)
    monkeypatch.setattr(soak, "STORM_EVERY", 30)
    came = soak.soak(100)
    assert sum(came["counted"].values()) == 100
    assert came["cameras"] == 2 and came["parameters_set"] == 3 * soak.STORM
    assert came["counted"]["dropped: internal error"] == came["counted"]["dropped: bad image"] == 0
    assert 0 < came["counted"]["dropped: time jumped back"] <= came["went_back"]
