"""Outputs of `handos predict` that would replace each other, or what is not its own, are refused before it starts."""

import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_bags import write_bag
from made_files import write_image, write_video
from predicted import PHOTO, contents, interrupt_at, lines_of

from handos_model import HandPredictor
from handos_model.cli import main


@pytest.fixture
def unopened(monkeypatch):
    """Fails if the run starts."""
    monkeypatch.setattr(HandPredictor, "__init__", lambda *_, **__: pytest.fail("opened"))


@pytest.mark.parametrize(
    "options",
    [
        ("--out", "res", "--draw", "res/drawn"),
        ("--out", "res", "--draw", "res"),
        ("--out", "{}", "--draw", "{}"),
        ("--out", "res", "--draw", "res/d.mp4"),
        ("--out", "res", "--draw", "other/../link/d.mp4"),
        ("--out", "res", "--view", "rerun=res/h.rrd"),
        ("--out", "res.jsonl", "--view", "foxglove=res.part.mcap", "--draw", "res.part.mp4/../res.part.jsonl/d"),
    ],
)
@pytest.mark.parametrize("rule", [[], ["--overwrite"]])
def test_a_folder_that_is_replaced_holds_no_other_output(tmp_path, video, capsys, monkeypatch, unopened, options, rule):
    for package in ("rosbags", "rerun", "foxglove"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("res")
    before = contents(tmp_path)
    assert "would replace each other" in refused(capsys, "predict", video, *options, *rule)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("option, kind", [("--out", "jsonl"), ("--draw", "mp4"), ("--out", "mcap")])
def test_no_output_is_the_unfinished_file_of_another(tmp_path, capsys, unopened, option, kind):
    pytest.importorskip("rosbags")
    for name in ("clip.part.avi", "clip.avi"):
        write_video(tmp_path / name, [PHOTO])
    outputs = tmp_path / "o" / f"{{}}.{kind}"
    given = ["predict", tmp_path / "clip.part.avi", tmp_path / "clip.avi", option, outputs]
    says = refused(capsys, *given)
    assert "clip.part" in says and "would replace each other" in says
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("output", [("--out", "hands.mcap"), ("--out", "{}.MCAP"), ("--view", "foxglove=v.mcap")])
def test_no_output_becomes_a_part_of_a_recording(tmp_path, video, capsys, monkeypatch, unopened, output):
    pytest.importorskip("foxglove")
    bag = write_bag(tmp_path / "bag", "MCAP")
    monkeypatch.chdir(bag)
    before = contents(bag)
    for given in (video, "."):
        assert "would become a part of the recording ." in refused(capsys, "predict", given, *output)
    assert contents(bag) == before


@pytest.mark.parametrize(
    "given, outputs, named",
    [
        (".", ("--draw", "drawn", "--out", "o.jsonl"), ["drawn lies in the input ."]),
        ("../in", ("--draw", "{}.mp4", "--out", "../{}.jsonl"), ["{}.mp4 lies in the input ../in"]),
        (".", ("--draw", "../drawn", "--out", "{}.npz"), []),
        ("a.png", ("--draw", "drawn"), []),
    ],
)
def test_outputs_that_the_next_run_would_read_are_named(tmp_path, weights, capsys, monkeypatch, given, outputs, named):
    monkeypatch.chdir(write_image(tmp_path / "in" / "a.png", PHOTO).parent)
    assert main(["predict", given, "--weights", weights, *outputs]) == 0
    says = [line for line in capsys.readouterr().err.splitlines() if "lies in" in line]
    assert says == [f"handos predict: {one}: the next run reads it as well, unless it is moved" for one in named]


def test_outputs_side_by_side_are_written(tmp_path, weights, video):
    pytest.importorskip("rosbags")
    out, drawn = tmp_path / "res" / "{}", tmp_path / "res"
    argv = ["predict", str(video), "--weights", weights]
    assert main([*argv, "--out", str(out), "--draw", str(tmp_path / "res" / "{}.mp4")]) == 0
    assert sorted(path.name for path in (tmp_path / "res").iterdir()) == ["in", "in.mp4"]
    assert main([*argv, "--out", str(drawn / "o.jsonl"), "--draw", str(drawn)]) == 0
    assert len(lines_of(drawn / "o.jsonl")) == len(list(drawn.glob("in_*.jpg"))) == 6


# --- drawings of a run that is resumed


def test_drawings_of_frames_that_are_done_keep_their_names(tmp_path, weights, monkeypatch):
    photos = [write_image(tmp_path / folder / "x.png", PHOTO + 30 * i) for i, folder in enumerate("abcd")]
    argv = ["predict", *map(str, photos), "--weights", weights, "--out"]
    assert main([*argv, str(tmp_path / "whole.jsonl"), "--draw", str(tmp_path / "whole")]) == 0
    argv += [str(tmp_path / "o.jsonl"), "--draw", str(tmp_path / "drawn")]
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        assert main(argv) == 130
    assert main([*argv, "--resume"]) == 0
    assert sorted(contents(tmp_path / "drawn")) == ["x.jpg", "x_2.jpg", "x_3.jpg", "x_4.jpg"]
    assert contents(tmp_path / "drawn") == contents(tmp_path / "whole")


def test_resume_without_an_earlier_run_replaces_no_image(tmp_path, weights, capsys):
    photo, mine = write_image(tmp_path / "x.png", PHOTO), tmp_path / "mine" / "x.jpg"
    mine.parent.mkdir()
    mine.write_bytes(b"precious")
    argv = ["predict", photo, "--out", tmp_path / "o.jsonl", "--draw", mine.parent, "--weights", weights]
    assert "mine contains images: use --overwrite" in refused(capsys, *argv, "--resume")
    assert mine.read_bytes() == b"precious"
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize("kind", ["jsonl", "npz", "parquet"])
def test_resume_takes_no_results_of_another_input_for_complete(tmp_path, weights, capsys, kind):
    pytest.importorskip("pyarrow")
    a, b = (tmp_path / folder / "clip.avi" for folder in "ab")
    for clip in (a, b):
        clip.parent.mkdir()
        write_video(clip, [PHOTO] * 2)
    photo = write_image(tmp_path / "c" / "clip.png", PHOTO)
    end = ["--weights", weights, "--resume", "--out", str(tmp_path / f"{{}}.{kind}")]
    assert main(["predict", str(b), *end]) == 0
    before = contents(tmp_path)
    capsys.readouterr()
    for inputs in ([a, b], [a], [photo, b]):
        says = refused(capsys, "predict", *inputs, *end)
        assert f"clip.{kind} is complete, but holds {b}#0 and not {inputs[0]}: resume with the same inputs" in says
    assert contents(tmp_path) == before
    for inputs in ([b, a, photo.parent], [b, a, photo.parent]):
        assert main(["predict", *map(str, inputs), *end]) == 0
    assert capsys.readouterr().err.count("is complete") == 4
    assert sorted(path.name for path in tmp_path.glob(f"*.{kind}")) == [f"c.{kind}", f"clip.{kind}", f"clip_2.{kind}"]
