import sqlite3
import struct
from contextlib import closing

import pytest
from made_bags import SECOND, STORAGES, file_of, images, made
from made_files import picture
from read_bags import numbers, opened, problems

from handos_model.io.recording.sqlite_file import SqliteFile


def test_wrong_recordings_are_refused(tmp_path):
    pytest.importorskip("rosbags")
    for name, says in (("a.mcap", "MCAP"), ("a.db3", "SQLite"), ("a.bag", "ROS 1"), ("a.db3.zstd", "zstd")):
        (tmp_path / name).write_bytes(b"nothing of the kind" * 9)
        with pytest.raises(ValueError, match=f"cannot read recording .*{name}: .*{says}"):
            opened(tmp_path / name)
    (tmp_path / "empty.mcap").touch()
    with pytest.raises(ValueError, match="does not have the header of an MCAP file"):
        opened(tmp_path / "empty.mcap")


@pytest.mark.parametrize("storage", STORAGES)
def test_a_damaged_index_costs_nothing(tmp_path, storage):
    path = file_of(images(tmp_path, storage))
    file = bytearray(path.read_bytes())
    if storage == "SQLITE3":
        at = file.rindex(b"timestamp_idx")
        file[at : at + 13] = b"\xff" * 13
    else:  # all that stands behind the last image
        at = file.rindex(picture().tobytes()[100:]) + 2300
        file[at + 2000 :] = bytes(len(file) - at - 2000)
    path.write_bytes(file)
    assert numbers(opened(path)) == list(range(20))


@pytest.mark.parametrize("storage", STORAGES)
def test_a_recording_that_is_cut_off_gives_what_it_has(tmp_path, storage):
    path = file_of(images(tmp_path, storage))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = list(opened(path))
    assert numbers(frames) == list(range(len(numbers(frames))))
    assert len(numbers(frames)) >= (5 if storage != "SQLITE3" else 0)
    assert len(problems(frames)) >= 1


@pytest.mark.parametrize("storage", STORAGES)
def test_behind_a_damaged_stretch_the_next_messages_are_read(tmp_path, storage):
    path = file_of(images(tmp_path, storage))
    file = bytearray(path.read_bytes())
    at = file.index(picture().tobytes()[100:]) + 12000  # in the sixth image or so
    file[at : at + 5000] = b"\x07" * 5000
    path.write_bytes(file)
    frames = list(opened(path))
    found = numbers(frames)
    assert found[:3] == [0, 1, 2]
    assert found[-10:] == list(range(10, 20))
    assert problems(frames)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_damaged_message_is_one_sentence(tmp_path, storage):
    path = file_of(images(tmp_path, storage))
    file = path.read_bytes()
    name = b"\x05\x00\x00\x00rgb8" if storage == "ROS1" else b"\x05\x00\x00\x00rgb8\x00"
    name = name.replace(b"\x05", b"\x04") if storage == "ROS1" else name
    at = file.index(name, file.index(name) + 1)
    path.write_bytes(file[:at] + b"\xff\xff\xff\x7f" + file[at + 4 :])
    frames = list(opened(path))
    assert numbers(frames) == [0, *range(2, 20)]
    (problem,) = problems(frames)
    assert "cannot use a message of /cam/image_raw in" in problem
    assert "\n" not in problem


def test_a_frame_name_of_many_characters(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        bag.image("/cam/image_raw", picture(), SECOND, frame_id="x" * 1_000_000)
        bag.image("/cam/image_raw", picture(), SECOND, encoding="y" * 1_000_000)
    assert [len(frame.problem) < 1000 for frame in opened(tmp_path / "bag")] == [True, True]


def test_a_chunk_that_would_fill_the_memory_is_refused(tmp_path):
    path = file_of(images(tmp_path, "MCAP", compression="storage"))
    file = bytearray(path.read_bytes())
    at = file.index(b"\x04\x00\x00\x00zstd") - 12
    file[at : at + 8] = struct.pack("<Q", 2**40)
    path.write_bytes(file)
    assert "a chunk declares 1099511627776 bytes" in problems(opened(path))[0]


def test_a_view_that_computes_for_ever_is_no_recording(tmp_path):
    with closing(sqlite3.connect(tmp_path / "evil.db3")) as database:
        database.execute("CREATE TABLE topics (id, name, type, serialization_format)")
        loop = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS id, 1 AS topic_id FROM n"
        database.execute(f"CREATE VIEW messages AS {loop}")
    with pytest.raises(ValueError, match="lacks the tables topics and messages"):
        opened(tmp_path / "evil.db3")


PAGE = 512


def small_pages(path):
    """A recording of Strings in many pages, and the number of the page that leads to all of its messages."""
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA page_size = {PAGE}")
        database.execute("CREATE TABLE topics (id INTEGER PRIMARY KEY, name, type, serialization_format)")
        database.execute(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)"
        )
        database.execute("INSERT INTO topics VALUES (1, '/i', 'sensor_msgs/msg/Image', 'cdr')")
        database.executemany("INSERT INTO messages VALUES (?, 1, ?, ?)", [(n, n, bytes(20)) for n in range(1, 401)])
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
    database.close()
    return root


def interior(children):
    """An inner page of a table whose branches lead to these pages."""
    cells = [struct.pack(">I", child) + bytes([number + 1]) for number, child in enumerate(children[:-1])]
    places = [PAGE - 5 * (number + 1) for number in range(len(cells))]
    page = bytearray(PAGE)
    page[:12] = struct.pack(">BHHHBI", 5, 0, len(cells), min(places), 0, children[-1])
    for number, (place, cell) in enumerate(zip(places, cells, strict=True)):
        page[12 + 2 * number : 14 + 2 * number] = struct.pack(">H", place)
        page[place : place + 5] = cell
    return bytes(page)


def page_of(file, number):
    return file[(number - 1) * PAGE : number * PAGE]


def test_pages_that_lead_back_to_earlier_rows_end(tmp_path):
    path = tmp_path / "back.db3"
    root = small_pages(path)
    file = bytearray(path.read_bytes())
    first = leaf_of(file, root)
    file[(root - 1) * PAGE : root * PAGE] = interior([first] * 50)
    path.write_bytes(file)
    with closing(SqliteFile(path)) as storage:
        read = list(storage.messages({"/i"}))
    rows = [message.recorded_ns for message in read if not isinstance(message, ValueError)]
    assert rows and rows == sorted(set(rows))
    assert any("comes after row" in str(message) for message in read)


def leaf_of(file, root):
    """The first page with rows below one."""
    page = page_of(file, root)
    while page[0] == 5:
        place = struct.unpack(">H", page[12:14])[0]
        root = struct.unpack(">I", page[place : place + 4])[0]
        page = page_of(file, root)
    return root


def test_pages_that_lead_to_the_same_pages_for_ever_end(tmp_path):
    """18 levels of 50 branches each, all to the same page: SQLite alone would go for 10**30 rows."""
    path = tmp_path / "for_ever.db3"
    root = small_pages(path)
    file = bytearray(path.read_bytes())
    count, leaf, levels = len(file) // PAGE, leaf_of(file, root), 17
    below = [*range(count + 1, count + levels + 1), leaf]
    file[(root - 1) * PAGE : root * PAGE] = interior([below[0]] * 50)
    for child in below[1:]:
        file += interior([child] * 50)
    file[28:32] = struct.pack(">I", count + levels)
    path.write_bytes(file)
    with closing(SqliteFile(path)) as storage:
        assert [topic.count for topic in storage.topics] == [0]  # not counted
        read = list(storage.messages({"/i"}))
    assert isinstance(read[-1], ValueError) and len(read) < 100
