"""Recordings that are whole, but whose parts contradict each other or claim what cannot be."""

import sqlite3
import struct
from contextlib import closing

import pytest
from made_bags import SECOND, STORAGES, file_of, images, made
from made_files import picture
from read_bags import numbers, opened, problems

from handos_model.io.frame import MOST_FRAMES


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("first", ["Image", "CameraInfo"])
def test_messages_of_another_type_under_the_same_name_are_named(tmp_path, storage, first):
    with made(tmp_path, storage) as bag:
        for kind in (first, "CameraInfo" if first == "Image" else "Image"):
            bag.connect("/cam/image_raw", kind)
            if kind == "Image":
                bag.image("/cam/image_raw", picture(), 1 * SECOND)
            else:
                bag.camera_info("/cam/image_raw", 1 * SECOND)
    frames = list(opened(next(tmp_path.glob("bag*"))))
    (image,) = [frame.image for frame in frames if frame.image is not None]
    assert (image == picture()).all()
    (problem,) = problems(frames)
    assert "its type is sensor_msgs/msg/CameraInfo, must be sensor_msgs/msg/Image or sensor_msgs/msg/Comp" in problem


def test_a_count_that_no_recording_has_is_not_believed(tmp_path):
    path = file_of(images(tmp_path, "MCAP", 3))
    file = bytearray(path.read_bytes())
    at = file.rindex(struct.pack("<HQ", 1, 3))  # of the statistics
    file[at : at + 10] = struct.pack("<HQ", 1, 2**64 - 1)
    file[-12:-8] = bytes(4)  # no checksum
    path.write_bytes(file)
    source = opened(path)
    frames = list(source)
    assert len(source) == MOST_FRAMES and numbers(frames) == [0, 1, 2]
    assert f"{MOST_FRAMES - 3} of the {MOST_FRAMES} images of /cam/image_raw" in problems(frames)[0]


@pytest.mark.parametrize("table", ["topics", "messages"])
def test_tables_that_compute_are_refused_before_they_do(tmp_path, table):
    path = file_of(images(tmp_path, "SQLITE3", 2))
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"ALTER TABLE {table} ADD COLUMN more AS (hex(zeroblob(400000000)))")
    with pytest.raises(ValueError, match="its tables topics and messages must not have computed columns"):
        opened(path)


def test_a_column_that_is_called_rowid_is_no_number_of_a_row(tmp_path):
    path = file_of(images(tmp_path, "SQLITE3", 2))
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (rowid TEXT, topic_id INTEGER, timestamp INTEGER, data BLOB)")
        database.execute("INSERT INTO other SELECT 'first', topic_id, timestamp, data FROM messages")
        database.execute("DROP TABLE messages")
        database.execute("ALTER TABLE other RENAME TO messages")
        database.commit()
    frames = list(opened(path))
    assert numbers(frames) == [] and "row first comes after row" in problems(frames)[0]
