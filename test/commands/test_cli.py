import builtins
import json
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_bags import write_bag
from made_files import write_image, write_video
from posed_hand import posed_hand
from predicted import CAMERA, PHOTO, PLACE, lines_of

import handos_command
from handos_model import HandPredictor
from handos_model.cli import main
from handos_model.kinematics.frames import quaternion, wrist_frame
from handos_model.template.load import load_template


@pytest.fixture
def photo(tmp_path) -> str:
    return str(write_image(tmp_path / "photo.png", PHOTO))


# --- predict


def test_predict_writes_the_documented_line(tmp_path, weights, photo):
    out = tmp_path / "deep" / "results.jsonl"
    assert main(["predict", photo, "--out", str(out), "--weights", weights]) == 0
    (record,) = lines_of(out)
    assert list(record) == [
        "image", "stamp_ns", "frame_id", "topic", "width", "height", "mirrored", "intrinsics", "model", "hands"
    ]  # fmt: skip
    assert (record["image"], record["width"], record["height"], record["mirrored"]) == (photo, 640, 480, False)
    assert (record["stamp_ns"], record["frame_id"], record["topic"]) == (None, None, None)
    assert record["model"] == {"name": "fake", "version": "1"}
    assert record["intrinsics"] == {
        "source": "assumed", "fx": CAMERA.K[0, 0], "fy": CAMERA.K[1, 1], "cx": 319.5, "cy": 239.5,
        "distortion_model": "none", "distortion": [],
    }  # fmt: skip
    (hand,) = record["hands"]
    assert hand["side"] == "right"
    np.testing.assert_allclose(hand["translation"], PLACE, atol=1e-4)
    np.testing.assert_allclose(np.array(hand["joints_3d"]) - PLACE, posed_hand()[1], atol=1e-4)
    assert "vertices" not in hand
    assert (hand["id"], hand["scale_source"]) == (-1, "prior")
    assert hand["wrist"]["position"] == hand["translation"]
    frame = wrist_frame(np.array(hand["joints_3d"]), "right")[1]
    np.testing.assert_allclose(hand["wrist"]["orientation"], quaternion(frame), atol=1e-3)
    covariance = np.reshape(hand["wrist"]["covariance"], (6, 6))
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    assert 0.02 < np.sqrt(covariance[2, 2]) < 0.3


def test_predict_prints_lines_and_vertices(weights, photo, capsys):
    assert main(["predict", photo, photo, "--weights", weights, "--vertices"]) == 0
    printed = capsys.readouterr()
    records = [json.loads(line) for line in printed.out.splitlines()]
    assert len(records) == 2
    assert np.shape(records[0]["hands"][0]["vertices"]) == (778, 3)
    assert "2 frames, 2 hands" in printed.err


def test_intrinsics_scale_and_threshold_count(tmp_path, weights, photo):
    out = tmp_path / "o.jsonl"
    focal = 2 * CAMERA.K[0, 0]
    options = ["--out", str(out), "--overwrite", "--weights", weights]
    main(["predict", photo, *options, "--intrinsics", f"{focal},{focal},319.5,239.5"])
    assert lines_of(out)[0]["hands"][0]["translation"][2] == pytest.approx(2 * PLACE[2], rel=0.1)
    assert lines_of(out)[0]["intrinsics"]["source"] == "user"
    main(["predict", photo, *options, "--hand-scale", "0.9"])
    assert lines_of(out)[0]["hands"][0]["translation"][2] == pytest.approx(0.9 * PLACE[2], rel=1e-3)
    assert lines_of(out)[0]["hands"][0]["scale_source"] == "user"
    main(["predict", photo, *options, "--threshold", "0.95"])
    assert lines_of(out)[0]["hands"] == []


def test_anatomical_hands_are_of_the_template(tmp_path, weights, photo):
    argv = ["predict", photo, "--weights", weights, "--vertices", "--out"]
    seen, possible = tmp_path / "seen.jsonl", tmp_path / "possible.jsonl"
    assert main([*argv, str(seen)]) == main([*argv, str(possible), "--anatomical"]) == 0
    (before,), (after,) = (lines_of(out)[0]["hands"] for out in (seen, possible))
    assert 0 < np.abs(np.subtract(after["vertices"], before["vertices"])).max() < 2e-3  # the fake network's is one
    joints = load_template().joint_regressor @ after["vertices"]
    np.testing.assert_allclose(after["joints_3d"], joints, atol=2e-5)
    assert after["joints_2d"] == before["joints_2d"]


def test_predict_draws_into_a_folder(tmp_path, weights, photo):
    other = write_image(tmp_path / "more" / "photo.png", PHOTO)
    drawn = tmp_path / "drawn"
    assert main(["predict", photo, str(other), "--draw", str(drawn), "--weights", weights]) == 0
    assert sorted(f.name for f in drawn.iterdir()) == ["photo.jpg", "photo_2.jpg"]
    image = cv2.imread(str(drawn / "photo.jpg"))
    assert image.shape == PHOTO.shape
    palm = CAMERA.project(posed_hand()[1][9] + PLACE).round().astype(int)
    assert np.abs(image[palm[1], palm[0]].astype(int) - 90).max() > 40
    assert np.abs(image[5, 5].astype(int) - 90).max() < 5


def test_predict_draws_a_video(tmp_path, weights, photo):
    video = write_video(tmp_path / "in.avi", [PHOTO] * 4, fps=12)
    drawn = tmp_path / "out.mp4"
    assert main(["predict", str(video), photo, "--draw", str(drawn), "--weights", weights]) == 0
    capture = cv2.VideoCapture(str(drawn))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(12)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert capture.read()[1].shape == PHOTO.shape


def test_tracking_gives_ids_where_there_is_time(tmp_path, weights, photo):
    out = tmp_path / "o.jsonl"
    videos = [str(write_video(tmp_path / name, [PHOTO] * 3)) for name in ("a.avi", "b.avi")]
    assert main(["predict", *videos, photo, "--out", str(out), "--weights", weights, "--track"]) == 0
    ids = [record["hands"][0]["id"] for record in lines_of(out)]
    assert ids == [0, 0, 0, 0, 0, 0, -1]
    stamps = [record["stamp_ns"] for record in lines_of(out)]
    assert stamps == [0, 83_333_333, 166_666_667, 0, 83_333_333, 166_666_667, None]


def test_an_unreadable_image_is_counted_and_the_rest_goes_on(tmp_path, weights, photo, capsys):
    folder = tmp_path / "set"
    write_image(folder / "a.png", PHOTO)
    (folder / "b.png").write_text("no image")
    write_image(folder / "c.png", PHOTO)
    out = tmp_path / "o.jsonl"
    assert main(["predict", str(folder), "--out", str(out), "--weights", weights]) == 1
    assert [line["image"][-5:] for line in lines_of(out)] == ["a.png", "c.png"]
    error = capsys.readouterr().err
    assert "b.png" in error
    assert "2 frames, 2 hands, 1 not readable" in error


def test_a_recording_brings_its_camera(tmp_path, weights):
    bag = write_bag(tmp_path / "bag", "MCAP")
    out = tmp_path / "o.jsonl"
    assert main(["predict", str(bag), "--out", str(out), "--weights", weights]) == 1  # one message is damaged
    assert [line["image"] for line in lines_of(out)] == [f"{bag}#0", f"{bag}#2"]


def test_a_recording_whose_camera_is_of_another_size(tmp_path, weights, capsys):
    bag = write_bag(tmp_path / "bag", "MCAP", info_width=64)
    assert main(["predict", str(bag), "--weights", weights]) == 1
    says = capsys.readouterr()
    assert says.out == ""
    assert "camera_info belongs to images of 64x24 px (after its roi and binning), this one has 32x24" in says.err
    assert "0 frames, 0 hands, 3 not readable" in says.err


def test_recordings_need_the_extra(tmp_path, weights, capsys, monkeypatch):
    bag = write_bag(tmp_path / "bag", "MCAP")
    block(monkeypatch, "rosbags")
    assert "needs the package rosbags, which is not installed: pip" in refused(
        capsys, "predict", bag, "--weights", weights
    )


def test_ctrl_c_elsewhere_is_130(weights, photo, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(HandPredictor, "__init__", stop)
    assert main(["predict", photo, "--weights", weights]) == 130


LONG_IMPORT = """
import sys, time, handos_command
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "handos_model.cli":
            print("importing", flush=True)
            time.sleep(60)
sys.meta_path.insert(0, Finder())
handos_command.main()
"""


def test_ctrl_c_during_imports_is_quiet():
    command = [sys.executable, "-c", LONG_IMPORT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(180) == 130
        assert process.stderr.read() == "handos: interrupted\n"


def test_the_command_that_is_installed_is_that_of_the_module(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["handos", "predict", "no.png"])
    before = signal.getsignal(signal.SIGINT)
    assert handos_command.main() == 2
    assert capsys.readouterr().err == "handos predict: there is no no.png\n"
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "options, says",
    [
        (["--intrinsics", "500,500"], "or a .yaml file of camera_calibration or Kalibr, got '500,500'"),
        (["--intrinsics", "a,b,c,d"], "takes four numbers"),
        (["--intrinsics", "0,500,320,240"], "focal lengths must be positive"),
        (["--intrinsics", "nan,500,320,240"], "finite"),
        (["--intrinsics", "6e9,6e9,320,240"], "and no image has that many"),
        (["--intrinsics", "1e150,1e150,320,240"], "focal lengths must be positive, 1e-06 to 1e+12 px"),
        (["--threads", "100000"], "threads is 100000, must be a whole number from 1 to 256"),
        (["--threads", "1099511627776"], "must be a whole number from 1 to 256"),
        (["--fps", "nan"], "--fps is nan, must lie between"),
        (["--resume"], "--resume continues the results in --out FILE"),
        (["--out", "o.jsonl", "--resume", "--overwrite"], "use one of them"),
        (["--device", "tpu"], "'tpu', must be one of auto, cpu, cuda"),
        (["--threshold", "2"], "between 0 and 1"),
        (["--threshold", "high"], "invalid float value: 'high'"),
        (["--size", "7"], "size is 7"),
        (["--hand-scale", "0"], "hand_scale is 0"),
        (["--weights", "/nowhere/w.onnx"], "no weights file /nowhere/w.onnx"),
        (["--draw", "film.gif"], "--draw takes a folder or a file that ends in .mp4, .mkv, .mov, got film.gif"),
        (["--out", "results.txt"], "--out is results.txt, must end in one of .jsonl"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_wrong_options_are_one_sentence(weights, photo, capsys, options, says):
    assert says in refused(capsys, "predict", photo, "--weights", weights, *options)


def test_wrong_inputs_are_one_sentence(tmp_path, weights, capsys):
    assert "there is no" in refused(capsys, "predict", tmp_path / "no.png", "--weights", weights)
    assert "required: INPUT" in refused(capsys, "predict")
    assert "invalid choice: 'guess'" in refused(capsys, "guess")
    assert "required: COMMAND" in refused(capsys)


# --- the other commands


def test_benchmark_measures(weights, photo, capsys):
    argv = ["benchmark", photo, "--weights", weights, "--runs", "3", "--warmup", "1", "--threads", "1"]
    assert main([*argv, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert 0 < figures["median_ms"] <= figures["p95_ms"]
    assert (figures["runs"], figures["hands"], figures["threads"], figures["size"]) == (3, 1, 1, 640)
    assert (figures["provider"], figures["width"], figures["weights"]) == ("CPUExecutionProvider", 640, "fake 1")
    assert main(argv) == 0
    assert "640x480 px, 1 hands, network 640 px, CPUExecutionProvider, 1 threads" in capsys.readouterr().out


def test_benchmark_refuses_wrong_input(tmp_path, weights, photo, capsys):
    assert "--runs must be 1 or more" in refused(capsys, "benchmark", photo, "--weights", weights, "--runs", 0)
    assert "--hands has no effect with an IMAGE" in refused(capsys, "benchmark", photo, "--hands", 2)
    assert "--threads has no effect with --cost" in refused(capsys, "benchmark", "--cost", "a.yaml", "--threads", 2)
    (tmp_path / "bad.png").write_text("no image")
    assert "cannot read image" in refused(capsys, "benchmark", tmp_path / "bad.png", "--weights", weights)


@pytest.mark.parametrize("command", ["predict", "train", "evaluate", "export", "benchmark", "render", "datasets"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"handos {command}" in capsys.readouterr().out


def block(monkeypatch, package: str) -> None:
    """Makes `import package` fail as if it were not installed."""
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    original = builtins.__import__

    def guarded(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(f"No module named '{package}'", name=package)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", guarded)


def test_training_without_its_extra_is_one_sentence(tmp_path, capsys, monkeypatch):
    for name in [n for n in sys.modules if n.startswith("handos_model.training")]:
        monkeypatch.delitem(sys.modules, name)
    block(monkeypatch, "torch")
    (tmp_path / "r.yaml").write_text("name: x\n")
    says = refused(capsys, "train", tmp_path / "r.yaml", "--out", tmp_path / "run")
    assert "needs the package torch, which is not installed: pip install '.[train]' in its checkout" in says


def test_other_commands_refuse_wrong_input(tmp_path, weights, capsys):
    pytest.importorskip("torch")
    assert "there is no" in refused(capsys, "export", tmp_path / "no.pt", "--out", tmp_path / "o.onnx")
    assert "no.yaml" in refused(capsys, "train", tmp_path / "no.yaml", "--out", tmp_path / "run")
    assert "there is no folder" in refused(capsys, "evaluate", "--data", tmp_path / "no", "--weights", weights)
    assert "unknown dataset" in refused(capsys, "evaluate", "foo", "--data", tmp_path, "--weights", weights)
    assert "got" in refused(capsys, "render", tmp_path / "sheet.gif")
    assert "there is no folder" in refused(capsys, "render", tmp_path / "pool", "--backgrounds", tmp_path / "no")
    (tmp_path / "labels.json.gz").touch()
    assert "also contains photos of hands" in refused(capsys, "render", tmp_path / "pool", "--backgrounds", tmp_path)
