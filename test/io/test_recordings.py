import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_bags import INFO, SECOND, STORAGES, file_of, images, made, png, write_bag
from made_files import picture
from read_bags import numbers, opened, problems

CASES = Path(__file__).parents[3] / "shared/cases"


@pytest.mark.parametrize("storage", STORAGES)
def test_a_recording(tmp_path, storage):
    source = opened(write_bag(tmp_path / ("b.bag" if storage == "ROS1" else "b"), storage))
    frames = list(source)
    assert (len(source), len(frames), source.topic) == (3, 3, "/cam/image_raw")
    assert source.fps == 10
    assert [frame.stamp_ns for frame in frames] == [1_000_000_002, None, 1_200_000_002]
    for frame in (frames[0], frames[2]):
        np.testing.assert_array_equal(frame.image, picture())
        assert (frame.topic, frame.frame_id) == ("/cam/image_raw", "camera")
        assert (frame.camera.width, frame.camera.height, frame.camera.distortion_model) == (32, 24, "plumb_bob")
        np.testing.assert_array_equal(frame.camera.K[[0, 1], [0, 1]], [30, 31])
    assert frames[1].image is None
    assert "100 bytes" in frames[1].problem


def test_images_without_a_stamp_have_the_time_of_their_recording(tmp_path):
    source = opened(write_bag(tmp_path / "bag", "MCAP", stamp=0))
    assert [frame.stamp_ns for frame in source if frame.image is not None] == [0, 200_000_000]


def test_one_file_of_a_recording_with_compressed_images(tmp_path):
    bag = write_bag(tmp_path / "bag", "MCAP", ("/cam/image_raw/compressed",), compressed=True)
    frames = list(opened(file_of(bag)))
    assert len(frames) == 3
    np.testing.assert_array_equal(frames[1].image, picture())
    assert frames[0].camera is not None


@pytest.mark.parametrize(
    "storage, compression",
    [("SQLITE3", "message"), ("SQLITE3", "file"), ("MCAP", "storage"), ("ROS1", "bz2"), ("ROS1", "lz4")],
)
def test_compressed_recordings(tmp_path, storage, compression):
    source = opened(images(tmp_path, storage, compression=compression))
    assert len(source) == 20
    assert numbers(source) == list(range(20))


@pytest.mark.parametrize("storage", ["SQLITE3", "MCAP"])
def test_a_folder_without_metadata(tmp_path, storage):
    bag = images(tmp_path, storage)
    (bag / "metadata.yaml").unlink()
    source = opened(bag)
    assert source.name == str(file_of(bag))
    assert numbers(source) == list(range(20))


@pytest.mark.parametrize("listed", ["- take 2.mcap", '- "take 2.mcap"', "- path: take 2.mcap"])
def test_a_missing_file_is_named_though_its_name_has_blanks(tmp_path, listed):
    bag = images(tmp_path, "MCAP", 1)
    assert problems(list(opened(bag))) == []
    metadata = bag / "metadata.yaml"
    metadata.write_text(f"{metadata.read_text()}\nmore:\n    {listed}\n")
    assert problems(list(opened(bag)))[0].endswith("1 of the files that metadata.yaml names are missing: take 2.mcap")


def test_several_files_in_the_order_of_their_numbers(tmp_path):
    bag = images(tmp_path, "MCAP", 1)
    file = file_of(bag)
    metadata = (bag / "metadata.yaml").read_text()
    for number in (2, 10):
        other = file_of(images(tmp_path / str(number), "MCAP", number))
        other.rename(bag / f"bag_{number}.mcap")
    file.rename(bag / "bag_1.mcap")
    (bag / "metadata.yaml").write_text(metadata.replace("bag.mcap", "bag_1.mcap\n  - 'bag_3.mcap'"))
    frames = list(opened(bag))
    assert numbers(frames) == [0, *range(2), *range(10)]
    assert problems(frames)[0].endswith("1 of the files that metadata.yaml names are missing: bag_3.mcap")


# --- topics


def test_a_recording_with_several_topics(tmp_path):
    bag = write_bag(tmp_path / "bag", "MCAP", ("/left/image", "/right/image"))
    several = "has several image topics: choose one with --topic, or with camera_node's parameter topic"
    with pytest.raises(ValueError, match=f"{several}: /left/image, /right/image"):
        opened(bag)
    with pytest.raises(ValueError, match="no image topic /x; it has /left/image"):
        opened(bag, topic="/x")
    assert len(list(opened(bag, topic="/right/image"))) == 3


@pytest.mark.parametrize("storage", STORAGES)
def test_the_topic_with_colours_is_chosen_by_encoding(tmp_path, storage):
    depth = np.full((24, 32), 1500, np.uint16)
    with made(tmp_path, storage) as bag:
        bag.image("/a/millimetres", depth, SECOND, "16UC1")
        bag.image("/b/metres", depth.astype(np.float32), SECOND, "32FC1")
        bag.compressed("/c/image/compressedDepth", bytes(12) + png(depth), SECOND, "16UC1; compressedDepth png")
        bag.image("/d/infra", picture()[..., 0], SECOND, "mono8")
        bag.image("/e/colour", picture(), SECOND)
        bag.compressed("/e/colour/compressed", png(picture()), SECOND, "rgb8; png compressed bgr8")
        bag.write("/words", "String", SECOND, data="no image")
    bag = next(tmp_path.glob("bag*"))
    assert opened(bag).topic == "/e/colour"
    assert numbers(opened(bag, topic="/d/infra")) == [40]
    with pytest.raises(ValueError, match=r"topic /b/metres of recording .* holds depth \(32FC1\)"):
        opened(bag, topic="/b/metres")


def test_what_has_no_colour_images(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        bag.image("/depth", np.ones((4, 4), np.float32), SECOND, "32FC1")
    with pytest.raises(ValueError, match="contains only depth images: /depth"):
        opened(tmp_path / "bag")
    with made(tmp_path / "words", "SQLITE3") as bag:
        bag.write("/words", "String", SECOND, data="no image")
    with pytest.raises(ValueError, match="contains no images: its topics have the types std_msgs/msg/String"):
        opened(tmp_path / "words/bag")


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases lie beside the checkout")
def test_channels_of_other_encodings_are_passed_over():
    frames = list(opened(CASES / "json_channel.mcap"))
    assert frames
    assert problems(frames) == []
    assert all(frame.topic == frames[0].topic for frame in frames)


# --- cameras


def test_the_camera_of_a_rectified_image(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        bag.image("/cam/image_rect", picture(), SECOND)
        bag.camera_info(INFO, SECOND, p=25)
    (plain,) = opened(tmp_path / "bag")
    (rectified,) = opened(tmp_path / "bag", rectified=True)
    assert (plain.camera.K[0, 0], plain.camera.distortion_model) == (30, "plumb_bob")
    assert (rectified.camera.K[0, 0], rectified.camera.distortion_model) == (25, "none")
    assert (plain.projection[:, :3] == rectified.camera.K).all()


@pytest.mark.parametrize("storage", ["MCAP", "ROS1"])
def test_the_rectification_of_a_stereo_camera(tmp_path, storage):
    turn = cv2.Rodrigues(np.array([0.02, 0.05, 0.01]))[0]
    P = np.array([[58, 0, 33, -5.8], [0, 58, 24, 0], [0, 0, 1, 0.0]])
    for binning, (height, width) in ((1, (48, 64)), (2, (24, 32))):
        folder = tmp_path / str(binning)
        folder.mkdir()
        with made(folder, storage) as bag:
            bag.image("/cam/image_raw", picture(height, width), SECOND)
            bag.camera_info(INFO, SECOND, width=64, height=48, fx=60.0, binning=binning, p=P, r=turn)
        (path,) = folder.iterdir()
        (frame,), (rectified,) = opened(path), opened(path, rectified=True)
        assert (frame.rectification == turn).all()
        assert (frame.projection[:, :3] == rectified.camera.K).all()
        assert frame.projection[:, 3].tolist() == [-5.8 / binning, 0, 0]


def test_a_binned_image_of_odd_size(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        bag.image("/cam/image_raw", picture(25, 33), SECOND)  # of 65 x 49 px, which others round down
        bag.camera_info(INFO, SECOND, width=65, height=49, binning=2)
    (frame,) = opened(tmp_path / "bag")
    assert (frame.camera.width, frame.camera.height) == (33, 25)
    assert frame.projection is None  # P is zero


def test_a_camera_of_another_size_or_of_no_lens(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        bag.image("/cam/image_raw", picture(), SECOND)
        bag.camera_info(INFO, SECOND, width=64)
        bag.image("/cam/image_raw", picture(), 2 * SECOND)
        bag.camera_info(INFO, 2 * SECOND, fx=6e9)
        bag.image("/cam/image_raw", picture(), 3 * SECOND)
        bag.camera_info(INFO, 3 * SECOND, fx=0)
        bag.image("/cam/image_raw", picture(), 4 * SECOND)
    frames = list(opened(tmp_path / "bag"))
    assert "camera_info belongs to images of 64x24 px" in frames[0].problem
    assert "camera_info belongs to images of 64x24 px" in frames[1].problem
    assert "which no camera of 32x24 px has" in frames[2].problem
    assert frames[3].image is not None  # of a camera that says that it is not calibrated
    assert frames[3].camera is None


def test_the_camera_can_be_left_open(tmp_path):
    source = opened(write_bag(tmp_path / "bag", "MCAP", info_width=64), use_camera_info=False)
    assert [frame.camera for frame in source] == [None] * 3
    assert len(problems(source)) == 1


def test_a_camera_info_elsewhere_is_noted(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        bag.image("/cam/image_raw", picture(), SECOND)
        bag.camera_info("/other/camera_info", SECOND)
    (note,) = opened(tmp_path / "bag").notes
    assert note.endswith("has no /cam/camera_info for /cam/image_raw, but /other/camera_info: not used")


def test_compressed_bayer_is_no_grey_image(tmp_path):
    y, x = np.indices((24, 32))
    mosaic = np.where(y % 2 == 0, np.where(x % 2 == 0, 200, 120), np.where(x % 2 == 0, 120, 40)).astype(np.uint8)
    with made(tmp_path, "MCAP") as bag:
        bag.compressed("/cam/image_raw/compressed", png(mosaic), SECOND, "bayer_rggb8; png compressed")
    (frame,) = opened(tmp_path / "bag")
    np.testing.assert_array_equal(frame.image[12, 16], [200, 120, 40])


def test_the_rate_is_that_of_the_images(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        for number in range(15):
            bag.image("/cam/image_raw", picture(), SECOND + number * SECOND // 15)
        bag.write("/words", "String", 20 * SECOND, data="long after")
    assert opened(tmp_path / "bag").fps == pytest.approx(15, abs=0.01)


def test_a_bag_whose_recorder_did_not_end(tmp_path):
    bag = images(tmp_path, "ROS1", 6)
    file = bytearray(bag.read_bytes())
    at = file.index(b"index_pos=") + 10
    file[at : at + 8] = bytes(8)
    (tmp_path / "run.bag.active").write_bytes(file[: file.rindex(picture().tobytes()[100:])])
    frames = list(opened(tmp_path / "run.bag.active"))
    assert numbers(frames) == list(range(5))
    assert "it is truncated or damaged at byte" in problems(frames)[-1]


def test_a_recording_that_is_still_written(tmp_path):
    path = file_of(images(tmp_path, "SQLITE3", 6))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        row = database.execute("SELECT topic_id, timestamp, data FROM messages WHERE id = 1").fetchone()
        database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", row)
        database.commit()
        assert path.with_name(f"{path.name}-wal").stat().st_size > 0  # what was written last is there only
        assert numbers(opened(path)) == [*range(6), 0]
    database.close()
