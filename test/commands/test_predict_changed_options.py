"""`handos predict --resume` with other options than those of complete results: they stay, and what differs is said."""

import pytest

pytest.importorskip("onnx")
from made_files import write_video
from predicted import PHOTO, contents, write_weights

from handos_model.cli import main

NUMBERS = "600,600,320,240"
UNKNOWN = "and keeps what the options of its own run gave"


@pytest.fixture
def resumed(tmp_path, weights, capsys):
    """Asks --resume with some options about complete results of a run with others, and returns what it says."""
    video, folder = write_video(tmp_path / "in.avi", [PHOTO]), tmp_path / "out"
    argv = ["predict", str(video), "--weights", weights, "--out"]

    def said(before: list[str], now: list[str], kind: str = "jsonl") -> str:
        out = str(folder / f"o.{kind}")
        assert main([*argv, out, "--overwrite", *before]) == 0
        written = contents(folder)
        capsys.readouterr()
        assert main([*argv, out, "--resume", *now]) == 0
        assert contents(folder) == written
        sentence, counts = capsys.readouterr().err.splitlines()
        assert counts == "0 frames, 0 hands"
        return sentence.removeprefix(f"handos predict: {out} is complete, ")

    return said


def differed(options: str) -> str:
    return f"but {options} differed in its run: --overwrite in place of --resume makes it anew"


@pytest.mark.parametrize(
    ("before", "now", "options"),
    [
        ([], ["--vertices"], "--vertices"),
        (["--vertices", "--track"], [], "--vertices and --track"),
        ([], ["--hand-scale", "0.9"], "--hand-scale"),
        (["--mirrored"], [], "--mirrored"),
        ([], ["--intrinsics", NUMBERS], "--intrinsics or --rectified"),
        (["--intrinsics", NUMBERS], [], "--intrinsics or --rectified"),
        (["--intrinsics", NUMBERS], ["--intrinsics", "601,600,320,240"], "--intrinsics or --rectified"),
        (["--intrinsics", NUMBERS], ["--intrinsics", "1,1,0,0"], "--intrinsics or --rectified"),
    ],
)
def test_what_the_first_hand_shows_is_said(resumed, before, now, options):
    assert resumed(before, now) == differed(options)


@pytest.mark.parametrize("options", [[], ["--track", "--intrinsics", NUMBERS, "--hand-scale", "0.9", "--vertices"]])
def test_the_same_options_do_not_differ(resumed, options):
    assert resumed(options, options) == UNKNOWN


def test_other_weights_are_said(tmp_path, resumed):
    other = write_weights(tmp_path / "other.onnx", version="2")
    assert resumed([], ["--weights", other]) == differed("the weights")


def test_what_leaves_no_trace_is_not_said_to_be_the_same(resumed):
    assert resumed(["--threshold", "0.5"], []) == UNKNOWN
    assert resumed(["--threshold", "1", "--vertices"], []) == UNKNOWN  # no hand


@pytest.mark.parametrize(("kind", "said"), [("parquet", differed("--mirrored")), ("npz", UNKNOWN), ("mcap", UNKNOWN)])
def test_tables_say_less_and_recordings_nothing(resumed, kind, said):
    pytest.importorskip("pyarrow")
    pytest.importorskip("rosbags")
    assert resumed(["--mirrored", "--vertices"], [], kind) == said
    assert resumed([], [], kind) == UNKNOWN


def test_other_files_that_are_called_results_are_left_alone(tmp_path, weights, capsys):
    video, out = write_video(tmp_path / "in.avi", [PHOTO]), tmp_path / "o.jsonl"
    for line in ("", "3", "[]", "{}", '{"image": 3, "intrinsics": []}', '{"hands": [{"id": null}], "stamp_ns": 0}'):
        out.write_text(line + "\n")
        assert main(["predict", str(video), "--weights", weights, "--out", str(out), "--resume"]) == 0
        assert UNKNOWN in capsys.readouterr().err and out.read_text() == line + "\n"
