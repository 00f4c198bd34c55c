"""Recordings as `handos predict` reads them: depth, rectified images, and a camera that the user knows better."""

import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_bags import INFO, SECOND, made
from predicted import PHOTO, lines_of
from read_bags import read_all

from handos_model.cli import main


@pytest.fixture
def bag(tmp_path):
    """An image of the hand with its camera_info, and depth that says that all is 0.63 m away."""
    with made(tmp_path, "MCAP") as bag:
        bag.image("/cam/image_raw", PHOTO, SECOND)
        bag.image("/cam/depth", np.full(PHOTO.shape[:2], 630, np.uint16), SECOND, "16UC1")
        bag.camera_info(INFO, SECOND, 640, 480, fx=500.0, d=(0,) * 5, p=400)
    return tmp_path / "bag"


def predicted(tmp_path, bag, weights, *options):
    out = tmp_path / "o.jsonl"
    assert main(["predict", str(bag), "--out", str(out), "--weights", weights, "--overwrite", *options]) == 0
    (line,) = lines_of(out)
    return line, line["hands"][0]


def test_depth_measures_the_hand_unless_it_is_not_wanted(tmp_path, bag, weights):
    _, measured = predicted(tmp_path, bag, weights)
    _, same = predicted(tmp_path, bag, weights, "--depth", "/cam/depth")
    line, assumed = predicted(tmp_path, bag, weights, "--depth", "none")
    assert line["stamp_ns"] == SECOND
    assert [measured["scale_source"], same["scale_source"], assumed["scale_source"]] == ["depth", "depth", "prior"]
    assert np.median(np.array(measured["joints_3d"])[:, 2]) == pytest.approx(0.63, rel=0.05)


def test_the_camera_of_rectified_images_and_of_the_user(tmp_path, bag, weights):
    _, plain = predicted(tmp_path, bag, weights, "--depth", "none")
    _, rectified = predicted(tmp_path, bag, weights, "--depth", "none", "--rectified")
    _, users = predicted(tmp_path, bag, weights, "--depth", "none", "--intrinsics", "400,400,319.5,239.5")
    far, near, same = (hand["translation"][2] for hand in (plain, rectified, users))
    assert near / far == pytest.approx(400 / 500, rel=0.06)
    assert same == near


@pytest.mark.parametrize("options", [[], ["--mirrored"]])
def test_a_recording_of_results_says_whether_the_images_are_mirrored(tmp_path, bag, weights, options):
    assert main(["predict", str(bag), "--out", str(tmp_path / "o.mcap"), "--weights", weights, *options]) == 0
    (message,) = (message for topic, _, _, message in read_all(tmp_path / "o.mcap") if topic == "/hands")
    assert message.mirrored is bool(options)


def test_a_depth_topic_that_is_not_there(bag, weights, capsys):
    says = refused(capsys, "predict", bag, "--weights", weights, "--depth", "/other")
    assert "has no depth topic /other; it has /cam/depth" in says
