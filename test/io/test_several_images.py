"""Files that hold several images: the first is read, and that the others are not is said."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile_images import SUFFIXES, encoded, patched, png_chunk
from made_files import picture

from handos_model.io.headers.gif import MAX_BLOCKS
from handos_model.io.headers.image_header import read_header
from handos_model.io.inputs import open_inputs

Image = pytest.importorskip("PIL.Image")
MANY = ("gif", "webp", "png", "tiff")


def saved(kind: str, count: int, **options: object) -> bytes:
    """A file with that many different images, written by Pillow."""
    pictures = [Image.fromarray(np.roll(picture(60, 80), 9 * number, axis=1)) for number in range(count)]
    file = io.BytesIO()
    several = {"save_all": True, "append_images": pictures[1:]} if count > 1 else {}
    pictures[0].save(file, kind, **several, **options)
    return file.getvalue()


def tiff_with(kind: int | None, next_of_second: int = 0) -> bytes:
    """A TIFF whose second directory has that NewSubfileType, and leads to next_of_second."""
    whole = encoded(".tiff")
    order = "<" if whole[:2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{order}I", whole, 4)
    (count,) = struct.unpack_from(f"{order}H", whole, first)
    tags = [] if kind is None else [(254, 4, 1, kind)]
    tags += [(256, 4, 1, 80), (257, 4, 1, 60)]
    second = struct.pack(f"{order}H", len(tags)) + b"".join(struct.pack(f"{order}HHII", *tag) for tag in tags)
    padded = whole + bytes(len(whole) % 2)
    return (
        patched(padded, first + 2 + 12 * count, struct.pack(f"{order}I", len(padded)))
        + second
        + struct.pack(f"{order}I", next_of_second)
    )


@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("count", [2, 5])
def test_several_images_are_noticed(kind: str, count: int) -> None:
    assert read_header(saved(kind, count)).more


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_image_is_one(suffix: str) -> None:
    assert not read_header(encoded(suffix)).more


@pytest.mark.parametrize("kind", [*MANY, "jpeg"])
def test_one_image_of_another_writer_is_one(kind: str) -> None:
    options = {"comment": "x" * 1000} if kind == "gif" else {}
    assert not read_header(saved(kind, 1, **options)).more


def test_an_animation_of_one_frame_is_one_image() -> None:
    animated = saved("webp", 2)
    second = animated.rindex(b"ANMF")
    one = patched(animated[:second], 4, struct.pack("<I", second - 8))
    assert b"ANMF" in one and not read_header(one).more
    png = encoded(".png")
    control = png_chunk(b"acTL", struct.pack(">II", 1, 0)) + png_chunk(b"fcTL", bytes(26))
    assert not read_header(png[:33] + control + png[33:]).more


@pytest.mark.parametrize(("kind", "more"), [(None, True), (0, True), (2, True), (1, False), (4, False)])
def test_previews_and_masks_of_a_tiff_are_no_pages(kind: int | None, more: bool) -> None:
    assert read_header(tiff_with(kind)).more is more


@pytest.mark.parametrize("place", [8, 2**32 - 1, 3])
def test_directories_of_a_tiff_that_lead_nowhere_or_in_a_circle(place: int) -> None:
    assert not read_header(tiff_with(1, place)).more


@pytest.mark.parametrize("suffix", [".ppm", ".pgm", ".pbm"])
def test_pnm_images_in_a_row(suffix: str) -> None:
    one = cv2.imencode(suffix, picture(60, 80)[..., 0] if suffix != ".ppm" else picture(60, 80))[1].tobytes()
    assert read_header(one + one).more
    assert not read_header(one).more and not read_header(one + b"\n").more


def test_a_gif_is_searched_within_bounds() -> None:
    gif = encoded(".gif") if ".gif" in SUFFIXES else saved("gif", 1)
    at = 13 + (3 << ((gif[10] & 7) + 1) if gif[10] & 0x80 else 0)
    long = gif[:at] + b"\x21\xfe" + b"\1x" * (MAX_BLOCKS + 1) + b"\0" + gif[at:]
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=f"its GIF has more than {MAX_BLOCKS} blocks"):
        read_header(long)
    assert time.perf_counter() - begin < 5
    for cut in range(13):  # within its size
        with pytest.raises(ValueError, match="no image can be decoded"):
            read_header(gif[:cut] + b"\x3b")
    for cut in range(13, len(gif)):
        assert not read_header(gif[:cut] + b"\x3b").more


def test_each_file_says_what_is_not_read_and_takes_no_time_of_others(tmp_path: Path) -> None:
    for name, count in (("a.tiff", 3), ("b.tiff", 1), ("c.webp", 2)):
        (tmp_path / name).write_bytes(saved(name[2:], count))
    frames = list(open_inputs([str(tmp_path)])[0])
    said = [(Path(frame.name).name, frame.image is not None, frame.problem) for frame in frames]
    more = "{} holds several images, of which the first alone is read"
    assert said == [
        ("a.tiff", True, ""), ("a.tiff", False, more.format(tmp_path / "a.tiff")), ("b.tiff", True, ""),
        ("c.webp", True, ""), ("c.webp", False, more.format(tmp_path / "c.webp")),
    ]  # fmt: skip
    np.testing.assert_array_equal(frames[0].image, picture(60, 80))


def test_a_source_that_is_read_in_a_loop_says_it_once(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(saved("gif", 3))
    (source,) = open_inputs([str(tmp_path / "a.gif")])
    assert [frame.image is not None for _ in range(3) for frame in source] == [True, False, True, True]
