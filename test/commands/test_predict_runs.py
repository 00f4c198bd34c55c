"""Runs of `handos predict`: what ends them and what does not, how they go on, sequences, mirrors and cameras."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_image, write_video
from made_videos import write_timed_video
from predicted import CAMERA, PHOTO, interrupt_at, lines_of, times_of

from handos_model import Camera, HandPredictor
from handos_model.cli import main
from handos_model.tracking.follower import HandFollower

# --- one bad input, one bad signal


def test_a_missing_input_does_not_end_the_run(tmp_path, weights, capsys, video):
    out = tmp_path / "o.jsonl"
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"0" * 100)
    argv = ["predict", str(tmp_path / "no.png"), str(bad), str(video), "--out", str(out), "--weights", weights]
    assert main(argv) == 1
    assert len(lines_of(out)) == 6
    says = capsys.readouterr().err
    assert "no.png" in says and "bad.mp4" in says and "6 frames, 6 hands, 2 not readable" in says


def test_an_error_of_whatever_kind_costs_one_frame(tmp_path, weights, capsys, video, monkeypatch):
    follow, count = HandFollower.follow, 0

    def failing(self, *args):
        nonlocal count
        count += 1
        if count == 2:
            raise MemoryError("of the second frame")
        return follow(self, *args)

    monkeypatch.setattr(HandFollower, "follow", failing)
    out = tmp_path / "o.jsonl"
    assert main(["predict", str(video), "--out", str(out), "--weights", weights]) == 1
    assert [line["image"].rpartition("#")[2] for line in lines_of(out)] == ["0", "2", "3", "4", "5"]
    assert "in.avi#1: MemoryError: of the second frame" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stop_at", [1, 3])
def test_a_signal_leaves_what_is_done_and_resume_goes_on(
    tmp_path, weights, video, monkeypatch, capsys, number, stop_at
):
    out, drawn = tmp_path / "o.jsonl", tmp_path / "d.mp4"
    argv = ["predict", str(video), "--weights", weights, "--out"]
    assert main([*argv, str(tmp_path / "whole.jsonl")]) == 0
    with monkeypatch.context() as patch:
        interrupt_at(patch, stop_at, number)
        before = signal.getsignal(number)
        assert main([*argv, str(out), "--draw", str(drawn)]) == 130
        assert signal.getsignal(number) is before
    assert not out.exists() and not drawn.exists()
    assert len(lines_of(tmp_path / "o.part.jsonl")) == stop_at
    assert len(times_of(tmp_path / "d.part.mp4")) == stop_at
    says = capsys.readouterr().err
    assert "o.part.jsonl contains the results so far" in says and "interrupted" in says
    assert "an interrupted run left" in refused(capsys, *argv, out)
    assert main([*argv, str(out), "--resume"]) == 0
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert not (tmp_path / "o.part.jsonl").exists()
    assert f"{7 - stop_at} frames" in capsys.readouterr().err  # the last one again
    assert main([*argv, str(out), "--resume"]) == 0
    assert "is complete" in capsys.readouterr().err


def test_resume_with_other_options_is_refused(tmp_path, weights, video, monkeypatch, capsys):
    out = tmp_path / "o.jsonl"
    argv = ["predict", str(video), "--weights", weights, "--out", str(out)]
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        assert main(argv) == 130
    capsys.readouterr()
    left = (tmp_path / "o.part.jsonl").read_bytes()
    assert "other inputs, options or weights" in refused(capsys, *argv, "--resume", "--hand-scale", "0.9")
    other = write_video(tmp_path / "other.avi", [PHOTO])
    assert "other inputs" in refused(capsys, "predict", other, "--weights", weights, "--out", out, "--resume")
    assert (tmp_path / "o.part.jsonl").read_bytes() == left
    assert main([*argv, "--overwrite"]) == 0
    assert len(lines_of(out)) == 6


def test_resume_after_a_line_that_was_cut_off(tmp_path, weights, video):
    argv = ["predict", str(video), "--weights", weights, "--out"]
    assert main([*argv, str(tmp_path / "whole.jsonl")]) == 0
    whole = (tmp_path / "whole.jsonl").read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1, len(whole)):
        (tmp_path / "o.part.jsonl").write_bytes(whole[:size])
        assert main([*argv, str(tmp_path / "o.jsonl"), "--resume"]) == 0
        assert (tmp_path / "o.jsonl").read_bytes() == whole
        (tmp_path / "o.jsonl").unlink()


def test_a_tracked_video_is_gone_on_with_from_its_start(tmp_path, weights, video, monkeypatch, capsys):
    first = write_video(tmp_path / "first.avi", [PHOTO] * 2)
    argv = ["predict", str(first), str(video), "--weights", weights, "--track", "--out"]
    assert main([*argv, str(tmp_path / "whole.jsonl")]) == 0
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        assert main([*argv, str(tmp_path / "o.jsonl")]) == 130
    capsys.readouterr()
    assert main([*argv, str(tmp_path / "o.jsonl"), "--resume"]) == 0
    assert "6 frames, 6 hands, 2 done before" in capsys.readouterr().err
    ids = [record["hands"][0]["id"] for record in lines_of(tmp_path / "o.jsonl")]
    assert ids == [0] * 8
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_ended(tmp_path, weights, number):
    video = write_video(tmp_path / "long.avi", [PHOTO] * 150)
    out, drawn = tmp_path / "o.jsonl", tmp_path / "d.mp4"
    argv = [sys.executable, "-m", "handos_model.cli", "predict", video, "--out", out, "--weights", weights]
    process = subprocess.Popen([*argv, "--draw", drawn], stderr=subprocess.PIPE, text=True)
    left, deadline = tmp_path / "o.part.jsonl", time.monotonic() + 180
    while not left.exists() or left.stat().st_size < 20_000:
        assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(60) == (130 if number == signal.SIGTERM else -number)
    process.stderr.close()
    assert not out.exists() and not drawn.exists()
    done = left.read_text().count("\n")
    if number == signal.SIGTERM:
        assert len(times_of(tmp_path / "d.part.mp4")) == done
    assert subprocess.run([*argv, "--resume"], capture_output=True).returncode == 0
    assert [int(line["image"].rpartition("#")[2]) for line in lines_of(out)] == list(range(150))


def test_a_picture_of_33_million_pixels(tmp_path, weights):
    photo = write_image(tmp_path / "8k.png", np.full((4320, 7680, 3), 90, np.uint8))
    out = tmp_path / "o.jsonl"
    assert main(["predict", str(photo), "--out", str(out), "--draw", str(tmp_path / "d"), "--weights", weights]) == 0
    assert [(line["width"], line["height"]) for line in lines_of(out)] == [(7680, 4320)]
    assert cv2.imread(str(tmp_path / "d" / "8k.jpg")).shape == (4320, 7680, 3)


def test_memory_of_a_video_of_33_million_pixels(tmp_path, weights):
    video = write_timed_video(tmp_path / "8k.mp4", list(range(0, 240, 40)), size=(7680, 4320))
    code = "import sys; from handos_model.cli import main; code = main(sys.argv[1:]); "
    code += "print(open('/proc/self/status').read()); sys.exit(code)"
    argv = ["predict", video, "--draw", tmp_path / "d.mp4", "--out", tmp_path / "o.jsonl", "--weights", weights]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) < 1_000_000  # not ru_maxrss, which is the parent's too
    assert len(times_of(tmp_path / "d.mp4")) == 6


# --- sequences, mirrors, times


def test_a_folder_is_a_sequence_where_it_is_said(tmp_path, weights, capsys):
    for i in range(3):
        write_image(tmp_path / "set" / f"f{i}.png", PHOTO)
    images = sorted(map(str, (tmp_path / "set").iterdir()))
    out, drawn = tmp_path / "o.jsonl", tmp_path / "o.mp4"
    argv = ["--track", "--weights", weights, "--overwrite", "--out", str(out)]
    assert main(["predict", str(tmp_path / "set"), *argv]) == 0
    says = capsys.readouterr().err
    assert says.count("is not tracked: images have no time unless --fps N") == 1
    assert [line["hands"][0]["id"] for line in lines_of(out)] == [-1, -1, -1]
    for given in ([str(tmp_path / "set")], images):
        assert main(["predict", *given, *argv, "--fps", "20", "--draw", str(drawn)]) == 0
        assert [line["hands"][0]["id"] for line in lines_of(out)] == [0, 0, 0]
        assert [line["stamp_ns"] for line in lines_of(out)] == [0, 50_000_000, 100_000_000]
        assert times_of(drawn) == [0, 0.05, 0.1]
        assert "not tracked" not in capsys.readouterr().err


def test_drawn_videos_keep_the_times_of_frames(tmp_path, weights):
    clip = Path(__file__).parents[3] / "shared" / "cases" / "variable_rate.mkv"
    if not clip.is_file():
        pytest.skip("needs the cases")
    out, drawn = tmp_path / "o.jsonl", tmp_path / "o.mp4"
    assert main(["predict", str(clip), "--out", str(out), "--draw", str(drawn), "--weights", weights]) == 0
    stamps = [line["stamp_ns"] / 1e9 for line in lines_of(out)]
    np.testing.assert_allclose(times_of(drawn), np.array(stamps) - stamps[0], atol=0.002)
    assert times_of(drawn)[-1] > 6.5


def test_a_mirrored_image_shows_the_other_side(tmp_path, weights):
    photo = str(write_image(tmp_path / "photo.png", PHOTO))
    out = tmp_path / "o.jsonl"
    argv = ["predict", photo, "--weights", weights, "--overwrite", "--out", str(out)]
    main([*argv, "--intrinsics", "600,600,310,240"])
    (plain,) = lines_of(out)
    main([*argv, "--intrinsics", "600,600,329,240", "--mirrored", "--draw", str(tmp_path / "drawn")])
    (mirrored,) = lines_of(out)
    hand, other = plain["hands"][0], mirrored["hands"][0]
    assert other["side"] == hand["side"] == "right"  # the network sees the flipped image
    assert mirrored["intrinsics"]["cx"] == 329
    assert (plain["mirrored"], mirrored["mirrored"]) == (False, True)
    flipped = np.array(hand["joints_2d"]) * [-1, 1] + [639, 0]
    np.testing.assert_allclose(other["joints_2d"], flipped, atol=0.02)
    x0, y0, x1, y1 = hand["box"]
    np.testing.assert_allclose(other["box"], [639 - x1, y0, 639 - x0, y1], atol=0.02)
    np.testing.assert_allclose(other["joints_3d"], hand["joints_3d"], atol=1e-5)
    drawn = cv2.imread(str(tmp_path / "drawn" / "photo.jpg")).astype(int)
    x, y = np.rint(other["joints_2d"][9]).astype(int)
    assert np.abs(drawn[y, x] - 90).max() > 40
    assert np.abs(drawn[y, 639 - x] - 90).max() < 10


# --- cameras that are none


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_intrinsics_that_do_not_fit_every_input(tmp_path, weights, capfd, jobs):
    small = write_video(tmp_path / "a.avi", [PHOTO[:120, :160]] * 2)
    large = write_video(tmp_path / "b.avi", [PHOTO])
    argv = ["--weights", weights, "--intrinsics", "600,600,320,240", "--out", str(tmp_path / "{}.jsonl"), *jobs]
    for inputs in ([small, large], [large, small]):
        assert main(["predict", *map(str, inputs), *argv, "--overwrite"]) == 1
        says = capfd.readouterr().err
        assert [f"cannot use {small}#{i}: --intrinsics has fx = 600" in says for i in range(3)] == [True, True, False]
        assert "1 frames, 1 hands, 2 not readable" in says
        assert [path.name for path in tmp_path.glob("*.jsonl")] == ["b.jsonl"]
    assert main(["predict", str(small), *argv, "--overwrite"]) == 2
    says = capfd.readouterr().err
    assert "focal lengths must lie between 1.6 and 16000 px, and the principal point in the image" in says
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["b.jsonl"]


@pytest.mark.parametrize("focal", [7.0, 60_000.0])
def test_a_hand_that_cannot_be_there_is_left_out(tmp_path, weights, focal):
    photo = str(write_image(tmp_path / "photo.png", PHOTO))
    out = tmp_path / "o.jsonl"
    argv = ["predict", photo, "--weights", weights, "--out", str(out), "--intrinsics", f"{focal},{focal},320,240"]
    assert main(argv) == 0
    for hand in lines_of(out)[0]["hands"]:
        depths = np.array(hand["joints_3d"])[:, 2]
        assert (depths > 0).all() and (depths < 100).all()


def test_a_predictor_leaves_out_what_no_camera_shows(weights):
    predictor = HandPredictor(weights)
    assert len(predictor.predict(PHOTO)) == 1
    for focal in (6.4, 1e9):  # shorter ones are refused
        camera = Camera.from_intrinsics(focal, focal, 320, 240, 640, 480)
        for hand in predictor.predict(PHOTO, camera):
            assert (hand.joints_3d[:, 2] > 0).all() and (hand.vertices[:, 2] > 0).all()
            assert np.abs(hand.joints_3d).max() < 100
    assert predictor.predict(PHOTO, Camera.from_intrinsics(1e9, 1e9, 320, 240, 640, 480)) == []


# --- depth


def test_depth_of_a_recording_measures_the_hand(tmp_path, weights, capsys):
    pytest.importorskip("rosbags")
    from made_bags import SECOND, BagWriter

    with BagWriter(tmp_path / "bag", "MCAP") as bag:
        for number in range(4):
            stamp = SECOND * (number + 10) // 10
            bag.image("/cam/image_raw", PHOTO, stamp)
            bag.camera_info("/cam/camera_info", stamp, 640, 480, fx=CAMERA.focal, d=(0.0,) * 5)
            if number != 2:
                bag.image("/cam/depth", np.full((480, 640), 0.72, np.float32), stamp, encoding="32FC1")
    out = tmp_path / "o.jsonl"
    argv = ["predict", str(tmp_path / "bag"), "--weights", weights, "--out", str(out), "--overwrite"]
    for options, sources in (
        ([], ["depth", "depth", "prior", "depth"]),
        (["--track"], ["depth", "depth", "remembered", "depth"]),
        (["--depth", "none"], ["prior"] * 4),
        (["--mirrored"], ["depth", "depth", "prior", "depth"]),
    ):
        assert main([*argv, *options]) == 0
        hands = [line["hands"][0] for line in lines_of(out)]
        assert [hand["scale_source"] for hand in hands] == sources
        for hand in hands:
            measured = hand["scale_source"] in ("depth", "remembered")
            middle = np.median(np.array(hand["joints_3d"])[:, 2])
            assert middle == pytest.approx(0.72 if measured else 0.6, abs=0.04)
        deviation = np.sqrt(np.reshape(hands[0]["wrist"]["covariance"], (6, 6))[2, 2])
        assert (deviation < 0.05) == (sources[0] == "depth")
