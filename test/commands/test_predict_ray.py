"""`handos predict --ray` on a cluster of this machine: the same files, also where a worker is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("ray")
from command_line import refused
from made_files import write_video
from predicted import PHOTO, contents

from handos_model.cli import main
from handos_model.commands.prediction.cluster import RayPool
from handos_model.commands.prediction.jobs import Work

FRAMES = 60


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for i in range(3):
        write_video(folder / f"v{i}.avi", [np.full_like(PHOTO, 40 + 10 * i)] * FRAMES)
    return folder


def writer_of(file: Path, process: subprocess.Popen) -> int:
    """The process that has written some of a file and is still at it."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None:
        if file.exists() and file.stat().st_size > 0:
            for link in Path("/proc").glob("[0-9]*/fd/*"):
                try:
                    if os.path.realpath(link) == str(file):
                        return int(link.parts[2])
                except OSError:
                    continue
        time.sleep(0.02)
    raise AssertionError(f"nobody writes {file}")


def test_a_killed_worker_costs_nothing(tmp_path, videos, weights):
    given = [videos, "--weights", weights, "--track", "--out"]
    assert main([str(word) for word in ("predict", *given, tmp_path / "one" / "{}.jsonl")]) == 0
    cluster = [*given, tmp_path / "ray" / "{}.jsonl", "--ray", "--jobs", "2"]
    command = [sys.executable, "-m", "handos_model.cli", "predict", *map(str, cluster)]
    env = {**os.environ, "RAY_worker_niceness": "0"}  # else a busy machine lets them wait
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    os.kill(writer_of(tmp_path / "ray" / "v1.part.jsonl", process), signal.SIGKILL)
    says = process.communicate(timeout=300)[1]
    assert process.returncode == 0, says
    assert "v1.avi ended (WorkerCrashedError): another one starts it again" in says
    assert says.splitlines()[-1] == f"{3 * FRAMES} frames, {3 * FRAMES} hands"
    assert contents(tmp_path / "ray") == contents(tmp_path / "one")


def test_a_cluster_that_is_started_sends_no_telemetry(monkeypatch):
    import ray

    found = []
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    monkeypatch.setattr(ray, "init", lambda **_: found.append(os.environ["RAY_USAGE_STATS_ENABLED"]))
    monkeypatch.setattr(ray, "put", lambda value: value)
    RayPool(1, Work(pytest.fail, pytest.fail), 1, False)
    assert found == ["0"]
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")  # by somebody who wants it
    RayPool(1, Work(pytest.fail, pytest.fail), 1, False)
    assert found == ["0", "1"]


def test_one_file_for_several_inputs_is_refused(tmp_path, videos, weights, capfd):
    given = ["predict", videos, "--weights", weights, "--ray", "--out", tmp_path / "all.jsonl"]
    assert "--jobs and --ray process several inputs at once and need one output each" in refused(capfd, *given)
