"""The script for a borrowed GPU runs, small and on a CPU, and leaves its file."""

import json
import sys

import pytest

pytest.importorskip("torch")
import paper_gpu  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_part_gives_its_figures(tmp_path, monkeypatch, capsys):
    out = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["paper_gpu.py", "--out", str(out)])
    monkeypatch.setattr(paper_gpu.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("handos_model.training.cost.RUNS", 1)
    paper_gpu.main()
    figures = json.loads(out.read_text())
    assert set(figures["prediction"]["by_hands"]) == {"1", "2", "4", "10"}
    assert all(ms > 0 for times in figures["prediction"]["by_hands"].values() for ms in times.values())
    assert figures["training"]["step_ms"] > 0 and figures["training"]["images"] == 2
    assert 0 < figures["foretold"]["memory_gb"] < 8
    assert [figures["exported"][hands]["hands"] for hands in ("1", "10")] == [1, 10]
    assert figures["paper"]["detector_s"] == 0.5 and "exported" in capsys.readouterr().out


def test_what_there_is_no_time_for_is_left_out(tmp_path, monkeypatch):
    out = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["paper_gpu.py", "--out", str(out), "--seconds", "0"])
    paper_gpu.main()
    assert json.loads(out.read_text())["exported"] == {"left_out": "no time was left"}
