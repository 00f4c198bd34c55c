"""Names of the outputs of `handos predict`: {} is the name of the input, dots and long names included."""

import os

import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_bags import SECOND, BagWriter
from made_files import write_image, write_video
from predicted import PHOTO, contents, interrupt_at, lines_of, times_of

from handos_model.cli import main

LONG = "n" * 249
"""Name of a video whose .jsonl has the longest name that a file can have."""


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- the name of the input


def test_names_of_files_do_not_write_on_the_terminal(tmp_path, weights, capsys):
    evil = "x\x1b[31m\nhandos predict: 9 frames, 9 hands\a"
    write_image(tmp_path / "set" / "a.png", PHOTO)
    (tmp_path / "set" / f"{evil}.txt").write_text("")
    (tmp_path / "set" / f"{evil}.png").write_text("no image")
    assert main(["predict", str(tmp_path / "set"), "--weights", weights, "--out", str(tmp_path / "o.jsonl")]) == 1
    assert main(["predict", str(tmp_path / evil), "--weights", weights]) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\a" not in said and said.count("x\\x1b[31m handos predict: 9 frames") == 3
    assert "\nhandos predict: 9 frames" not in said


def test_a_folder_has_no_suffix(tmp_path, weights, monkeypatch):
    folders = ["run_0.5", "run_0.7", "2024.01.02", "run_0"]
    for name in folders:
        write_image(tmp_path / name / "a.png", PHOTO)
    end = ["--weights", weights, "--out", str(tmp_path / "{}.jsonl"), "--draw", str(tmp_path / "d{}")]
    monkeypatch.chdir(tmp_path)
    assert main(["predict", *folders, *end]) == 0
    for name in folders:
        assert [line["image"] for line in lines_of(tmp_path / f"{name}.jsonl")] == [f"{name}/a.png"]
        assert names(tmp_path / f"d{name}") == ["a.jpg"]
    monkeypatch.chdir(tmp_path / "run_0.5")
    again = ["--weights", weights, "--out", str(tmp_path / "o" / "{}.jsonl")]
    assert main(["predict", ".", "../run_0.7/", "../2024.01.02/../run_0/..", *again]) == 0
    assert names(tmp_path / "o") == sorted(["run_0.5.jsonl", "run_0.7.jsonl", f"{tmp_path.name}.jsonl"])


def test_results_of_folders_in_turn_are_apart(tmp_path, weights, capsys):
    for name in ("take.v1", "take.v2"):
        write_image(tmp_path / name / "a.png", PHOTO)
        end = ["--weights", weights, "--resume", "--out", str(tmp_path / "o" / "{}.npz")]
        assert main(["predict", str(tmp_path / name), *end]) == 0
    assert "is complete" not in capsys.readouterr().err
    assert names(tmp_path / "o") == ["take.v1.npz", "take.v2.npz"]


@pytest.mark.parametrize("name", ["rec_0.5", "rec.v2"])
def test_recordings_in_folders_with_dots(tmp_path, weights, name):
    pytest.importorskip("rosbags")
    with BagWriter(tmp_path / name, "MCAP") as bag:
        bag.image("/cam/image_raw", PHOTO, SECOND)
    out, drawn = str(tmp_path / "o" / "{}"), str(tmp_path / "d" / "{}")
    argv = ["predict", str(tmp_path / name), "--weights", weights]
    assert main([*argv, "--out", out, "--draw", drawn]) == 0
    assert names(tmp_path / "o") == [name]
    assert names(tmp_path / "o" / name) == ["metadata.yaml", f"{name}.mcap"]
    assert names(tmp_path / "d" / name) == [f"{name}_000000.jpg"]
    assert main([*argv, "--out", f"{out}.mcap"]) == 0
    assert names(tmp_path / "o") == [name, f"{name}.mcap"]
    assert main(["predict", str(tmp_path / "o" / name), "--weights", weights, "--out", str(tmp_path / "o.jsonl")]) == 0


def test_a_question_mark_in_the_name_of_a_file(tmp_path, weights):
    for name in ("clip?take=1", "clip?take=2"):
        write_video(tmp_path / "x.avi", [PHOTO]).rename(tmp_path / f"{name}.avi")
        end = ["--weights", weights, "--out", str(tmp_path / "o" / "{}.jsonl"), "--overwrite"]
        assert main(["predict", str(tmp_path / f"{name}.avi"), *end]) == 0
    assert names(tmp_path / "o") == ["clip?take=1.jsonl", "clip?take=2.jsonl"]


# --- kinds of outputs


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_the_name_of_an_input_decides_no_kind(tmp_path, weights, jobs):
    pytest.importorskip("rosbags")
    stems = ["take.jsonl", "take.npz", "v1", "x.mcap", "x.mp4"]
    clips = [str(write_video(tmp_path / "x.avi", [PHOTO]).rename(tmp_path / f"{stem}.avi")) for stem in stems]
    argv = ["predict", *clips, "--weights", weights, "--out", str(tmp_path / "o" / "{}")]
    assert main([*argv, "--draw", str(tmp_path / "d" / "{}"), *jobs]) == 0
    for stem in stems:
        assert names(tmp_path / "o" / stem) == sorted([f"{stem}.mcap", "metadata.yaml"])
        assert names(tmp_path / "d" / stem) == [f"{stem}_000000.jpg"]
    assert names(tmp_path / "o") == names(tmp_path / "d") == stems
    tables = ["predict", *clips, "--weights", weights, "--out", str(tmp_path / "t" / "{}.npz"), *jobs]
    assert main(tables) == 0
    assert names(tmp_path / "t") == sorted(f"{stem}.npz" for stem in stems)
    assert all(path.is_file() for path in (tmp_path / "t").iterdir())


def test_the_name_of_an_input_decides_no_kind_of_what_is_continued(tmp_path, weights, video, monkeypatch):
    pytest.importorskip("rosbags")
    clip = video.rename(tmp_path / "take.jsonl.avi")
    argv = ["predict", str(clip), "--weights", weights, "--out", str(tmp_path / "o" / "{}")]
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        assert main(argv) == 130
    assert names(tmp_path / "o") == ["take.jsonl.part.jsonl"]
    assert main([*argv, "--resume"]) == 0
    assert names(tmp_path / "o") == ["take.jsonl"]
    assert names(tmp_path / "o" / "take.jsonl") == ["metadata.yaml", "take.jsonl.mcap"]


def test_a_link_decides_no_kind(tmp_path, weights, video):
    (tmp_path / "o.jsonl").symlink_to(tmp_path / "data")
    assert main(["predict", str(video), "--weights", weights, "--out", str(tmp_path / "o.jsonl")]) == 0
    assert len(lines_of(tmp_path / "data")) == 6


def test_a_folder_of_results_may_have_a_dot_in_its_name(tmp_path, weights, video, capsys):
    pytest.importorskip("rosbags")
    argv = ["predict", str(video), "--weights", weights, "--out"]
    for name in ("take_0.5", "2024.01.02"):
        assert main([*argv, str(tmp_path / name)]) == 0
        assert names(tmp_path / name) == sorted(["metadata.yaml", f"{name}.mcap"])
    capsys.readouterr()
    assert "take_0.5 exists" in refused(capsys, *argv, tmp_path / "take_0.5")
    for name in ("o.jsnol", "o.parquets", "{}.jsnol", "o.v2"):
        assert f"{name}, must end in one of .jsonl" in refused(capsys, *argv, tmp_path / name)
    assert "ends in .mp4, .mkv, .mov" in refused(capsys, *argv[:-1], "--draw", tmp_path / "{}.mp5")


@pytest.mark.parametrize("option, name", [("--out", ".jsonl"), ("--out", ".MCAP"), ("--draw", ".mp4")])
def test_a_suffix_alone_is_no_name(tmp_path, video, weights, capsys, option, name):
    says = refused(capsys, "predict", video, "--weights", weights, option, tmp_path / "o" / name)
    assert f"{option} is {tmp_path}/o/{name}, which has nothing before its suffix" in says
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("name", ["take_0.5", "take.2b", "take.", "take.a-b", "take.{}"])
def test_names_of_folders_are_the_same_for_all_outputs(tmp_path, weights, video, name):
    pytest.importorskip("rosbags")
    argv = ["predict", str(video), "--weights", weights, "--out", str(tmp_path / "o" / name)]
    assert main([*argv, "--draw", str(tmp_path / "d" / name)]) == 0
    filled = name.replace("{}", "in")
    assert names(tmp_path / "o" / filled) == sorted([f"{filled}.mcap", "metadata.yaml"])
    assert names(tmp_path / "d" / filled) == [f"in_{number:06d}.jpg" for number in range(6)]


def test_a_recording_of_each_of_several_inputs_is_asked_for_by_its_kind(tmp_path, video, weights, capsys):
    says = refused(capsys, "predict", video, video, "--weights", weights, "--out", tmp_path / "take_0.5")
    assert says.endswith(f"give {tmp_path}/{{}}\n")


# --- long names


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_a_name_that_is_too_long_costs_its_output(tmp_path, weights, capfd, jobs):
    """The .parquet of the long one has 257 bytes; those of the others can be written."""
    pytest.importorskip("pyarrow")
    videos = [write_video(tmp_path / "x.avi", [PHOTO]).rename(tmp_path / f"{n}.avi") for n in ("a", LONG, "z")]
    for option, kind in (("--out", "parquet"), ("--draw", "bigger.mp4")):
        end = ["--weights", weights, option, str(tmp_path / "o" / f"{{}}.{kind}"), *jobs]
        assert main(["predict", *map(str, videos), *end]) == 1
        says = capfd.readouterr().err
        named = str(tmp_path / "o" / f"{LONG}.{kind}")
        assert f"handos predict: cannot write {named}: File name too long\n" in says and "Traceback" not in says
        assert "2 frames, 2 hands, 1 not written" in says
        assert sorted(contents(tmp_path / "o")) == sorted(f"{name}.{kind}" for name in "az")
        for path in (tmp_path / "o").iterdir():
            path.unlink()
        end = ["--weights", weights, option, str(tmp_path / "o" / f"{{}}.{kind}")]
        assert "File name too long" in refused(capfd, "predict", videos[1], *end)


@pytest.mark.parametrize("kind", ["jsonl", "npz", "mcap", "mp4"])
def test_a_name_as_long_as_a_name_can_be(tmp_path, weights, kind):
    pytest.importorskip("rosbags")
    stem = "é" * 123 + "x" * (255 - 246 - len(kind) - 1)
    video = write_video(tmp_path / "x.avi", [PHOTO] * 2).rename(tmp_path / f"{stem[-200:]}.avi")
    out = tmp_path / "o" / f"{stem}.{kind}"
    assert len(os.fsencode(out.name)) == 255
    argv = ["predict", str(video), "--weights", weights, "--draw" if kind == "mp4" else "--out", str(out)]
    assert main(argv) == 0
    assert names(tmp_path / "o") == [out.name]
    if kind == "mp4":
        assert len(times_of(out)) == 2


def test_drawn_frames_of_a_long_name(tmp_path, weights):
    clips = [write_video(tmp_path / "x.avi", [PHOTO] * 2).rename(tmp_path / f"{LONG}{end}.avi") for end in "ab"]
    assert main(["predict", *map(str, clips), "--weights", weights, "--draw", str(tmp_path / "d")]) == 0
    drawn = names(tmp_path / "d")
    assert len(drawn) == 4 and all(name.startswith("n" * 200) and name.endswith(".jpg") for name in drawn)
