"""Outputs of `handos predict` that cannot be written: one of several is named and counted, a single one is refused."""

import errno

import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_video
from predicted import PHOTO, contents

from handos_model.cli import main

JOBS = pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]], ids=["one", "jobs"])


@pytest.fixture
def videos(tmp_path) -> list[str]:
    return [str(write_video(tmp_path / f"{name}.avi", [PHOTO])) for name in "abc"]


def unmakeable(tmp_path):
    """The folder o/b that is a link to itself, which only shows when something is made in it."""
    folder = tmp_path / "o" / "b"
    folder.parent.mkdir()
    folder.symlink_to(folder)
    return folder


@JOBS
def test_an_output_that_cannot_be_opened(tmp_path, weights, videos, capfd, jobs):
    named = unmakeable(tmp_path) / "r.jsonl"
    end = ["--weights", weights, "--out", str(tmp_path / "o" / "{}" / "r.jsonl"), *jobs]
    assert main(["predict", *videos, *end]) == 1
    says = capfd.readouterr().err
    assert f"handos predict: cannot write {named}: File exists ({named.parent})\n" in says
    assert says.splitlines()[-1] == "2 frames, 2 hands, 1 not written"
    assert sorted(contents(tmp_path / "o")) == ["a/r.jsonl", "c/r.jsonl"]


@pytest.mark.parametrize("option, name", [("--out", "r.npz"), ("--draw", "d.mp4"), ("--draw", "d")])
def test_a_single_output_that_cannot_be_opened(tmp_path, weights, videos, capfd, option, name):
    named = unmakeable(tmp_path) / name
    argv = ["predict", videos[1], "--weights", weights, option, tmp_path / "o" / "{}" / name]
    assert f"handos predict: cannot write {named}: " in refused(capfd, *argv)


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"], ["--ray", "--jobs", "2"]], ids=["one", "jobs", "ray"])
def test_a_single_output_of_another_process(tmp_path, weights, videos, capfd, jobs):
    if "--ray" in jobs:
        pytest.importorskip("ray")
    named = unmakeable(tmp_path) / "r.jsonl"
    argv = ["predict", videos[1], "--weights", weights, "--out", str(tmp_path / "o" / "{}" / "r.jsonl"), *jobs]
    assert main(argv) == 2
    assert f"handos predict: cannot write {named}: " in capfd.readouterr().err


def test_drawings_that_cannot_be_opened_leave_no_results(tmp_path, weights, videos, capsys):
    unmakeable(tmp_path)
    argv = ["predict", videos[1], "--weights", weights, "--draw", tmp_path / "o" / "{}" / "d"]
    assert "cannot write" in refused(capsys, *argv, "--out", tmp_path / "o" / "r.jsonl")
    assert contents(tmp_path / "o") == {}


def test_outputs_that_cannot_be_written_or_closed(tmp_path, weights, videos, capsys):
    """A folder has the name of a drawing of b, and another one that of the unfinished results of c."""
    (tmp_path / "d" / "b" / "b_000000.jpg").mkdir(parents=True)
    (tmp_path / "o" / "c.part.npz").mkdir(parents=True)
    draw, out = tmp_path / "d" / "{}", tmp_path / "o" / "{}.npz"
    end = ["--weights", weights, "--draw", str(draw), "--out", str(out), "--overwrite"]
    assert main(["predict", *videos, *end]) == 1
    says = capsys.readouterr().err
    assert f"handos predict: cannot write {tmp_path}/d/b: Is a directory (" in says
    assert f"handos predict: cannot write {tmp_path}/o/c.npz: Is a directory (" in says
    assert says.splitlines()[-1] == "2 frames, 2 hands, 2 not written"
    assert (tmp_path / "o" / "a.npz").is_file() and not (tmp_path / "o" / "b.npz").exists()


@pytest.mark.parametrize("number, said", [
    (errno.EPIPE, "the viewer takes no more frames: went away"),
    (errno.ENOTCONN, "[Errno 107] went away"),
])  # fmt: skip
def test_errors_of_the_viewer_are_none_of_the_outputs(tmp_path, weights, videos, capsys, monkeypatch, number, said):
    pytest.importorskip("foxglove")

    def gone(*_):
        raise OSError(number, "went away")

    monkeypatch.setattr("handos_model.view.foxglove_view.FoxgloveView.write", gone)
    argv = ["predict", *videos, "--weights", weights, "--out", tmp_path / "{}.jsonl"]
    argv += ["--view", f"foxglove={tmp_path / 'v.mcap'}"]
    assert main(list(map(str, argv))) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"handos predict: {said}"
    assert list(tmp_path.glob("*.jsonl")) == []


@JOBS
def test_results_of_another_run_cost_their_input_alone(tmp_path, weights, videos, capfd, jobs):
    part = tmp_path / "o" / "b.part.jsonl"
    part.parent.mkdir()
    part.write_text('{"image": "another.avi#0"}\n')
    end = ["--weights", weights, "--resume", "--out", str(part.parent / "{}.jsonl"), *jobs]
    assert main(["predict", *videos, *end]) == 1
    says = capfd.readouterr().err
    assert f"handos predict: {part} was left by a run with other inputs, " in says
    assert says.splitlines()[-1] == "3 frames, 3 hands, 1 not written"
    assert sorted(contents(part.parent)) == ["a.jsonl", "b.part.jsonl", "c.jsonl"]
    assert part.read_text() == '{"image": "another.avi#0"}\n'


def test_on_a_cluster_too_they_cost_their_inputs_alone(tmp_path, weights, videos, capfd):
    pytest.importorskip("ray")
    named = unmakeable(tmp_path) / "r.jsonl"
    (tmp_path / "o" / "c").mkdir()
    part = tmp_path / "o" / "c" / "r.part.jsonl"
    part.write_text('{"image": "another.avi#0"}\n')
    end = ["--weights", weights, "--resume", "--out", str(tmp_path / "o" / "{}" / "r.jsonl"), "--ray", "--jobs", "2"]
    assert main(["predict", *videos, *end]) == 1
    says = capfd.readouterr().err
    assert f"handos predict: cannot write {named}: File exists ({named.parent})\n" in says
    assert f"handos predict: {part} was left by a run with other inputs, " in says
    assert says.splitlines()[-1] == "2 frames, 2 hands, 2 not written"
    assert sorted(contents(tmp_path / "o")) == ["a/r.jsonl", "c/r.part.jsonl"]
    assert part.read_text() == '{"image": "another.avi#0"}\n'
