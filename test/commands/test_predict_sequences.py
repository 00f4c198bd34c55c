"""Pictures as sequences by `handos predict --fps`: the same times and ids with --resume and --jobs as in one run."""

import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_image, write_video
from predicted import PHOTO, assumed, contents, interrupt_at, lines_of

from handos_model.cli import main


@pytest.fixture
def argv(weights):
    return ["--weights", weights, "--fps", "20", "--track", "--out"]


def test_a_tracked_sequence_in_several_folders_is_gone_on_with_from_its_start(tmp_path, argv, monkeypatch, capsys):
    for i in range(6):
        write_image(tmp_path / "set" / f"part{i // 2}" / f"{i}.png", PHOTO + i)
    argv = ["predict", str(tmp_path / "set"), *argv]
    whole, out = tmp_path / "whole.jsonl", tmp_path / "o.jsonl"
    assert main([*argv, str(whole)]) == 0
    assert [line["stamp_ns"] for line in lines_of(whole)] == [50_000_000 * i for i in range(6)]
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        assert main([*argv, str(out)]) == 130
    capsys.readouterr()
    assert main([*argv, str(out), "--resume"]) == 0
    assert capsys.readouterr().err == f"{assumed(1)}6 frames, 6 hands\n"
    assert out.read_bytes() == whole.read_bytes()


def test_pictures_with_an_output_each_are_sequences_of_their_own(tmp_path, argv):
    photos = [str(write_image(tmp_path / f"{name}.png", PHOTO)) for name in "abc"]
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(["predict", *photos, *argv, str(one / "{}.jsonl")]) == 0
    for name in "abc":
        (line,) = lines_of(one / f"{name}.jsonl")
        assert (line["stamp_ns"], line["hands"][0]["id"]) == (0, 0)
    assert main(["predict", *photos, *argv, str(two / "{}.jsonl"), "--jobs", "2"]) == 0
    assert contents(two) == contents(one)
    (two / "b.jsonl").unlink()
    assert main(["predict", *photos, *argv, str(two / "{}.jsonl"), "--resume"]) == 0
    assert contents(two) == contents(one)


def test_a_folder_of_one_image_is_a_sequence_of_its_own(tmp_path, weights, argv):
    folders = [write_image(tmp_path / name / "a.png", PHOTO).parent for name in ("one", "two", "three")]
    write_image(folders[2] / "b.png", PHOTO)
    single = [write_image(tmp_path / f"{name}.png", PHOTO) for name in "xy"]
    out = tmp_path / "o.jsonl"
    inputs = [folders[0], folders[1], *single, folders[0], folders[2], *single]
    assert main(["predict", *map(str, inputs), *argv, str(out)]) == 0
    stamps = [line["stamp_ns"] // 50_000_000 for line in lines_of(out)]
    assert stamps == [0, 0, 0, 1, 0, 0, 1, 0, 1]
    assert {line["hands"][0]["id"] for line in lines_of(out)} == {0}


def test_an_image_that_cannot_be_read_takes_its_place_among_images_given_one_by_one(tmp_path, argv):
    first, last = (str(write_image(tmp_path / f"{name}.png", PHOTO)) for name in "ac")
    out = tmp_path / "o.jsonl"
    assert main(["predict", first, str(tmp_path / "b.png"), last, *argv, str(out)]) == 1
    assert [line["stamp_ns"] for line in lines_of(out)] == [0, 100_000_000]


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_photos_without_times_do_not_keep_videos_from_their_recordings(tmp_path, weights, capfd, jobs):
    pytest.importorskip("rosbags")
    folder, out = tmp_path / "mixed", tmp_path / "o"
    photos = [write_image(folder / f"p{i}.jpg", PHOTO) for i in range(2)]
    video = write_video(folder / "v.avi", [PHOTO] * 2)
    argv = ["predict", str(folder), "--weights", weights, "--out"]
    assert main([*argv, str(out / "{}.mcap"), *jobs]) == 1
    says = capfd.readouterr().err
    assert [f"{photo} has no time, which a recording needs: set one with --fps N" in says for photo in photos] == [
        True
    ] * 2
    assert "2 frames, 2 hands, 2 not readable" in says
    assert sorted(contents(out)) == ["v.mcap"]
    assert "p0.jpg has no time" in refused(capfd, "predict", *photos, *argv[2:], out / "{}.mcap", *jobs)
    assert main([*argv, str(out / "{}"), "--fps", "10", *jobs]) == 0
    assert sorted(contents(out)) == [
        "mixed/metadata.yaml", "mixed/mixed.mcap", "v.mcap", "v/metadata.yaml", "v/v.mcap"
    ]  # fmt: skip
    assert video.is_file()


def test_images_of_a_file_that_are_not_read_take_no_time_and_make_the_exit_code_1(tmp_path, argv, capsys):
    for name in "acd":
        write_image(tmp_path / "set" / f"{name}.ppm", PHOTO)
    one = (tmp_path / "set" / "a.ppm").read_bytes()
    (tmp_path / "set" / "b.ppm").write_bytes(one + one)
    assert main(["predict", str(tmp_path / "set"), *argv, str(tmp_path / "o.jsonl")]) == 1
    assert [line["stamp_ns"] for line in lines_of(tmp_path / "o.jsonl")] == [50_000_000 * i for i in range(4)]
    said = f"handos predict: {tmp_path / 'set' / 'b.ppm'} holds several images, of which the first alone is read\n"
    assert capsys.readouterr().err == f"{said}{assumed(1)}4 frames, 4 hands, 1 not readable\n"


def test_options_that_no_input_needs_are_named(tmp_path, weights, video, capsys):
    argv = ["predict", str(video), "--weights", weights, "--fps", "5", "--topic", "/t", "--depth", "/d", "--rectified"]
    assert main([*argv, "--out", str(tmp_path / "a.jsonl")]) == 0
    says = capsys.readouterr().err
    assert "--fps is for images, of which there are none: it changes nothing\n" in says
    for option in ("--topic", "--depth", "--rectified without --intrinsics FILE.yaml"):
        assert f"{option} is for recordings, of which there are none: it changes nothing\n" in says
    photo = write_image(tmp_path / "photo.png", PHOTO)
    argv = ["predict", str(video), str(photo), "--weights", weights, "--fps", "5", "--depth", "none"]
    assert main([*argv, "--out", str(tmp_path / "b.jsonl")]) == 0
    assert "changes nothing" not in capsys.readouterr().err
