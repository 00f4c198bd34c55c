"""The files of `handos predict --view`: times, lenses, what is refused, interruptions, full disks; the layout."""

import errno
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_image
from posed_hand import posed_hand
from predicted import CAMERA, PHOTO, PLACE, contents, interrupt_at
from viewed import messages, rows

from handos_model import Camera, Hand, load_template
from handos_model.cli import main
from handos_model.io.frame import Frame
from handos_model.view.foxglove_view import FoxgloveView
from handos_model.view.rerun_view import RerunView
from handos_model.view.scene import Clock, shown_hands

pytest.importorskip("rerun")
pytest.importorskip("foxglove")
FILES = {"rerun": "v.rrd", "foxglove": "v.mcap"}
VIEWS = {"rerun": RerunView, "foxglove": FoxgloveView}
SHOWN = ("/image", "/calibration", "/annotations", "/hands")
SECOND = 10**9
ROOT = Path(__file__).resolve().parents[2]


def hand(side="right", number=-1, score=0.9) -> Hand:
    vertices, joints = posed_hand(side=side)
    joints_2d = CAMERA.project(joints + PLACE)
    box = np.array([*joints_2d.min(0), *joints_2d.max(0)])
    parts = (np.ones(21), joints + PLACE, vertices + PLACE, PLACE)
    return Hand(score, side, 1.0, box, joints_2d, *parts, id=number)


def write_view(kind: str, path: Path, frames: list[tuple[int | None, list[Hand]]], camera: Camera = CAMERA) -> Path:
    view = VIEWS[kind](path, load_template().faces)
    for stamp, hands in frames:
        view.write(Frame("x", PHOTO, stamp_ns=stamp, frame_id="optical"), camera, hands)
    view.close()
    return path


# --- hands that come and go


def test_a_hand_that_is_gone_is_gone_in_rerun(tmp_path):
    frames = [(0, [hand(number=3)]), (SECOND, []), (2 * SECOND, [hand("left", 4), hand("unknown", 7)])]
    found = rows(write_view("rerun", tmp_path / "v.rrd", frames))
    for root in ("hands", "camera/image"):
        (row,) = found[f"/{root}/hand_3"]
        assert (row["frame"], row["Clear:is_recursive"]) == (1, [True])
    assert [row["frame"] for row in found["/hands/hand_4/mesh"]] == [2]
    assert found["/hands/hand_4/label"][0]["Points3D:labels"] == ["#4 Left 90%"]
    assert "Transform3D:translation" in found["/hands/hand_4/wrist"][0]
    assert "Transform3D:translation" not in found["/hands/hand_7/wrist"][0]  # no side, no frame


def test_a_hand_that_is_gone_is_gone_in_foxglove(tmp_path):
    frames = [(0, [hand(number=3)]), (SECOND, []), (2 * SECOND, [hand("left", 4), hand("unknown", 7)])]
    found = messages(write_view("foxglove", tmp_path / "v.mcap", frames))
    scenes = [scene for _, scene in found["/hands"]]
    assert [[entity.id for entity in scene.entities] for scene in scenes] == [["hand_3"], [], ["hand_4", "hand_7"]]
    assert {tuple(deletion.type for deletion in scene.deletions) for scene in scenes} == {(1,)}  # all
    assert [[frame.child_frame_id for frame in tf.transforms] for _, tf in found["/tf"]] == [["hand_3"], [], ["hand_4"]]
    assert {entity.frame_id for entity in scenes[0].entities} == {"optical"}


def test_hands_of_one_frame_have_names_of_their_own():
    faces = load_template().faces
    names = [one.name for one in shown_hands([hand(), hand(number=1), hand(), hand(number=1)], faces)]
    assert len(set(names)) == 4
    assert names[1] == "hand_1"
    assert shown_hands([], faces) == []


# --- times


def test_times_are_the_stamps_and_inputs_follow_one_another():
    clock, times = Clock(), []
    for stamps in ([5, 7], [6, 9], [None, None], [10**12], [3]):
        clock.begin_input()
        times.append([clock.time(None if stamp is None else stamp * SECOND) / SECOND for stamp in stamps])
    assert times == [[5, 7], [7.1, 10.1], [10.2, 10.3], [10**12], [10**12 + 0.1]]


def test_dates_are_dates_to_the_nanosecond(tmp_path):
    stamps = [1_700_000_000_123_456_789, 1_700_000_000_156_790_123]
    found = rows(write_view("rerun", tmp_path / "v.rrd", [(stamp, []) for stamp in stamps]))
    assert [row["stamp"] for row in found["/camera/image"]] == stamps
    found = messages(write_view("foxglove", tmp_path / "v.mcap", [(stamp, []) for stamp in stamps]))
    assert [log_time for log_time, _ in found["/image"]] == stamps
    assert [(m.timestamp.seconds, m.timestamp.nanos) for _, m in found["/image"]] == [divmod(s, SECOND) for s in stamps]


def test_images_without_a_time_are_all_there(tmp_path, weights):
    for name in "ab":
        write_image(tmp_path / "photos" / f"{name}.png", PHOTO)
    for kind, name in FILES.items():
        file = tmp_path / name
        assert main(["predict", str(tmp_path / "photos"), "--view", f"{kind}={file}", "--weights", weights]) == 0
    assert [row["frame"] for row in rows(tmp_path / "v.rrd")["/camera/image"]] == [0, 1]
    assert len({log_time for log_time, _ in messages(tmp_path / "v.mcap")["/hands"]}) == 2


# --- lenses and mirrors


def test_foxglove_hears_of_the_lens(tmp_path):
    lens = (0.1, -0.02, 0.003, -0.001)
    for model, name in (("plumb_bob", "plumb_bob"), ("equidistant", "kannala_brandt")):
        camera = Camera(CAMERA.K, 640, 480, model, np.array(lens))
        found = messages(write_view("foxglove", tmp_path / f"{model}.mcap", [(0, [])], camera))
        calibration = found["/calibration"][0][1]
        assert (calibration.distortion_model, tuple(calibration.D)) == (name, lens)


def test_a_mirrored_image_is_shown_as_it_was_before_the_mirror(tmp_path, weights):
    """So that hands in space lie where they are in the image."""
    image = PHOTO.copy()
    image[:, :320] = 200
    photo, file = write_image(tmp_path / "p.png", image), tmp_path / "v.mcap"
    assert main(["predict", str(photo), "--mirrored", "--view", f"foxglove={file}", "--weights", weights]) == 0
    found = {topic: decoded for topic, [(_, decoded)] in messages(file).items()}
    K = np.reshape(found["/calibration"].K, (3, 3))
    wrist = found["/tf"].transforms[0].translation
    pixel = K @ [wrist.x, wrist.y, wrist.z]
    seen = found["/annotations"].points[2].points[0]
    assert np.allclose(pixel[:2] / pixel[2] + 0.5, [seen.x, seen.y], atol=1)


# --- what is refused


@pytest.mark.parametrize("text", ["rviz", "rerun=", "=x.rrd", "foxglove:x.mcap", "Rerun"])
def test_a_wrong_spelling_names_the_right_ones(tmp_path, weights, capsys, text):
    photo = write_image(tmp_path / "x.png", PHOTO)
    says = refused(capsys, "predict", photo, f"--view={text}", "--weights", weights)
    assert f"--view is {text!r}, must be rerun, rerun=FILE.rrd, foxglove or foxglove=FILE.mcap" in says


@pytest.mark.parametrize("kind, suffix", [("rerun", ".rrd"), ("foxglove", ".mcap")])
def test_a_wrong_suffix_names_the_right_one(tmp_path, weights, capsys, kind, suffix):
    photo = write_image(tmp_path / "x.png", PHOTO)
    says = refused(capsys, "predict", photo, "--view", f"{kind}={tmp_path}/v.txt", "--weights", weights)
    assert f"must end in {suffix}" in says
    assert "one file" in refused(capsys, "predict", photo, "--view", f"{kind}={{}}{suffix}", "--weights", weights)


@pytest.mark.parametrize("kind", FILES)
def test_a_missing_package_is_named_with_the_command(tmp_path, weights, capsys, monkeypatch, kind):
    there = importlib.util.find_spec
    monkeypatch.setattr("handos_model.view.viewer.find_spec", lambda name: None if name == kind else there(name))
    photo = write_image(tmp_path / "x.png", PHOTO)
    says = refused(capsys, "predict", photo, "--view", kind, "--weights", weights)
    assert f"--view {kind} needs the package {kind}-sdk, which is not installed: pip install '{kind}-sdk>=" in says


@pytest.mark.parametrize("kind", FILES)
def test_nothing_is_written_over(tmp_path, weights, capsys, kind):
    photo = write_image(tmp_path / "in" / "x.png", PHOTO)
    for name in (FILES[kind], f"a{Path(FILES[kind]).suffix}"):
        (tmp_path / "in" / name).write_bytes(b"mine")
    before = contents(tmp_path / "in")
    view = ["--view", f"{kind}={tmp_path}/in/{FILES[kind]}", "--weights", weights]
    assert "exists: replace it with --overwrite" in refused(capsys, "predict", photo, *view)
    assert "is an input" in refused(capsys, "predict", tmp_path / "in", *view, "--overwrite")
    assert contents(tmp_path / "in") == before
    assert main(["predict", str(photo), *view, "--overwrite"]) == 0
    assert set(contents(tmp_path / "in")) == set(before)
    assert contents(tmp_path / "in")[FILES[kind]] != b"mine"


def test_a_view_is_no_result(tmp_path, weights, capsys):
    photo, file = write_image(tmp_path / "x.png", PHOTO), tmp_path / "o.mcap"
    given = ["predict", photo, "--view", f"foxglove={file}", "--weights", weights]
    assert "would replace each other" in refused(capsys, *given, "--out", file)
    photo_too = ["predict", photo, "--view", f"foxglove={tmp_path}/x.mcap", "--weights", weights, "--fps", "1"]
    assert "would replace each other" in refused(capsys, *photo_too, "--out", tmp_path / "{}.mcap")
    assert "cannot be resumed" in refused(capsys, *given, "--out", tmp_path / "o.jsonl", "--resume")
    assert "leave out --jobs" in refused(capsys, *given, "--out", tmp_path / "{}.jsonl", "--jobs", "2")
    assert not file.exists()


def test_a_window_needs_a_display(tmp_path, weights, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    photo = write_image(tmp_path / "x.png", PHOTO)
    says = refused(capsys, "predict", photo, "--view", "rerun", "--weights", weights)
    assert "there is no display: use --view rerun=FILE.rrd" in says


# --- complete or not there


@pytest.mark.parametrize("kind, read", [("rerun", rows), ("foxglove", messages)])
def test_an_interrupted_file_has_another_name_and_opens(tmp_path, weights, video, monkeypatch, capsys, kind, read):
    interrupt_at(monkeypatch, 3)
    file = tmp_path / "out" / FILES[kind]
    view = ["--view", f"{kind}={file}", "--weights", weights]
    assert main(["predict", str(video), *view]) == 130
    (left,) = file.parent.iterdir()
    assert left.name == f"v.part{file.suffix}"
    assert {len(of_one) for of_one in read(left).values()} == {3}
    capsys.readouterr()
    assert "an interrupted run left" in refused(capsys, "predict", video, *view)


@pytest.mark.parametrize("kind", FILES)
def test_without_a_frame_there_is_no_file(tmp_path, weights, kind):
    broken = tmp_path / "x.png"
    broken.write_bytes(b"no image")
    assert main(["predict", str(broken), "--view", f"{kind}={tmp_path}/o/{FILES[kind]}", "--weights", weights]) == 1
    assert not (tmp_path / "o").exists()


def test_a_full_disk_ends_a_foxglove_file(tmp_path, weights, video, capsys, monkeypatch):
    def full(_, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        "handos_model.view.foxglove_view._File.write", lambda self, data: self._remember_error(lambda: full(self, data))
    )
    file = tmp_path / "v.mcap"
    says = refused_last(capsys, "predict", video, "--view", f"foxglove={file}", "--weights", weights)
    assert says == f"handos predict: cannot write {file}: No space left on device"
    assert not file.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_a_rerun_file(tmp_path, weights, video, capsys):
    (tmp_path / "v.part.rrd").symlink_to("/dev/full")
    file = tmp_path / "v.rrd"
    given = ["predict", video, "--view", f"rerun={file}", "--weights", weights, "--overwrite"]
    assert f"cannot write {file}" in refused_last(capsys, *given)
    assert not file.exists()


def refused_last(capsys, *argv) -> str:
    """The last sentence: the SDKs print errors of their own before it."""
    assert main([str(a) for a in argv]) == 2
    return capsys.readouterr().err.splitlines()[-1]


# --- the layout


def test_the_foxglove_layout_names_the_topics_and_settings_that_there_are():
    from foxglove.layouts import ImageConfig, ImageModeConfig, ThreeDeeCameraState, ThreeDeeConfig

    layout = json.loads((ROOT / "config" / "hands.foxglove.json").read_text())
    image, space = layout["configById"]["Image!hands"], layout["configById"]["3D!hands"]
    assert {layout["layout"]["first"], layout["layout"]["second"]} == set(layout["configById"])
    for config, kind in (
        (image, ImageConfig()),
        (image["imageMode"], ImageModeConfig()),
        (space, ThreeDeeConfig()),
        (space["cameraState"], ThreeDeeCameraState()),
    ):
        assert set(config) <= set(kind._to_dict())
    mode = image["imageMode"]
    named = {mode["imageTopic"], mode["calibrationTopic"], *mode["annotations"], *space["topics"], *image["topics"]}
    assert named == {*SHOWN, "/hands/markers"}  # of --view, and of a robot, whose /hands is no scene
