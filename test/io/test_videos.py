import functools
import gc
import http.server
import os
import socket
import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from made_videos import SHADES, shade, turned, write_timed_video

from handos_model.io.inputs import open_inputs
from handos_model.io.video import VideoSource

CASES = Path(__file__).parents[3] / "shared/cases"


def read(path):
    """The images of a video, their stamps, and what was said."""
    frames = list(open_inputs([str(path)])[0])
    good = [frame for frame in frames if frame.image is not None]
    shades = [int(np.median(frame.image)) for frame in good]
    return shades, [frame.stamp_ns for frame in good], [frame.problem for frame in frames if frame.image is None]


def is_shade(value, number):
    return abs(value - shade(number)) < 6


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_stamps_are_those_of_the_container(tmp_path, suffix):
    times = [0, 40, 80, 500, 1700, 1740, 2900]
    shades, stamps, problems = read(write_timed_video(tmp_path / f"v.{suffix}", times))
    assert stamps == [time * 10**6 for time in times]
    assert all(is_shade(value, number) for number, value in enumerate(shades))
    assert problems == []


def test_stamps_begin_at_0_where_the_container_does_not(tmp_path):
    _, stamps, problems = read(write_timed_video(tmp_path / "v.mkv", [1000, 1040, 1080]))
    assert stamps == [0, 40_000_000, 80_000_000]
    assert problems == []


def test_a_video_that_is_cut_off(tmp_path):
    whole = write_timed_video(tmp_path / "whole.mkv", list(range(0, 4000, 40)), "mjpeg").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    shades, stamps, problems = read(tmp_path / "cut.mkv")
    assert 40 < len(shades) < 60
    assert stamps == [number * 40_000_000 for number in range(len(shades))]
    assert len(problems) == 1
    assert f"is truncated: it ends after {len(shades) * 0.04:.1f} of 4.0 s, with {len(shades)} frames" in problems[0]


def test_a_video_with_a_hole(tmp_path):
    file = bytearray(write_timed_video(tmp_path / "v.avi", list(range(0, 4000, 40)), "mjpeg").read_bytes())
    file[len(file) // 3 : len(file) // 2] = bytes(len(file) // 2 - len(file) // 3)
    (tmp_path / "hole.avi").write_bytes(file)
    shades, stamps, problems = read(tmp_path / "hole.avi")
    numbers = [stamp // 40_000_000 for stamp in stamps]
    assert numbers[0] == 0
    assert numbers[-1] == 99
    assert 75 < len(numbers) < 95
    assert all(is_shade(value, number) for number, value in zip(numbers, shades, strict=True))
    assert f"{100 - len(numbers)} of its 100 frames are missing" in problems[-1]


@pytest.mark.parametrize("name", ["NUMBER_OF_FRAMES", "NUMBER_OF_FRAMES-eng"])
@pytest.mark.parametrize(
    ("promised", "length", "says"),
    [("7", 7, "2 of its 7 frames are missing"), ("5", 5, ""), ("9" * 99, 15, ""), ("many", 15, "")],
)
def test_frames_that_a_matroska_file_counts_are_missed(tmp_path, name, promised, length, says):
    path = write_timed_video(tmp_path / "v.mkv", [0, 40, 80, 520, 560], tags={name: promised})
    assert len(open_inputs([str(path)])[0]) == length
    shades, stamps, problems = read(path)
    assert len(shades) == len(stamps) == 5
    assert [problem.endswith(says) for problem in problems] == [True] * bool(says)


def test_a_damaged_frame_is_said_and_the_next_is_read(tmp_path):
    path = write_timed_video(tmp_path / "v.mkv", list(range(0, 400, 40)), "mjpeg")
    file = path.read_bytes()
    with av.open(str(path)) as container:
        packet = list(container.demux(video=0))[4]
        place = file.index(bytes(packet))
    path.write_bytes(file[:place] + b"\xff" * packet.size + file[place + packet.size :])
    shades, stamps, problems = read(path)
    assert stamps == [number * 40_000_000 for number in range(10) if number != 4]
    assert all(is_shade(value, stamp // 40_000_000) for value, stamp in zip(shades, stamps, strict=True))
    assert [problem.startswith(f"cannot decode {path}#4: ") for problem in problems] == [True]


@pytest.mark.parametrize("matrix", [(0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1), (-1, 0, 0, 1), (0, 1, 1, 0)])
def test_a_video_is_upright(tmp_path, matrix):
    x, y = np.meshgrid(np.linspace(0, 255, 64), np.linspace(0, 255, 48))
    image = np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.uint8)
    with av.open(str(tmp_path / "plain.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=64, height=48)
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    (tmp_path / "turned.mp4").write_bytes(turned((tmp_path / "plain.mp4").read_bytes(), matrix))
    (frame,) = open_inputs([str(tmp_path / "turned.mp4")])[0]
    a, b, c, d = matrix
    height, width = image.shape[:2]
    rows, columns = np.indices(image.shape[:2])
    right, down = a * columns + c * rows, b * columns + d * rows
    shown = np.zeros((height, width, 3) if a else (width, height, 3), np.uint8)
    shown[down - down.min(), right - right.min()] = image
    np.testing.assert_allclose(frame.image.astype(int), shown.astype(int), atol=24)


def test_frames_do_not_pile_up_until_garbage_is_collected(tmp_path):
    path = write_timed_video(tmp_path / "v.mp4", list(range(0, 800, 40)))
    gc.collect()
    gc.disable()
    try:
        kept = [sum(type(thing) is av.VideoFrame for thing in gc.get_objects()) for _ in VideoSource(path)]
    finally:
        gc.enable()
    assert len(kept) == 20 and max(kept) <= 5


def test_an_absurd_size_is_refused(tmp_path):
    path = write_timed_video(tmp_path / "v.avi", [0], "mjpeg", size=(9000, 8000))
    with pytest.raises(ValueError, match="must have at most 64 million pixels"):
        open_inputs([str(path)])


def test_a_size_that_grows_later_is_a_damaged_frame(tmp_path):
    file = write_timed_video(tmp_path / "v.avi", [0, 40, 80], "mjpeg").read_bytes()
    at = file.rindex(b"\xff\xc0") + 5
    (tmp_path / "grows.avi").write_bytes(file[:at] + b"\xff\x00\xff\x00" + file[at + 4 :])
    _, stamps, problems = read(tmp_path / "grows.avi")
    assert stamps == [0, 40_000_000]
    assert problems


def test_a_name_of_any_bytes(tmp_path):
    written = write_timed_video(tmp_path / "v.mp4", [0, 40])
    for name in (b"\xff\xfe.mp4", b"a#b.mp4", b"concat:x|y.mp4", b"%03d.mp4"):
        path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
        os.link(written, path)
        assert read(path)[1] == [0, 40_000_000]


def test_nothing_but_problems_is_written_to_stderr(tmp_path, capfd):
    file = bytearray(write_timed_video(tmp_path / "v.mkv", list(range(0, 2000, 40))).read_bytes())
    rng = np.random.default_rng(1)
    for at in rng.integers(500, len(file), 60):
        file[at] = rng.integers(256)
    (tmp_path / "v.mkv").write_bytes(file)
    read(tmp_path / "v.mkv")
    assert capfd.readouterr() == ("", "")


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    for name in ("pipe.mp4", "zero.mp4"):
        with pytest.raises(ValueError, match="not a regular file"):
            open_inputs([str(tmp_path / name)])


def test_a_list_that_opens_other_files_is_no_video(tmp_path, monkeypatch):
    write_timed_video(tmp_path / "secret.mp4", [0, 40])
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="cannot read video list.mp4: it is not a supported video"):
        open_inputs(["list.mp4"])


def test_a_video_without_a_frame(tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode()])
    with pytest.raises(ValueError, match="contains no images"):
        open_inputs([str(tmp_path / "sound.mp4")])


def test_a_network_stream(tmp_path):
    write_timed_video(tmp_path / "v.mkv", [0, 40, 80])
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/v.mkv"
        (source,) = open_inputs([address])
        frames = list(source)
        with pytest.raises(ValueError, match=f"cannot read stream {address}x: .*404"):
            open_inputs([address + "x"])
        server.shutdown()
    assert [frame.stamp_ns for frame in frames] == [0, 40_000_000, 80_000_000]
    assert frames[1].name == f"{address}#1"


def test_a_stream_that_stays_silent(monkeypatch):
    monkeypatch.setattr("handos_model.io.video.STREAM_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes the connection, and sends nothing
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"cannot read stream {address}: nothing came for 0.2 s"):
            open_inputs([address])


def test_streams_that_are_not_there():
    with pytest.raises(ValueError, match=r"cannot read stream rtsp://127\.0\.0\.1:9/x: Connection refused"):
        open_inputs(["rtsp://127.0.0.1:9/x"])
    with pytest.raises(ValueError, match="has the protocol 'gopher', must be one of rtsp, "):
        open_inputs(["gopher://x"])


def test_frames_are_those_that_opencv_reads(tmp_path):
    clip = Path(__file__).parents[2] / "docs/demo.mp4"
    capture = cv2.VideoCapture(str(clip))
    for frame in VideoSource(clip):
        good, image = capture.read()
        assert good
        np.testing.assert_array_equal(frame.image, image[..., ::-1])
    assert not capture.read()[0]


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases lie beside the checkout")
def test_the_reported_cases():
    assert read(CASES / "variable_rate.mkv")[1][-1] == 7_066_000_000
    _, stamps, problems = read(CASES / "cut_off.mkv")
    assert (len(stamps), problems[0][-42:]) == (46, "it ends after 3.1 of 5.6 s, with 46 frames")
    _, stamps, problems = read(CASES / "hole.avi")
    assert (len(stamps), stamps[-1]) == (74, 5_533_333_333)
    assert problems[0].endswith("10 of its 84 frames are missing")
    assert SHADES
