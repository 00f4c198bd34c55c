"""camera_node: what it publishes is what the source holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import rclpy
from made_bags import INFO, SECOND, BagWriter
from made_files import picture as small_picture
from made_videos import write_timed_video
from node_process import ROOT, NodeProcess, parameters
from robot import EVERY, Robot
from sensor_msgs.msg import CameraInfo, Image

from handos_ros.input.intrinsics import camera_from_info

CALIBRATION = """\
image_width: 64
image_height: 48
camera_name: test
camera_matrix: {rows: 3, cols: 3, data: [50, 0, 31, 0, 51, 23, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0.001, 0.002, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [49, 0, 30, 0, 0, 50, 22, 0, 0, 0, 1, 0]}
"""


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8) for seed in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: list[np.ndarray]) -> Path:
    path = tmp_path_factory.mktemp("pictures")
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(path / f"{index}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "camera.yaml"
    path.write_text(CALIBRATION)
    return path


@pytest.fixture
def viewer() -> Iterator[Robot]:
    robot = Robot("viewer")
    for kind, topic in ((Image, "seen"), (CameraInfo, "seen_info")):
        robot.listen(kind, topic, EVERY)
    yield robot
    robot.destroy_node()


SEEN = ("-r", "__ns:=/viewer", "-r", "image:=seen", "-r", "camera_info:=seen_info")


def test_pictures_in_order_with_their_calibration(
    viewer: Robot, folder: Path, calibration: Path, pictures: list[np.ndarray]
) -> None:
    settings = parameters(source=folder, calibration=calibration, frame_id="lens", rate=5, loop=False)
    before = viewer.get_clock().now().nanoseconds
    with NodeProcess("camera_node", *SEEN, *settings) as node:
        viewer.until(lambda: len(viewer.got["seen"]) == len(viewer.got["seen_info"]) == len(pictures))
        code, printed = node.wait()
    assert code == 0 and "has ended" in printed and "Traceback" not in printed
    for message, info, picture in zip(viewer.got["seen"], viewer.got["seen_info"], pictures, strict=True):
        assert message.encoding == "rgb8" and message.header.frame_id == "lens"
        assert (np.reshape(message.data, picture.shape) == picture).all()
        assert info.header == message.header
        assert before < rclpy.time.Time.from_msg(info.header.stamp).nanoseconds
        assert (info.width, info.height, info.distortion_model) == (64, 48, "plumb_bob")
        assert info.k.tolist() == [50, 0, 31, 0, 51, 23, 0, 0, 1]
        assert info.p.tolist() == [49, 0, 30, 0, 0, 50, 22, 0, 0, 0, 1, 0]
        assert list(info.d) == [0.1, -0.2, 0.001, 0.002, 0.0]


def test_what_is_played_once_waits_for_whom_it_is_played_to(folder: Path, pictures: list[np.ndarray]) -> None:
    robot = Robot("viewer")
    robot.listen(CameraInfo, "seen_info")
    with NodeProcess("camera_node", *SEEN, *parameters(source=folder, rate=50, loop=False)) as node:
        robot.until(lambda: robot.count_publishers("seen_info") > 0)
        robot.spin(1.0)
        assert not robot.got["seen_info"]
        robot.listen(Image, "seen")
        robot.until(lambda: len(robot.got["seen"]) == len(pictures))
        assert node.wait()[0] == 0
    robot.destroy_node()


def test_what_is_played_once_faster_than_it_is_heard_is_heard_whole(viewer: Robot, tmp_path: Path) -> None:
    for index in range(100):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((48, 64, 3), index, np.uint8))
    with NodeProcess("camera_node", *SEEN, *parameters(source=tmp_path, rate=1000, loop=False)) as node:
        viewer.until(lambda: len(viewer.got["seen"]) == len(viewer.got["seen_info"]) == 100)
        assert node.wait()[0] == 0
    assert [message.data[0] for message in viewer.got["seen"]] == list(range(100))


def test_a_looping_video_with_a_field_of_view(viewer: Robot) -> None:
    settings = parameters(source=ROOT / "docs/demo.mp4", fov=60, rate=200)
    with NodeProcess("camera_node", *SEEN, *settings) as node:
        info = viewer.until(lambda: viewer.got["seen_info"])[0]
        viewer.until(lambda: len(viewer.got["seen_info"]) > 100)  # the clip has fewer
        assert node.stop()[0] == 0
    assert (info.width, info.height) == (640, 480)
    assert info.k[0] == pytest.approx(320 / np.tan(np.radians(30)))
    assert info.k.tolist()[2::3] == [319.5, 239.5, 1.0]


def test_a_video_is_played_by_its_own_times(viewer: Robot, tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 0.3, 1.1, 1.2, 1.9, 2.0, 2.05, 2.1]  # s, with holes
    write_timed_video(tmp_path / "holes.mkv", [round(1000 * time) for time in times])
    settings = parameters(source=tmp_path / "holes.mkv", loop=False)
    with NodeProcess("camera_node", *SEEN, *settings) as node:
        viewer.until(lambda: len(viewer.got["seen"]) == len(times))
        code, printed = node.wait()
    stamps = [message.header.stamp.sec + message.header.stamp.nanosec * 1e-9 for message in viewer.got["seen"]]
    assert np.abs(np.array(stamps) - stamps[0] - times).max() < 0.15  # a busy machine is late now and then
    assert code == 0 and "playing 64x48 px on /viewer/seen" in printed


def test_a_damaged_picture_is_a_warning_also_where_it_is_the_first(
    viewer: Robot, folder: Path, tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    for name, source in (("a", None), ("b", 0), ("c", None), ("d", 1)):
        (tmp_path / f"{name}.png").write_bytes(
            b"damaged" if source is None else (folder / f"{source}.png").read_bytes()
        )
    settings = parameters(source=tmp_path, rate=20, loop=False)
    with NodeProcess("camera_node", *SEEN, *settings) as node:
        viewer.until(lambda: len(viewer.got["seen"]) == 2)
        code, printed = node.wait()
    for message, picture in zip(viewer.got["seen"], pictures, strict=False):
        assert (np.reshape(message.data, picture.shape) == picture).all()
    assert code == 0 and f"{tmp_path}/a.png" in printed and "has ended" in printed


def test_a_video_that_disappears_does_not_end_the_others(viewer: Robot, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_timed_video(tmp_path / f"{name}.mkv", [0, 100])
    with NodeProcess("camera_node", *SEEN, *parameters(source=tmp_path, rate=20)) as node:
        viewer.until(lambda: len(viewer.got["seen"]) > 4)
        (tmp_path / "a.mkv").unlink()
        viewer.until(lambda: "a.mkv" in node.printed())
        viewer.got["seen"].clear()
        viewer.until(lambda: len(viewer.got["seen"]) > 4)
        code, printed = node.stop()
    assert code == 0 and f"cannot read {tmp_path / 'a.mkv'} any further: there is no" in printed


def test_without_calibration_the_camera_info_says_so(viewer: Robot, folder: Path) -> None:
    with NodeProcess("camera_node", *SEEN, *parameters(source=folder)):
        info = viewer.until(lambda: viewer.got["seen_info"])[0]
    assert (info.width, info.height) == (64, 48) and not info.k.any()
    assert info.header.frame_id == "camera_optical_frame"


TURN = [0.96, 0.0, 0.28, 0.0, 1.0, 0.0, -0.28, 0.0, 0.96]
PROJECTION = [28.0, 0.0, 16.0, -2.8, 0.0, 28.0, 12.0, 0.0, 0.0, 0.0, 1.0, 0.0]
"""R and P of the right camera of a stereo pair."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images of a camera whose lens is changed after the second one."""
    path = tmp_path_factory.mktemp("recording") / "bag"
    with BagWriter(path, "MCAP") as bag:
        for number in range(4):
            stamp = SECOND + number * SECOND // 10
            lens = {"fx": 30.0 + 5 * (number > 1), "d": (0.1, -0.2, 0.01, 0, 0)}
            bag.camera_info(INFO, stamp, **lens, r=TURN, p=PROJECTION)
            bag.image("/cam/image_raw", small_picture(), stamp + 1000, frame_id="lens")
    return path


def test_a_recording_keeps_its_cameras_and_its_frame(viewer: Robot, recording: Path) -> None:
    with NodeProcess("camera_node", *SEEN, *parameters(source=recording, loop=False)) as node:
        viewer.until(lambda: len(viewer.got["seen"]) == len(viewer.got["seen_info"]) == 4)
        assert node.wait()[0] == 0
    for info, message, focal in zip(viewer.got["seen_info"], viewer.got["seen"], (30, 30, 35, 35), strict=True):
        assert info.header == message.header and info.header.frame_id == "lens"
        assert (info.width, info.height, info.distortion_model) == (32, 24, "plumb_bob")
        assert info.k.tolist() == [focal, 0, 15.5, 0, focal + 1, 11.5, 0, 0, 1]
        assert list(info.d) == [0.1, -0.2, 0.01, 0.0, 0.0]
        assert info.r.tolist() == TURN and info.p.tolist() == PROJECTION
        assert camera_from_info(info, 32, 24, rectified=True).K.tolist() == [[28, 0, 16], [0, 28, 12], [0, 0, 1]]


def test_a_recording_of_two_cameras_is_played_as_that_of_one(viewer: Robot, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag", "MCAP") as bag:
        for number, side in enumerate(("left", "right")):
            bag.image(f"/{side}/image_raw", small_picture(), SECOND + number, frame_id=side)
    with NodeProcess("camera_node", *SEEN, *parameters(source=tmp_path / "bag")) as node:
        code, printed = node.wait()
    assert code == 1 and "parameter topic: /left/image_raw, /right/image_raw" in printed
    viewer.got["seen"].clear()
    with NodeProcess("camera_node", *SEEN, *parameters(source=tmp_path / "bag", topic="/right/image_raw")):
        assert viewer.until(lambda: viewer.got["seen"])[0].header.frame_id == "right"


def test_what_the_user_says_of_the_camera_of_a_recording_wins(viewer: Robot, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "camera.yaml").write_text(CALIBRATION.replace("64", "32").replace("48", "24"))
    for given, focal in (({"fov": 90}, 16.0), ({"fov": 90, "calibration": tmp_path / "camera.yaml"}, 50.0)):
        viewer.got["seen_info"].clear()
        with NodeProcess("camera_node", *SEEN, *parameters(source=recording, frame_id="mine", **given)):
            info = viewer.until(lambda: viewer.got["seen_info"])[0]
        assert info.k[0] == pytest.approx(focal) and info.header.frame_id == "mine"


def test_a_wrong_source_is_one_sentence(folder: Path, calibration: Path, tmp_path: Path) -> None:
    (tmp_path / "text.yaml").write_text("just words")
    (tmp_path / "short.yaml").write_text(CALIBRATION.replace("data: [50, 0, ", "data: ["))
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "bad" / name).write_bytes(b"damaged")
    video = ROOT / "docs/demo.mp4"
    cases = [
        ({}, "source is not set, must be a video, an image, a folder of images, a ROS recording or a webcam number"),
        ({"source": tmp_path / "absent.mp4"}, f"there is no {tmp_path / 'absent.mp4'}"),
        ({"source": tmp_path / "empty"}, "holds no image"),
        ({"source": tmp_path / "bad"}, "bad/a.png"),
        ({"source": 97}, "webcam 97 cannot be opened"),
        ({"source": folder, "rate": 1e-12}, "rate is 1e-12, must be 0 or at least 0.001"),
        ({"source": folder, "fov": 1.2}, "fov is 1.2, must be 0 or at least 10 degrees"),
        ({"source": folder, "sauce": 1}, "there is no parameter sauce: did you mean source?"),
        ({"source": folder, "calibration": tmp_path / "none.yaml"}, "there is no calibration file"),
        ({"source": folder, "calibration": tmp_path / "text.yaml"}, "has another format, must be a file of camera_"),
        ({"source": folder, "calibration": tmp_path / "short.yaml"}, "must hold 9 finite numbers"),
        ({"source": video, "calibration": calibration}, "has 640x480 px, the calibration 64x48"),
    ]
    running = [(NodeProcess("camera_node", *parameters(**settings)), sentence) for settings, sentence in cases]
    for node, sentence in running:
        with node:
            code, printed = node.wait()
        assert code == 1
        lines = [line for line in printed.splitlines() if line.startswith("camera_node: ")]
        assert len(lines) == 1 and sentence in lines[0]
        assert "Traceback" not in printed
