"""Videos whose pixels are not square, as of camcorders (1440x1080) and DVDs, show things in their true shape."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from made_videos import turned

from handos_model.io.inputs import open_inputs

SQUARE = Fraction(1)


def scene(width: int, height: int) -> np.ndarray:
    """A disc in the upper left and a bar at the right, so that every turn and stretch shows."""
    image = np.full((height, width, 3), 60, np.uint8)
    cv2.circle(image, (width // 3, height // 3), height // 5, (200, 200, 200), -1, cv2.LINE_AA)
    image[:, -width // 8 :] = 240
    return image


def write_video(path: Path, image: np.ndarray, aspect: Fraction | None, codec: str = "libx264") -> Path:
    """Three frames of an image; aspect: width of a pixel by its height, None to say nothing."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, width=image.shape[1], height=image.shape[0])
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read(path: Path) -> tuple[list[np.ndarray], list[str]]:
    """Images and problems of a video."""
    frames = list(open_inputs([str(path)])[0])
    return [f.image for f in frames if f.image is not None], [f.problem for f in frames if f.problem]


def assert_looks_like(image: np.ndarray, expected: np.ndarray) -> None:
    assert image.shape == expected.shape
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - expected).mean() < 3


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("mpg", "mpeg2video"),
                                               ("mts", "libx264"), ("mov", "mpeg4")])  # fmt: skip
@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(3, 4), Fraction(2)])
def test_images_are_enlarged_until_their_pixels_are_square(
    tmp_path: Path, suffix: str, codec: str, aspect: Fraction
) -> None:
    if codec == "mpeg2video":
        aspect = Fraction(16, 9) * Fraction(144, 192)  # it stores the shape of the picture, one of a few
    seen = scene(192, 144) if aspect > 1 else scene(144, 192)
    height, width = seen.shape[:2]
    size = (round(width / aspect), height) if aspect > 1 else (width, round(height * aspect))
    if codec == "mpeg2video":
        seen, size = scene(256, 144), (192, 144)
    path = write_video(tmp_path / f"v.{suffix}", cv2.resize(seen, size, interpolation=cv2.INTER_AREA), aspect, codec)
    images, problems = read(path)
    assert len(images) == 3 and problems == []
    for image in images:
        assert_looks_like(image, seen)


@pytest.mark.parametrize("matrix", [(0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1), (-1, 0, 0, 1)])
def test_the_ratio_is_that_of_the_stored_image_and_not_of_the_turned_one(
    tmp_path: Path, matrix: tuple[int, int, int, int]
) -> None:
    seen = scene(192, 144)
    stored = cv2.resize(seen, (144, 144), interpolation=cv2.INTER_AREA)
    plain = write_video(tmp_path / "plain.mp4", stored, Fraction(4, 3))
    (tmp_path / "turned.mp4").write_bytes(turned(plain.read_bytes(), matrix))
    shown = {
        (0, 1, -1, 0): np.rot90(seen, -1),
        (0, -1, 1, 0): np.rot90(seen),
        (-1, 0, 0, -1): seen[::-1, ::-1],
        (-1, 0, 0, 1): seen[:, ::-1],
    }[matrix]
    assert_looks_like(read(tmp_path / "turned.mp4")[0][0], shown)


@pytest.mark.parametrize("aspect", [None, SQUARE, Fraction(640, 639), Fraction(639, 640), Fraction(101, 100)])
def test_square_pixels_stay_as_they_are_decoded(tmp_path: Path, aspect: Fraction | None) -> None:
    path = write_video(tmp_path / "v.mp4", scene(640, 480), aspect)
    (source,) = open_inputs([str(path)])
    assert source.notes == ()
    capture = cv2.VideoCapture(str(path))
    for frame in source:
        np.testing.assert_array_equal(frame.image, capture.read()[1][..., ::-1])


def test_the_smallest_ratios_of_television_are_followed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", scene(192, 144), Fraction(12, 11))
    assert [image.shape for image in read(path)[0]] == [(144, 209, 3)] * 3


@pytest.mark.parametrize("aspect", [Fraction(100), Fraction(1, 50), Fraction(9, 2)])
def test_a_ratio_that_cannot_be_is_said_and_not_followed(tmp_path: Path, aspect: Fraction) -> None:
    path = write_video(tmp_path / "v.mkv", scene(192, 144), aspect)
    (source,) = open_inputs([str(path)])
    said = f"{aspect.numerator}:{aspect.denominator}"
    (note,) = source.notes
    assert note == f"the pixels of {path} are taken for square: it declares them to be {said}, which cannot be"
    for image in read(path)[0]:
        assert_looks_like(image, scene(192, 144))


def test_what_is_too_large_once_enlarged_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi", np.zeros((6000, 6000, 3), np.uint8), Fraction(2), "mpeg4")
    with pytest.raises(ValueError, match="is 12000x6000, must have at most 64 million pixels"):
        open_inputs([str(path)])
