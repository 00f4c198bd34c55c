"""The door for files from outside, and what of strangers' texts goes into a sentence."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from handos_model.io.files import CALIBRATION, IMAGE, Kind, one_line, open_file, read_file, read_text

SMALL = Kind("note", 10, "write one")


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"0123456789")
    (tmp_path / "empty").touch()
    assert read_file(tmp_path / "full", SMALL) == b"0123456789"
    assert read_file(tmp_path / "empty", SMALL) == b""
    (tmp_path / "link").symlink_to(tmp_path / "full")
    with open_file(tmp_path / "link", SMALL) as file:
        assert file.read(2) == b"01"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name in ("fifo", "zero", "socket"):
            with pytest.raises(ValueError, match=f"image .*{name} is not a regular file"):
                read_file(tmp_path / name, IMAGE)
    with pytest.raises(ValueError, match="is a folder"):
        read_file(tmp_path, IMAGE)


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(40 * 2**30)
    with pytest.raises(
        ValueError,
        match="image .*x.png is too large: it has 42949672960 bytes, the limit is 268435456",
    ):
        read_file(tmp_path / "x.png", IMAGE)
    (tmp_path / "long").write_bytes(bytes(11))
    with pytest.raises(ValueError, match="note .*long is too large: it has 11 bytes, the limit is 10"):
        read_file(tmp_path / "long", SMALL)


def test_a_path_that_leads_nowhere_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file" / "below"):
        with pytest.raises(FileNotFoundError, match=f"there is no note {path}: write one"):
            read_file(path, SMALL)
    for name in ("a\0b", "a\ud800b"):  # as no file can be called
        with pytest.raises(FileNotFoundError, match="there is no note .*a.*b: write one"):
            read_file(tmp_path / name, SMALL)
    with pytest.raises(ValueError, match="cannot read note .*: File name too long"):
        read_file(tmp_path / ("n" * 300), SMALL)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ValueError, match="cannot read note .*: Too many levels"):
        read_file(tmp_path / "circle", SMALL)


def test_a_name_that_is_no_utf_8_is_read_and_can_be_said(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    with pytest.raises(FileNotFoundError, match="udce9") as caught:
        read_file(path, IMAGE)
    str(caught.value).encode()
    path.write_bytes(b"1")
    assert read_file(path, IMAGE) == b"1"


def test_a_text_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9")
    assert read_text(path, CALIBRATION) == "a: é"
    path.write_bytes(b"\xff\xfea")
    with pytest.raises(ValueError, match="calibration file .* is not UTF-8 text"):
        read_text(path, CALIBRATION)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rgb8", "rgb8"),
        ("", ""),
        ("two\nlines\t of  it", "two lines of it"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("\udcff", "\\udcff"),
        ("é€", "é€"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        (" " * 1000 + "x", "…"),
        ("x" * 50_000_000, "x" * 19 + "…"),
        (ValueError("a\nb"), "a b"),
    ],
)
def test_a_strangers_text_is_cut_to_a_line(text: object, line: str) -> None:
    assert one_line(text, 20) == line
