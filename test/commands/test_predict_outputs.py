"""Where `handos predict` writes: inputs survive, what exists stays, disks are full, names are odd."""

import os
import resource
import subprocess
import sys
from functools import partial

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_image, write_video
from predicted import PHOTO, contents, lines_of, times_of

from handos_model import HandPredictor
from handos_model.cli import main

# --- inputs are never written over


def spelt_otherwise(folder, name):
    yield folder / name
    yield folder / "deep" / ".." / name
    os.symlink(folder / name, folder.parent / f"soft_{name}")
    yield folder.parent / f"soft_{name}"
    os.link(folder / name, folder.parent / f"hard_{name}")
    yield folder.parent / f"hard_{name}"


@pytest.mark.parametrize("rule", [[], ["--overwrite"]])
@pytest.mark.parametrize("option", ["--out", "--draw"])
@pytest.mark.parametrize("whole_folder", [False, True])
def test_an_input_is_never_an_output(tmp_path, weights, capsys, monkeypatch, rule, option, whole_folder):
    photos = tmp_path / "photos"
    name = "x.mp4" if option == "--draw" else "x.jsonl"
    write_image(photos / "a.png", PHOTO)
    write_video(photos / "y.avi", [PHOTO]).rename(photos / name)
    (photos / "deep").mkdir()
    opened = []
    monkeypatch.setattr(HandPredictor, "__init__", lambda *_, **__: opened.append(True))
    before = contents(photos)
    given = photos if whole_folder and option == "--draw" else photos / name
    for output in spelt_otherwise(photos, name):
        assert "is an input, which would be lost" in refused(
            capsys, "predict", given, option, output, "--weights", weights, *rule
        )
    assert contents(photos) == before
    assert not opened


def test_the_two_reported_cases(tmp_path, weights, capsys):
    photos = tmp_path / "photos"
    picture = write_image(photos / "x.png", PHOTO)
    before = contents(photos)
    assert "--out is" in refused(capsys, "predict", picture, "--out", picture, "--weights", weights)
    os.symlink(photos, tmp_path / "link")
    for folder in (photos, tmp_path / "link", photos / "." / "..", tmp_path / "link" / "..", photos.parent / "photos"):
        given = picture if folder.resolve() == photos.resolve() else photos
        if folder.resolve() == photos.resolve():
            says = refused(capsys, "predict", given, "--draw", folder, "--weights", weights, "--overwrite")
            assert "contains inputs, which drawings could replace" in says
    assert "contains inputs" in refused(capsys, "predict", photos, "--draw", photos, "--weights", weights)
    assert contents(photos) == before


def test_what_else_is_read_is_never_an_output(tmp_path, weights, capsys, monkeypatch):
    monkeypatch.setattr(HandPredictor, "__init__", lambda *_, **__: pytest.fail("opened"))
    photo = write_image(tmp_path / "x.png", PHOTO)
    for option, name in (("--template", "t.npz"), ("--weights", "w.onnx"), ("--mano", "MANO_RIGHT.pkl")):
        (tmp_path / name).write_text("precious")
        out = tmp_path / "link" / f"{option[2:]}.npz"
        out.parent.mkdir(exist_ok=True)
        os.link(tmp_path / name, out)
        given = tmp_path if option == "--mano" else tmp_path / name
        says = refused(capsys, "predict", photo, option, given, "--out", out, "--overwrite")
        assert "is an input, which would be lost" in says
        assert out.read_text() == "precious"


def test_what_is_left_of_an_earlier_run_can_be_an_input_too(tmp_path, weights, capsys):
    left = write_video(tmp_path / "v.avi", [PHOTO]).rename(tmp_path / "o.part.mp4")
    before = left.read_bytes()
    out = tmp_path / "o.mp4"
    says = refused(capsys, "predict", left, "--draw", out, "--weights", weights, "--overwrite")
    assert "o.part.mp4 is an input" in says
    assert left.read_bytes() == before


def test_results_in_a_folder_of_images_are_no_inputs(tmp_path, weights):
    write_image(tmp_path / "photos" / "x.png", PHOTO)
    out = tmp_path / "photos" / "r.jsonl"
    for _ in range(2):
        assert main(["predict", str(tmp_path / "photos"), "--out", str(out), "--overwrite", "--weights", weights]) == 0


# --- what exists, and what cannot be written


def test_existing_files_need_overwrite(tmp_path, weights, capsys, video):
    out, drawn, folder = tmp_path / "o.jsonl", tmp_path / "o.mp4", tmp_path / "drawn"
    argv = ["predict", str(video), "--weights", weights]
    assert main([*argv, "--out", str(out), "--draw", str(drawn)]) == 0
    assert main([*argv, "--draw", str(folder)]) == 0
    before = contents(tmp_path)
    capsys.readouterr()
    for option in (["--out", out], ["--draw", drawn], ["--draw", folder]):
        assert "--overwrite" in refused(capsys, *argv, *option)
    assert contents(tmp_path) == before
    assert main([*argv, "--out", str(out), "--draw", str(folder), "--overwrite"]) == 0
    assert contents(tmp_path) == before


def test_outputs_that_cannot_be_written_are_refused_first(tmp_path, weights, capsys, video, monkeypatch):
    monkeypatch.setattr(HandPredictor, "__init__", lambda *_, **__: pytest.fail("opened"))
    (tmp_path / "file").touch()
    argv = ["predict", video, "--weights", weights]
    assert "file is a file" in refused(capsys, *argv, "--out", tmp_path / "file" / "o.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    assert "is a folder" in refused(capsys, *argv, "--out", tmp_path / "folder.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert "not a regular file" in refused(capsys, *argv, "--out", tmp_path / "pipe.jsonl", "--overwrite")
    assert "--draw takes a folder" in refused(capsys, *argv, "--draw", tmp_path / "file")


def test_a_folder_may_be_called_like_a_file(tmp_path, weights, video):
    for name in ("run_0.5", "run.v2"):
        (tmp_path / "run.v2").mkdir(exist_ok=True)
        assert main(["predict", str(video), "--draw", str(tmp_path / name), "--weights", weights]) == 0
        assert len(list((tmp_path / name).glob("in_*.jpg"))) == 6


@pytest.mark.parametrize("output", ["o.jsonl", "o.parquet", "o.npz", "o.mcap", "folder", "o.mp4", "o.mkv", "drawn"])
def test_a_disk_that_takes_no_more_is_noticed(tmp_path, weights, output):
    """A process that may not write large files meets what a full disk is: an error in the middle of a write."""
    pytest.importorskip("pyarrow")
    pytest.importorskip("rosbags")
    noise = np.random.default_rng(0).integers(0, 255, PHOTO.shape, np.uint8)
    video = write_video(tmp_path / "noise.avi", [noise] * 12)
    option = "--draw" if output in ("o.mp4", "o.mkv", "drawn") else "--out"
    argv = [sys.executable, "-m", "handos_model.cli", "predict", video, option, tmp_path / output, "--vertices"]
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100_000, 100_000))
    done = subprocess.run([*argv, "--weights", weights], capture_output=True, text=True, preexec_fn=limit)
    named = tmp_path / output / "noise_000000.jpg" if output == "drawn" else tmp_path / output
    assert done.stderr == f"handos predict: cannot write {named}: File too large\n"
    assert done.returncode == 2
    assert not named.exists()


def test_a_disk_that_takes_no_more_of_a_database(tmp_path, weights):
    from made_bags import SECOND, BagWriter

    with BagWriter(tmp_path / "bag", "SQLITE3") as bag:
        for number in range(3):
            bag.image("/cam/image_raw", PHOTO, (number + 1) * SECOND)
    argv = [sys.executable, "-m", "handos_model.cli", "predict", tmp_path / "bag", "--out", tmp_path / "o"]
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    done = subprocess.run([*argv, "--weights", weights], capture_output=True, text=True, preexec_fn=limit)
    assert done.stderr == f"handos predict: cannot write {tmp_path / 'o'}: Input/output error\n"
    assert done.returncode == 2
    assert [path.name for path in tmp_path.glob("o*")] == ["o.part.jsonl"]


@pytest.mark.parametrize("output, edge, most", [("drawn", 65_501, 65_500), ("o.mp4", 16_386, 16_384)])
def test_a_picture_that_is_too_large_to_be_drawn(tmp_path, weights, capsys, output, edge, most):
    wide = write_image(tmp_path / "wide.png", np.full((16, edge, 3), 90, np.uint8))
    photo, out = write_image(tmp_path / "photo.png", PHOTO), tmp_path / "o.jsonl"
    argv = ["predict", str(wide), str(photo), "--draw", str(tmp_path / output), "--out", str(out), "--weights", weights]
    assert main(argv) == 1
    says = capsys.readouterr().err
    assert f"cannot use {wide}: it has {edge} x 16 pixels" in says and f"at most {most} on an edge" in says
    assert [line["image"] for line in lines_of(out)] == [str(photo)]
    if output == "o.mp4":
        assert times_of(tmp_path / output) == [0]
    else:
        assert [path.name for path in (tmp_path / output).iterdir()] == ["photo.jpg"]


# --- names


def test_names_are_never_taken_for_data(tmp_path, weights, video):
    names = ("a#5.jpg", "b#x.png", "#.png", "c#5#7.png", os.fsdecode(b"\xff\xfe.png"))
    odd = [tmp_path / "in" / name for name in names]
    for path in odd:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix, PHOTO)[1].tobytes())
    clip = video.rename(tmp_path / "v#3.avi")
    drawn, out = tmp_path / "drawn", tmp_path / "o.jsonl"
    argv = ["predict", *map(str, odd), str(clip), "--draw", str(drawn), "--out", str(out), "--weights", weights]
    assert main(argv) == 0
    stems = {os.fsencode(path.stem) for path in drawn.iterdir()}
    assert stems == {b"a#5", b"b#x", b"#", b"c#5#7", b"\xff\xfe"} | {b"v#3_%06d" % i for i in range(6)}
    names = [line["image"] for line in lines_of(out)]
    assert names[4].endswith("in/\\xff\\xfe.png")  # text, as JSON has it
    out.read_text(encoding="utf-8").encode("utf-8")


def test_videos_whose_names_are_no_text(tmp_path, weights, video):
    odd = video.rename(tmp_path / os.fsdecode(b"\xff#\xfe.avi"))
    drawn = tmp_path / os.fsdecode(b"drawn \xff.mp4")
    argv = [sys.executable, "-m", "handos_model.cli", "predict", odd, "--draw", drawn, "--weights", weights]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(times_of(drawn)) == 6


# --- one output each


def test_one_output_for_each_input(tmp_path, weights, capsys, video):
    (tmp_path / "more").mkdir()
    other = write_video(tmp_path / "more" / "in.avi", [PHOTO] * 2)
    argv = ["predict", str(video), str(other), "--weights", weights]
    results, drawn = tmp_path / "results" / "{}.jsonl", tmp_path / "drawn" / "{}.mp4"
    assert main([*argv, "--out", str(results), "--draw", str(drawn)]) == 0
    assert [len(lines_of(tmp_path / "results" / f"{name}.jsonl")) for name in ("in", "in_2")] == [6, 2]
    assert [len(times_of(tmp_path / "drawn" / f"{name}.mp4")) for name in ("in", "in_2")] == [6, 2]
    capsys.readouterr()
    drawn = tmp_path / "d.mp4"
    assert "one file for all 2 inputs" in refused(capsys, *argv, "--out", results, "--draw", drawn, "--overwrite")
    assert "exists" in refused(capsys, *argv, "--out", results)
    (tmp_path / "results" / "in_2.jsonl").unlink()
    assert main([*argv, "--out", str(results), "--resume"]) == 0
    assert len(lines_of(tmp_path / "results" / "in_2.jsonl")) == 2
    assert "2 frames, 2 hands" in capsys.readouterr().err
