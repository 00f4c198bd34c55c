"""Two runs of `handos predict` that write the same output at the same time."""

import pytest

pytest.importorskip("onnx")
from another_process import another_process
from command_line import refused
from predicted import interrupt_at, lines_of, times_of

from handos_model.cli import main
from handos_model.output import file_lock
from handos_model.output.output_file import NotWrittenError

HOLD = """
import sys
from pathlib import Path
from handos_model.output.file_lock import open_alone
with open_alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("option", ["--resume", "--overwrite"])
def test_results_of_a_run_that_goes_on_are_left_to_it(tmp_path, weights, video, monkeypatch, capsys, option):
    out, left = tmp_path / "o.jsonl", tmp_path / "o.part.jsonl"
    argv = ["predict", video, "--weights", weights, "--out", out]
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        assert main([str(a) for a in argv]) == 130
    capsys.readouterr()
    lines = left.read_bytes()
    with another_process(HOLD, left):
        assert f"another run is writing {left}: wait for its end" in refused(capsys, *argv, option)
        assert left.read_bytes() == lines and not out.exists()
    assert main([str(a) for a in (*argv, option)]) == 0  # a run that was killed holds nothing
    assert len(lines_of(out)) == 6 and not left.exists()


def test_one_of_several_results_costs_its_input_alone(tmp_path, weights, video, capsys):
    other = video.rename(video.with_name("other.avi"))
    video.write_bytes(other.read_bytes())
    argv = ["predict", str(video), str(other), "--weights", weights, "--out", str(tmp_path / "{}.jsonl"), "--overwrite"]
    with another_process(HOLD, tmp_path / "in.part.jsonl"):
        assert main(argv) == 1
    assert "another run is writing" in capsys.readouterr().err
    assert len(lines_of(tmp_path / "other.jsonl")) == 6 and not (tmp_path / "in.jsonl").exists()


def test_a_video_of_a_run_that_goes_on_is_left_to_it(tmp_path, weights, video, capsys):
    drawn, left = tmp_path / "d.mp4", tmp_path / "d.part.mp4"
    argv = ["predict", video, "--weights", weights, "--draw", drawn, "--overwrite"]
    with another_process(HOLD, left):
        left.write_bytes(b"a run's")
        assert f"another run is writing {left}" in refused(capsys, *argv)
        assert left.read_bytes() == b"a run's"
    left.write_bytes(b"longer than the video " * 10_000)
    assert main([str(a) for a in argv]) == 0
    assert len(times_of(drawn)) == 6 and drawn.stat().st_size < 200_000


def test_results_that_are_completed_while_they_are_opened_stay(tmp_path, monkeypatch):
    out, left = tmp_path / "o.jsonl", tmp_path / "o.part.jsonl"
    left.write_bytes(b"whole\n")
    monkeypatch.setattr(file_lock, "claimed", lambda *_, **__: left.replace(out))  # the other run ends just now
    with pytest.raises(NotWrittenError, match=f"another run is writing {left}"):
        file_lock.open_alone(left)
    assert out.read_bytes() == b"whole\n"
