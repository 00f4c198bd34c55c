import struct

import numpy as np
import pytest
from made_bags import SECOND, STORAGES, made, png
from made_files import picture
from read_bags import opened


@pytest.mark.parametrize("storage", STORAGES)
def test_depth_is_paired_by_stamp(tmp_path, storage):
    with made(tmp_path, storage) as bag:
        for number in range(6):
            stamp = SECOND + number * SECOND // 30
            bag.image("/cam/color/image_raw", picture(), stamp)
            depth = np.full((24, 32), 1000 + number, np.uint16)
            depth[0, 0] = 0
            if number not in (2, 3):
                bag.image("/cam/depth/image_raw", depth, stamp + 4_000_000, "16UC1", recorded=stamp + 25_000_000)
    source = opened(next(tmp_path.glob("bag*")), depth="auto")
    assert source.depth_topic == "/cam/depth/image_raw"
    frames = list(source)
    found = [None if frame.depth is None else float(frame.depth[5, 5]) for frame in frames]
    assert found == pytest.approx([1.0, 1.001, None, None, 1.004, 1.005])
    assert frames[0].depth.dtype == np.float32
    assert np.isnan(frames[0].depth[0, 0])
    assert len({frame.stamp_ns for frame in frames}) == 6


def test_which_depth_is_used(tmp_path):
    depth = np.full((24, 32), 1500, np.uint16)
    with made(tmp_path, "MCAP") as bag:
        bag.image("/color", picture(), SECOND)
        bag.image("/unregistered", depth, SECOND, "16UC1", frame_id="depth")
    source = opened(tmp_path / "bag", depth="auto")
    assert (source.depth_topic, [frame.depth for frame in source]) == (None, [None])
    says = "/unregistered is not registered to the images: it lacks the frame 'camera' and size (32, 24) of /color"
    assert says in source.notes[0]
    assert next(iter(opened(tmp_path / "bag", depth="/unregistered"))).depth[0, 0] == pytest.approx(1.5)
    with pytest.raises(ValueError, match="has no depth topic /color; it has /unregistered"):
        opened(tmp_path / "bag", depth="/color")
    assert opened(tmp_path / "bag").notes == ()


def test_compressed_depth(tmp_path):
    millimetres = np.array([[0, 1500], [700, 65535]], np.uint16)
    metres = np.array([[np.nan, 1.5], [0.7, 4.0]], np.float32)
    a, b = 100 * 101, -100.0  # compressed_depth_image_transport's quantised inverse depth
    quantised = np.nan_to_num(a / metres + b, nan=0).astype(np.uint16)
    inverse = struct.pack("<iff", 0, a, b) + png(quantised)
    for name, data, of in (("mm", bytes(12) + png(millimetres), "16UC1"), ("m", inverse, "32FC1")):
        with made(tmp_path / name, "MCAP") as bag:
            bag.image("/color", picture(2, 2), SECOND)
            bag.compressed("/depth/compressedDepth", data, SECOND, f"{of}; compressedDepth png")
        (frame,) = opened(tmp_path / name / "bag", depth="auto")
        expected = metres if of == "32FC1" else millimetres * np.float32(0.001)
        np.testing.assert_allclose(frame.depth, np.where(expected == 0, np.nan, expected), rtol=1e-3)


def test_a_damaged_depth_image_does_not_cost_its_colour_image(tmp_path):
    with made(tmp_path, "MCAP") as bag:
        for number in range(2):
            stamp = SECOND + number * SECOND // 30
            bag.image("/color", picture(), stamp)
            bag.image("/depth", np.ones((24, 32), np.float32), stamp, "32FC1", cut=None if number == 0 else 50)
    frames = list(opened(tmp_path / "bag", depth="auto"))
    assert [frame.image is not None for frame in frames] == [True, True, False]
    assert [frame.depth is not None for frame in frames] == [True, False, False]
    assert "cannot use a message of /depth" in frames[2].problem
