import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile_images import heif
from made_bags import write_bag
from made_files import picture, write_image, write_video

from handos_model.io.image_encodings import ENCODINGS, decode_compressed, decode_raw
from handos_model.io.inputs import frames_until_error, open_inputs, short_name

# --- encodings


def encoded(image: np.ndarray, encoding: str) -> np.ndarray:
    """Rows of bytes (rows, n) of an RGB image in a ROS encoding."""
    if "16" in encoding:
        samples = encoded(image, "mono8" if "C1" in encoding else encoding.replace("16", "8"))
        return (samples.astype("<u2") * 257).view(np.uint8)
    bgr, grey = image[..., ::-1], cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    alpha = np.full((height, width, 1), 7, np.uint8)
    if encoding.startswith("bayer"):
        mosaic, pattern = np.empty_like(grey), encoding[6:10]
        for k, letter in enumerate(pattern):
            mosaic[k // 2 :: 2, k % 2 :: 2] = image[k // 2 :: 2, k % 2 :: 2, "rgb".index(letter)]
        return mosaic
    if encoding in ("nv12", "nv21"):
        planar = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)
        u, v = planar[height:].reshape(2, -1)
        pair = (u, v) if encoding == "nv12" else (v, u)
        return np.concatenate([planar[:height], np.stack(pair, axis=-1).reshape(height // 2, width)])
    if encoding in ("yuv422", "uyvy", "yuv422_yuy2", "yuyv"):
        planar = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)
        u, v = planar[height:].reshape(2, height // 2, width // 2).repeat(2, axis=1)
        chroma = np.stack([u, v], axis=-1).reshape(height, width)
        first = encoding in ("yuv422", "uyvy")
        return np.stack([chroma, planar[:height]] if first else [planar[:height], chroma], axis=-1).reshape(height, -1)
    return {
        "rgb8": image, "bgr8": bgr, "8UC3": bgr, "mono8": grey, "8UC1": grey,
        "rgba8": np.concatenate([image, alpha], axis=2), "bgra8": np.concatenate([bgr, alpha], axis=2),
    }[encoding].reshape(height, -1)  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("padding", [0, 5])
def test_every_encoding_gives_the_picture_back(encoding, padding):
    image = picture()
    rows = encoded(image, encoding)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    decoded = decode_raw(data.ravel(), encoding, 32, 24, data.shape[1])
    assert decoded.shape == (24, 32, 3)
    assert decoded.dtype == np.uint8
    expected, atol = image, 0
    if "mono" in encoding or "C1" in encoding:
        expected = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if encoding.startswith(("bayer", "nv", "yu", "uyvy")):
        decoded, expected, atol = decoded[2:-2, 2:-2], expected[2:-2, 2:-2], 12
    np.testing.assert_allclose(decoded.astype(int), expected.astype(int), atol=atol)


def test_big_endian_16_bit():
    grey = np.array([[10 * 257 + 5, 200 * 257 - 5]], ">u2")
    decoded = decode_raw(grey.view(np.uint8).ravel(), "mono16", 2, 1, 4, big_endian=True)
    assert decoded[0, :, 0].tolist() == [10, 200]


def test_rgb8_is_not_copied():
    data = picture().ravel()
    assert np.shares_memory(decode_raw(data, "rgb8", 32, 24, 96), data)


@pytest.mark.parametrize(
    "encoding, width, height, step, size, says",
    [
        ("32FC1", 32, 24, 128, 3072, "'32FC1', must be one of rgb8"),
        ("rgb8", 0, 24, 0, 0, "empty: 0x24"),
        ("rgb8", 32, 24, 96, 2303, "2303 bytes, step 96\\) is too short for 32x24 rgb8"),
        ("rgb8", 32, 24, 95, 9999, "too short"),
    ],
)
def test_wrong_buffers_are_refused(encoding, width, height, step, size, says):
    with pytest.raises(ValueError, match=says):
        decode_raw(np.zeros(size, np.uint8), encoding, width, height, step)


def test_compressed_images():
    good = cv2.imencode(".png", picture()[..., ::-1])[1]
    np.testing.assert_array_equal(decode_compressed(good), picture())
    for bad in (b"", b"not an image"):
        with pytest.raises(ValueError, match=f"these {len(bad)} bytes"):
            decode_compressed(bad)


# --- files


def test_an_image_and_a_folder(tmp_path):
    one = write_image(tmp_path / "set" / "b.png", picture())
    write_image(tmp_path / "set" / "deep" / "c.png", picture()[:12])
    (tmp_path / "set" / "a.jpg").write_text("no image")
    (tmp_path / "set" / "notes.txt").write_text("nor this")
    image, folder = open_inputs([str(one), str(tmp_path / "set")])
    (frame,) = image
    np.testing.assert_array_equal(frame.image, picture())
    assert (frame.name, frame.camera, len(image), image.fps) == (str(one), None, 1, None)
    frames = list(folder)
    assert [f.name for f in frames] == [str(tmp_path / "set" / n) for n in ("a.jpg", "b.png", "deep/c.png")]
    assert frames[0].image is None
    assert "cannot read image" in frames[0].problem
    assert frames[2].image.shape == (12, 32, 3)


def test_a_video(tmp_path):
    images = [np.full((48, 64, 3), 40 * i + 20, np.uint8) for i in range(5)]
    (video,) = open_inputs([str(write_video(tmp_path / "v.avi", images))])
    frames = list(video)
    assert len(video) == len(frames) == 5
    assert video.fps == pytest.approx(12)
    assert frames[3].name.endswith("v.avi#3")
    assert frames[3].stamp_ns == 250_000_000
    for frame, image in zip(frames, images, strict=True):
        np.testing.assert_allclose(frame.image.astype(int), image.astype(int), atol=4)


@pytest.mark.parametrize(
    "name, error, says",
    [
        ("none.png", FileNotFoundError, "there is no .*none.png"),
        ("empty", ValueError, "empty holds no image, video or ROS recording$"),
        ("linked", ValueError, r"only notes, pictures \(a link to a folder\); .*, give the link itself"),
        ("broken.mp4", ValueError, "cannot read video"),
        ("hand.obj", ValueError, "not a known input"),
    ],
)
def test_wrong_inputs_are_refused(tmp_path, name, error, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "notes").touch()
    (tmp_path / "linked" / "pictures").symlink_to(write_image(tmp_path / "pictures" / "i.png", picture()).parent)
    assert len(open_inputs([str(tmp_path / "linked" / "pictures")])[0]) == 1
    (tmp_path / "broken.mp4").write_bytes(b"0" * 100)
    (tmp_path / "hand.obj").write_text("v 0 0 0")
    with pytest.raises(error, match=says):
        open_inputs([str(tmp_path / name)])


def test_frames_of_a_folder_come_in_the_order_of_their_numbers(tmp_path):
    names = ["frame_1.png", "frame_2.png", "frame_10.png", "run2/7.png", "run10/3.png", "run10/003.png"]
    for name in reversed(names):
        write_image(tmp_path / name, picture())
    found = [frame.name for frame in open_inputs([str(tmp_path)])[0]]
    assert found == [str(tmp_path / name) for name in [*names[:4], "run10/003.png", "run10/3.png"]]


def test_a_folder_of_videos_recordings_and_images(tmp_path):
    for number in (10, 2):
        write_video(tmp_path / f"v{number}.avi", [picture()] * 2)
    write_bag(tmp_path / "bags" / "b", "SQLITE3")
    write_image(tmp_path / "i.png", picture())
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    for number in range(7):
        (tmp_path / f"notes {number}.txt").touch()
    sources = open_inputs([str(tmp_path)])
    names = [tmp_path, tmp_path / "bags/b", tmp_path / "broken.mp4", tmp_path / "v2.avi", tmp_path / "v10.avi"]
    assert [source.name for source in sources] == [str(name) for name in names]
    assert [len(source) for source in sources] == [1, 3, 1, 2, 2]
    assert "skipped: notes 0.txt, notes 1.txt, notes 2.txt, notes 3.txt, notes 4.txt and 2 more" in sources[0].notes[0]
    (broken,) = sources[2]
    assert broken.image is None
    assert "cannot read video" in broken.problem


def test_one_input_that_cannot_be_opened_among_others(tmp_path):
    good = write_image(tmp_path / "good.png", picture())
    missing, source = open_inputs([str(tmp_path / "none.png"), str(good)])
    assert [frame.problem for frame in missing] == [f"there is no {tmp_path / 'none.png'}"]
    assert next(iter(source)).image is not None
    with pytest.raises(ValueError, match="there is no x.png\nthere is no y.png"):
        open_inputs(["x.png", "y.png"])


def test_folders_below_that_are_not_read_are_named(tmp_path, monkeypatch):
    """Permissions do not stop an administrator, so the system's answer is imitated."""
    scan, locked = os.scandir, str(tmp_path / "in" / "locked")

    def scandir(path):
        if os.fspath(path) == locked:
            raise PermissionError(13, "Permission denied", locked)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    write_image(tmp_path / "in" / "i.png", picture())
    write_image(tmp_path / "in" / "locked" / "hidden.png", picture())
    write_image(tmp_path / "elsewhere.png" / "linked.png", picture())
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    images, folder = open_inputs([str(tmp_path / "in")])
    assert [frame.name for frame in images] == [str(tmp_path / "in" / "i.png")]
    assert "skipped: circle (a link to a folder), link.png (a link to a folder)" in images.notes[0]
    assert [frame.problem for frame in folder] == [f"cannot read folder {locked}: Permission denied"]
    with pytest.raises(OSError, match="cannot read folder .*locked: Permission denied"):
        open_inputs([locked])


# --- files that are none, and kinds that are not read


def test_one_bad_file_never_keeps_others_from_being_read(tmp_path):
    write_image(tmp_path / "z.png", picture())
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.jpg").symlink_to("/dev/zero")
    with (tmp_path / "c.png").open("wb") as file:
        file.truncate(40 * 2**30)
    (tmp_path / "d.ppm").write_bytes(b"P6" + b" " * 40 + b"x")
    for name in ("e.heic", "f.avif"):
        (tmp_path / name).write_bytes(heif(name.partition(".")[2].encode()))
    (tmp_path / "g.png").symlink_to(tmp_path / "nowhere")
    (source,) = open_inputs([str(tmp_path)])
    *bad, good = source
    says = (
        "not a regular file",
        "not a regular file",
        "is too large",
        "no header",
        "HEIC is not",
        "AVIF is not",
        "there is no",
    )
    for frame, sentence in zip(bad, says, strict=True):
        assert frame.image is None and sentence in frame.problem and frame.problem.count(str(tmp_path)) == 1
    np.testing.assert_array_equal(good.image, picture())


def test_a_video_that_disappears_is_a_frame_that_cannot_be_read(tmp_path):
    write_video(tmp_path / "a.mp4", [picture()] * 2)
    (source,) = open_inputs([str(tmp_path / "a.mp4")])
    assert [frame.problem for frame in frames_until_error(source, source.name)] == ["", ""]
    (tmp_path / "a.mp4").unlink()
    (frame,) = frames_until_error(source, source.name)
    assert frame.image is None and frame.problem.startswith(
        f"cannot read {tmp_path / 'a.mp4'} any further: there is no"
    )


def test_other_names_and_kinds_of_images_are_read(tmp_path):
    (tmp_path / "a.jfif").write_bytes(cv2.imencode(".jpg", picture()[..., ::-1])[1].tobytes())
    (tmp_path / "b.JPE").write_bytes((tmp_path / "a.jfif").read_bytes())
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/c\xe9.png"))
    odd.write_bytes(cv2.imencode(".png", picture()[..., ::-1])[1].tobytes())
    (source,) = open_inputs([str(tmp_path)])
    assert [frame.image.shape for frame in source] == [(24, 32, 3)] * 3


# --- names


@pytest.mark.parametrize(
    "given, name",
    [
        ("rtsp://camera/live.sdp?user=a.b&take=1", "live"),
        ("rtsp://10.0.0.5/stream_0.5", "stream_0.5"),
        ("http://me:secret@10.0.0.6:8554", "10.0.0.6:8554"),
        ("udp://", "input"),
        ("missing/clip?take=1.mp4", "clip?take=1"),
        ("run_0.5/", "run_0.5"),
        ("run_0.5/..", "here"),
        ("run_0.5/../.", "here"),
        (".", "here"),
        ("/", "input"),
    ],
)
def test_what_stands_for_an_input_in_the_names_of_its_outputs(tmp_path, monkeypatch, given, name):
    (tmp_path / "here" / "run_0.5").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert short_name(given) == name
