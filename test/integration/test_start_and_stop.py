"""A user's mistake is one sentence and exit code 1; Ctrl-C and SIGTERM are exit code 0."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnxruntime
import pytest
from node_process import ROOT, NodeProcess, parameters
from robot import Robot

from handos_ros.process.fast_dds import VARIABLES


@pytest.fixture
def corrupt(tmp_path: Path) -> Path:
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"\x08\x07 no network " * 100)
    return path


def test_a_wrong_start_is_one_sentence(corrupt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = tmp_path / "absent.onnx"
    cases = [
        (parameters(score_treshold=0.5), "there is no parameter score_treshold: did you mean score_threshold?"),
        (parameters(smoothing=1), "smoothing is 1, must be true or false"),
        (parameters(hand_scale=9), "hand_scale is 9, must lie between 0.2 and 5"),
        (parameters(weights=absent), f"there is no weights file {absent}"),
        (parameters(weights=corrupt), f"weights file {corrupt} is damaged or not an ONNX file"),
        (["-p", "qos_overrides./image.subscription.dept:=3"], "did you mean qos_overrides./image.subscription.depth?"),
        (["-p", "qos_overrides./image.subscription.reliability:=so_so"], "subscribe to image: Unexpected QoS override"),
        (["-r", "image:=hands"], "image: /hands is a topic of this node already, with messages HandArray\n"),
        (["-p", "smoothing"], "Couldn't parse parameter override rule: '-p smoothing'"),
        (["--nonsense"], "wrong ROS arguments: ['--nonsense']"),
    ]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        cases.append((parameters(device="cuda"), 'device is "cuda", but the installed ONNX Runtime has no CUDA'))
    running = []
    for domain, (arguments, sentence) in enumerate(cases, start=101):
        # Each by itself: Fast DDS from PyPI may spin for minutes where a participant ends while it is told of others
        # that come and go (eProsima/Fast-DDS#6513), and here all of them do at once.
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
        running.append((NodeProcess("hands_node", *arguments), sentence))
    for node, sentence in running:
        with node:
            code, printed = node.wait()
        assert code == 1
        assert printed.startswith("hands_node: ") and sentence in printed
        assert printed.count("\n") == 1


@pytest.mark.parametrize("executable", ["hands_node", "camera_node", "fusion_node"])
def test_help_and_arguments_that_are_not_ros_are_answered(executable: str) -> None:
    for argument, code in (("--help", 0), ("--weights", 2)):
        done = subprocess.run(
            [sys.executable, "-c", f"from handos_ros.{executable} import main; main()", argument],
            capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        said = done.stdout if code == 0 else done.stderr
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)
        assert f"usage: {executable} --ros-args [-p PARAMETER:=VALUE]" in said
        assert code == 0 or said.startswith(f"{executable}: unknown argument '--weights'; ")


@pytest.mark.parametrize("keys", [False, True])
def test_security_that_cannot_be_had_is_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: bool) -> None:
    """Never an open node in place of a secured one. With keys that are none, and where Fast DDS knows no security."""
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    monkeypatch.setenv("ROS_SECURITY_STRATEGY", "Enforce")
    monkeypatch.setenv("ROS_SECURITY_KEYSTORE", str(tmp_path))
    if keys:
        (tmp_path / "enclaves" / "handos").mkdir(parents=True)
        for name in ("key", "cert", "identity_ca.cert", "permissions_ca.cert"):
            (tmp_path / "enclaves" / "handos" / f"{name}.pem").touch()
        for name in ("governance", "permissions"):
            (tmp_path / "enclaves" / "handos" / f"{name}.p7s").touch()
    with NodeProcess("hands_node", "--enclave", "/handos") as node:
        code, printed = node.wait()
    assert code == 1 and "Traceback" not in printed
    (sentence,) = (line for line in printed.splitlines() if line.startswith("hands_node: "))
    assert ("error creating node" if keys else "SECURITY ERROR: directory") in sentence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly(number: signal.Signals) -> None:
    namespace = number.name.lower()
    with NodeProcess("hands_node", "-r", f"__ns:=/{namespace}") as node:
        robot = Robot(namespace)
        robot.meet()
        started = node.printed()
        while node.process.poll() is None:  # further ones find it stopping, as under ros2 launch, to its very end
            node.process.send_signal(number)
            time.sleep(0.01)
        code, printed = node.wait()
        assert code == 0
        assert f"images from /{namespace}/image" in started and printed == started
        robot.destroy_node()


ENDED = """
import os, signal, time
import rclpy
from handos_ros.process.executable import run
from handos_ros.process.guarded_node import GuardedNode

def make():
    node = GuardedNode("late_node")
    os.kill(os.getpid(), signal.SIGINT)
    while rclpy.ok():
        time.sleep(0.01)
    return node

raise SystemExit(run("late_node", make))
"""


def test_a_signal_just_before_the_node_is_spun_stops_cleanly() -> None:
    done = subprocess.run([sys.executable, "-c", ENDED], capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_signal_while_starting_stops_cleanly() -> None:
    with NodeProcess("hands_node", "-r", "__ns:=/early") as node:
        robot = Robot("early")
        robot.until(lambda: "hands_node" in robot.get_node_names())
        node.end()
    robot.destroy_node()


@pytest.mark.parametrize("executable", ["hands_node", "camera_node", "fusion_node", "demo"])
def test_a_signal_during_imports_stops_quietly(executable: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with NodeProcess(executable) as node:
            program = Path(f"/proc/{node.process.pid}/maps")
            deadline = time.monotonic() + 180
            while "numpy" not in program.read_text() and time.monotonic() < deadline:  # imported long before the rest
                time.sleep(0.001)
            code, printed = node.stop(number)
        assert (code, printed) == (0, "")


BLOCKED = """
from handos_ros.process.executable import run
print("waits", flush=True)
raise SystemExit(run("blocked_node", lambda: open({path!r})))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_waits_for_a_device(tmp_path: Path, number: signal.Signals) -> None:
    os.mkfifo(tmp_path / "device")
    command = [sys.executable, "-c", BLOCKED.format(path=str(tmp_path / "device"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "waits\n"
            time.sleep(1.0)  # until it does
            process.send_signal(number)
            assert process.wait(180) == 0
        finally:
            process.kill()


STUCK = """
import ctypes
from handos_ros.process import executable
executable.rclpy.try_shutdown = lambda: ctypes.PyDLL(None).sleep(600)
raise SystemExit(executable.run("stuck_node", lambda: open("/nowhere")))
"""


def test_an_error_at_start_ends_the_process_though_the_middleware_hangs() -> None:
    """While it hangs, no thread of Python's can run."""
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=180)
    assert done.returncode == 1
    assert done.stderr == "stuck_node: [Errno 2] No such file or directory: '/nowhere'\n"


HANGING = """
import atexit, ctypes, os, signal, time
from handos_ros.process.executable import run
from handos_ros.process.guarded_node import GuardedNode

class SlowNode(GuardedNode):
    def destroy_node(self):
        print(time.monotonic(), flush=True)
        time.sleep(3)
        super().destroy_node()

def make():
    node = SlowNode("hanging_node")
    node.finish()
    return node

atexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM) or ctypes.PyDLL(None).sleep(600))
raise SystemExit(run("hanging_node", make))
"""


def test_a_process_that_hangs_at_its_end_is_killed() -> None:
    """Further signals do not end it, as they might end one that is still cleaning up; what came before counts."""
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stderr) == (-signal.SIGALRM, "")
    assert 3 < time.monotonic() - float(done.stdout) < 7  # 4 s for each wait would be 7


def test_simulated_time_that_does_not_begin_is_said() -> None:
    source = ROOT / "docs/demo.mp4"
    with (
        NodeProcess("hands_node", "-r", "__ns:=/timeless", *parameters(use_sim_time=True)) as hands,
        NodeProcess("camera_node", "-r", "__ns:=/timeless", *parameters(use_sim_time=True, source=source)) as camera,
    ):
        deadline = time.monotonic() + 180
        while not all("nothing comes on /clock" in node.printed() for node in (hands, camera)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert [node.stop()[0] for node in (hands, camera)] == [0, 0]


def test_a_node_started_by_itself_has_room_for_images(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with NodeProcess("hands_node", "-r", "__ns:=/alone") as node:
        robot = Robot("alone")
        robot.meet()
        maps = Path(f"/proc/{node.process.pid}/maps").read_text().splitlines()
        node.stop()
    robot.destroy_node()
    shared = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps if "/dev/shm/fast" in line]
    assert max(end - begin for begin, end in shared) > 4 * 1920 * 1080 * 3
