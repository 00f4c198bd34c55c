"""--intrinsics with a file of camera_calibration: the lens of a camera whose videos and images do not describe it."""

import numpy as np
import pytest

pytest.importorskip("onnx")
from made_bags import SECOND, BagWriter
from made_files import write_image, write_video
from predicted import CAMERA, PHOTO, assumed, lines_of

from handos_model import Camera, HandPredictor
from handos_model.cli import main

FILE = """
image_width: 640
image_height: 480
camera_name: lens
camera_matrix: {rows: 3, cols: 3, data: [600.0, 0, 320, 0, 610, 240, 0, 0, 1]}
distortion_model: MODEL
distortion_coefficients: {rows: 1, cols: 4, data: [-0.3, 0.1, 0.01, -0.02]}
projection_matrix: {rows: 3, cols: 4, data: [490, 0, 321, 0, 0, 505, 239, 0, 0, 0, 1, 0]}
"""
LENS = [-0.3, 0.1, 0.01, -0.02]


@pytest.fixture
def argv(tmp_path, weights):
    photo, file = write_image(tmp_path / "photo.png", PHOTO), tmp_path / "lens.yaml"
    file.write_text(FILE.replace("MODEL", "plumb_bob"))
    return ["predict", str(photo), "--weights", weights, "--intrinsics", str(file), "--out", str(tmp_path / "o.jsonl")]


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_a_run_says_once_of_how_many_inputs_the_camera_is_assumed(tmp_path, weights, capfd, jobs):
    pytest.importorskip("rosbags")
    inputs = [write_video(tmp_path / f"{name}.avi", [PHOTO] * 3) for name in "ab"]
    for name in ("calibrated", "uncalibrated"):
        with BagWriter(tmp_path / name, "MCAP") as bag:
            if name == "calibrated":
                bag.camera_info("/cam/camera_info", SECOND, 640, 480, fx=CAMERA.focal, d=(0.0,) * 5)
            bag.image("/cam/image_raw", PHOTO, SECOND)
        inputs.append(tmp_path / name)
    argv = ["predict", *map(str, inputs), "--weights", weights, "--overwrite", "--out", str(tmp_path / "{}.jsonl")]
    assert main([*argv, *jobs]) == 0
    assert capfd.readouterr().err == f"{assumed(3)}8 frames, 8 hands\n"
    assert main([*argv, *jobs, "--intrinsics", "600,600,320,240"]) == 0
    assert capfd.readouterr().err == "8 frames, 8 hands\n"


@pytest.mark.parametrize("model", ["plumb_bob", "equidistant"])
def test_a_file_describes_the_lens_too(tmp_path, argv, weights, model):
    (tmp_path / "lens.yaml").write_text(FILE.replace("MODEL", model))
    assert main(argv) == 0
    (line,) = lines_of(tmp_path / "o.jsonl")
    assert line["intrinsics"] == {
        "source": "user", "fx": 600, "fy": 610, "cx": 320, "cy": 240, "distortion_model": model, "distortion": LENS
    }  # fmt: skip
    camera = Camera.from_intrinsics(600, 610, 320, 240, 640, 480, model, LENS)
    (hand,) = HandPredictor(weights).predict(PHOTO, camera)
    np.testing.assert_allclose(line["hands"][0]["joints_3d"], hand.joints_3d, atol=1e-5)


def test_rectified_images_have_the_projection_of_the_file(tmp_path, argv):
    assert main([*argv, "--rectified"]) == 0
    found = lines_of(tmp_path / "o.jsonl")[0]["intrinsics"]
    assert [found[name] for name in ("fx", "fy", "cx", "cy")] == [490, 505, 321, 239] and found["distortion"] == []


@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_images_of_another_size_are_refused(tmp_path, argv, capfd, jobs):
    small, out = write_video(tmp_path / "small.avi", [PHOTO[:120, :160]] * 2), str(tmp_path / "{}.jsonl")
    assert main([*argv[:2], str(small), *argv[2:-1], out, *jobs]) == 1
    said = capfd.readouterr().err
    assert "small.avi#1: it has 160x120 px, the calibration of" in said and "lens.yaml 640x480: they must agree" in said
    assert "1 frames, 1 hands, 2 not readable" in said


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[600.0", "[0.0", "lens.yaml is not calibrated"),
        ("[600.0", "[1.2", "lens.yaml has fx = 1.2"),
        ("MODEL", "pinhole", "distortion model is 'pinhole', must be one of"),
        ("image_width: 640", "", "image_width is None in calibration file"),
        (FILE, "%YAML:1.0\n---\n", "lens.yaml is of OpenCV's FileStorage, must be plain YAML: docs/command_line.md"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path, argv, capfd, old, new, sentence):
    (tmp_path / "lens.yaml").write_text(FILE.replace(old, new).replace("MODEL", "plumb_bob"))
    assert main(argv) == 2
    said = capfd.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / "o.jsonl").exists()


def test_a_missing_file_is_said(tmp_path, argv, capfd):
    (tmp_path / "lens.yaml").unlink()
    assert main(argv) == 2
    assert "there is no calibration file" in capfd.readouterr().err
