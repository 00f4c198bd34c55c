"""scripts/demo: the clip of the repository through both nodes, and what is said of a wrong one."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

pytest.importorskip("handos_ros.msg", reason="no ROS, or the package is not built here")
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from made_videos import write_timed_video
from robot import Robot
from sensor_msgs.msg import Image
from viewed import messages

from handos_ros.demo.play import apart
from handos_ros.msg import HandArray
from handos_ros.process.fast_dds import profile

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True, scope="module")
def installed() -> None:
    """The demo starts nodes as they are installed."""
    try:
        get_package_prefix("handos_ros")
    except PackageNotFoundError:
        pytest.skip("the package is built, but its prefix is not in AMENT_PREFIX_PATH")


def demo(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "scripts" / "demo"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_the_clip_becomes_topics_and_an_annotated_video(tmp_path: Path) -> None:
    done = demo("--video", ROOT / "docs" / "demo.mp4", "--out", tmp_path / "out" / "hands.mp4")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"^(\S+) +(\d+) +[\d.]+", done.stdout, re.M))
    assert int(counts["camera_info"]) > 0
    assert int(counts["hands"]) > 0 and int(counts["hands/debug_image"]) > 0
    video = cv2.VideoCapture(str(tmp_path / "out" / "hands.mp4"))
    assert (video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (640, 480)
    assert video.read()[0]


def test_what_the_nodes_publish_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("foxglove")
    file = tmp_path / "v.mcap"
    arguments = ("--video", ROOT / "docs" / "demo.mp4", "--out", tmp_path / "hands.mp4")
    done = demo(*arguments, "--view", f"foxglove={file}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"Look at {tmp_path / 'hands.mp4'} and {file}\n")
    counts = dict(re.findall(r"^(\S+) +(\d+) +[\d.]+", done.stdout, re.M))
    shown = messages(file)
    assert 0 < len(shown["/image"]) <= int(counts["hands"])
    for (at, scene), (same, transforms) in zip(shown["/hands"], shown["/tf"], strict=True):
        assert at == same
        assert [entity.id for entity in scene.entities] == [tf.child_frame_id for tf in transforms.transforms]
    assert len(shown["/hands"][-1][1].entities[0].triangles[0].points) == 778
    assert "--view is 'rviz', must be rerun" in demo(*arguments, "--view", "rviz").stderr


def test_the_frames_of_every_file_in_a_folder_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name, frames in (("a.mp4", 4), ("b.mp4", 7)):
        write_timed_video(folder / name, list(range(0, 100 * frames, 100)))
    shutil.copy(ROOT / "docs" / "images" / "try.jpg", folder)
    done = demo("--video", folder, "--out", tmp_path / "hands.mp4")
    assert done.returncode == 0, done.stdout + done.stderr
    processed, frames = map(int, re.findall(r"^(\d+) of (\d+) frames processed", done.stdout, re.M)[0])
    assert 0 < processed <= frames == 12


def test_a_robot_in_the_users_domain_hears_nothing_and_is_not_heard(tmp_path: Path) -> None:
    robot = Robot("robot")
    robot.listen(Image, "/image")
    robot.listen(HandArray, "/hands")
    video = write_timed_video(tmp_path / "two words.mp4", list(range(0, 3000, 100)))
    with subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "demo"), "--video", video.name], cwd=tmp_path, stdout=subprocess.PIPE
    ) as running:
        while running.poll() is None:
            robot.spin(0.1)
            robot.image.publish(Image())
        assert running.returncode == 0
    assert not robot.got["/image"] and not robot.got["/hands"] and not robot.got["/tf"]
    robot.destroy_node()
    assert (tmp_path / "demo" / "two words-hands.mp4").is_file()


def test_the_domain_is_never_that_of_the_user() -> None:
    for exported in range(102):
        domain = apart({"ROS_DOMAIN_ID": str(exported)})["ROS_DOMAIN_ID"]
        assert domain != str(exported) and 51 <= int(domain) <= 100
    assert 51 <= int(apart({})["ROS_DOMAIN_ID"]) <= 100


def test_a_video_that_is_not_there(tmp_path: Path) -> None:
    done = demo("--video", tmp_path / "none.mp4", "--out", tmp_path / "hands.mp4")
    assert (done.returncode, done.stderr) == (1, f"demo: there is no {tmp_path / 'none.mp4'}\n")


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    done = demo("--video", tmp_path / "text.mp4", "--out", tmp_path / "hands.mp4")
    assert done.returncode == 1
    assert f"demo: cannot read video {tmp_path / 'text.mp4'}" in done.stderr


def test_one_image(tmp_path: Path) -> None:
    done = demo("--video", ROOT / "docs" / "images" / "try.jpg", "--out", tmp_path / "hands.mp4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n1 of 1 frames processed, 2 hands in them.\n" in done.stdout
    assert (tmp_path / "hands.mp4").is_file()


def test_no_video_is_not_the_current_folder() -> None:
    done = demo("--video", "")
    assert (done.returncode, "--video: is empty" in done.stderr) == (2, True)


def test_the_video_is_not_replaced(tmp_path: Path) -> None:
    video = write_timed_video(tmp_path / "hands.mp4", [0, 100])
    before = video.read_bytes()
    done = demo("--video", video, "--out", video)
    assert (done.returncode, done.stderr.count("which would be lost")) == (1, 1)
    assert video.read_bytes() == before


def test_a_stopped_demo_replaces_no_video_and_leaves_no_node(tmp_path: Path) -> None:
    out, begun = tmp_path / "hands.mp4", tmp_path / "hands.part.mp4"
    out.write_text("of a complete demo")
    command = [sys.executable, str(ROOT / "scripts" / "demo"), "--video", str(ROOT / "docs" / "demo.mp4")]
    with subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, text=True) as process:
        while not begun.exists() and process.poll() is None:
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        while process.poll() is None:  # as an impatient user does
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        assert process.communicate(timeout=60)[1].endswith("demo: stopped\n")
    assert process.returncode == 1
    assert out.read_text() == "of a complete demo" and begun.exists()
    assert len(children) == 2 and not [child for child in children if Path(f"/proc/{child}").exists()]


def test_an_output_that_is_no_video(tmp_path: Path) -> None:
    done = demo("--video", ROOT / "docs" / "demo.mp4", "--out", tmp_path / "hands.txt")
    assert done.returncode == 2
    assert "must end in .mp4, .mkv or .mov" in done.stderr


def test_the_profile_of_the_package_unless_there_is_another() -> None:
    assert list(profile({"ROS_DISTRO": "jazzy"})) == ["FASTRTPS_DEFAULT_PROFILES_FILE"]
    (path,) = profile({}).values()
    assert Path(path).read_bytes() == (ROOT / "config" / "fastdds.xml").read_bytes()
    assert profile({"FASTDDS_DEFAULT_PROFILES_FILE": "mine.xml"}) == {}
