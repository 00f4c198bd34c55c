"""`handos predict --jobs N`: the same files as one after another, whatever happens to one of the processes."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("onnx")
from command_line import refused
from made_files import write_video
from predicted import PHOTO, contents, lines_of

from handos_model.cli import main
from handos_model.commands.prediction.signals import ending


def videos(tmp_path, count, frames=3):
    folder = tmp_path / "videos"
    folder.mkdir()
    for i in range(count):
        write_video(folder / f"v{i}.avi", [np.full_like(PHOTO, 40 + 10 * i)] * frames)
    return folder


def command(*argv):
    return [sys.executable, "-m", "handos_model.cli", *map(str, argv)]


def test_jobs_write_what_one_after_another_writes(tmp_path, weights):
    folder = videos(tmp_path, 5)
    (folder / "bad.avi").write_bytes(b"0" * 100)
    for name, jobs in (("one", 1), ("three", 3)):
        out, draw = tmp_path / name / "{}.jsonl", tmp_path / name / "{}.mp4"
        argv = command("predict", folder, "--weights", weights, "--out", out, "--draw", draw, "--jobs", jobs, "--track")
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 1, done.stderr
        assert "bad.avi" in done.stderr and "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1] == "15 frames, 15 hands, 1 not readable"
    written = contents(tmp_path / "three")
    assert sorted(written) == sorted(f"v{i}.{kind}" for i in range(5) for kind in ("jsonl", "mp4"))
    assert written == contents(tmp_path / "one")


def test_a_process_that_dies_costs_its_input(tmp_path, weights):
    folder = videos(tmp_path, 4)
    code = (
        "import os, sys, signal\n"
        "from handos_model.cli import main\n"
        "from handos_model.io.video import VideoSource\n"
        "frames = VideoSource.__iter__\n"
        "def killed(self):\n"
        "    if self.name.endswith('v1.avi'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return frames(self)\n"
        "VideoSource.__iter__ = killed\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(main(sys.argv[1:]))\n"
    )
    script = tmp_path / "deadly.py"  # which the processes import as well
    script.write_text(code)
    out = tmp_path / "out" / "{}.jsonl"
    argv = [sys.executable, script, "predict", folder, "--weights", weights, "--out", out, "--jobs", "2"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "v1.avi ended with code -9: another one starts it again" in done.stderr
    assert "v1.avi ended with code -9: it is given up" in done.stderr
    assert "9 frames, 9 hands, 1 not readable" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("v?.jsonl")) == ["v0.jsonl", "v2.jsonl", "v3.jsonl"]


def in_the_middle(argv, out):
    """The command, once it has written some frames below `out`."""
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not any(path.stat().st_size > 5000 for path in out.glob("*.part.jsonl")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    return process


@pytest.fixture
def in_a_terminal():
    """Ends processes by SIGHUP, also if whoever started the tests ignores it, as nohup does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("in_a_terminal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_resume_goes_on(tmp_path, weights, number):
    folder, out = videos(tmp_path, 3, frames=200), tmp_path / "out"
    argv = command("predict", folder, "--weights", weights, "--out", out / "{}.jsonl", "--jobs", 2)
    process = in_the_middle(argv, out)
    process.send_signal(number)
    says = process.communicate(timeout=300)[1]
    assert process.returncode == 130 and "interrupted" in says and "Traceback" not in says
    done = sum(path.read_text().count("\n") for path in out.glob("*.jsonl"))
    assert 0 < done < 600
    again = subprocess.run([*argv, "--resume"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    for i in range(3):
        assert [int(line["image"].rpartition("#")[2]) for line in lines_of(out / f"v{i}.jsonl")] == list(range(200))


def test_no_process_outlives_one_that_is_killed(tmp_path, weights):
    folder, out = videos(tmp_path, 2, frames=1000), tmp_path / "out"
    argv = command("predict", folder, "--weights", weights, "--out", out / "{}.jsonl", "--jobs", 2)
    process = in_the_middle(argv, out)
    process.kill()
    process.communicate(timeout=100)  # until all that write to its stderr have ended
    done = [path.read_text().count("\n") for path in out.glob("v?.part.jsonl")]
    assert done and all(0 < frames < 1000 for frames in done)
    assert not list(out.glob("v?.jsonl"))


@pytest.mark.usefixtures("in_a_terminal")
def test_signals_that_are_ignored_stay_so():
    assert ending() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert ending() == [signal.SIGINT, signal.SIGTERM]


def test_what_ends_the_run_is_one_sentence(tmp_path, weights, capfd):
    folder = videos(tmp_path, 2)
    argv = ["predict", folder, "--out", tmp_path / "{}.jsonl", "--weights"]
    assert "no weights file" in refused(capfd, *argv, "/nowhere.onnx", "--jobs", 2)
    assert "--jobs is 0, must lie between 1 and 64" in refused(capfd, *argv, weights, "--jobs", 0)
    argv[3] = tmp_path / "o.jsonl"
    assert "need one output each" in refused(capfd, *argv, weights, "--jobs", 2)


def test_an_input_of_which_nothing_is_read_has_no_output(tmp_path, weights):
    bad = tmp_path / "bad.avi"
    write_video(tmp_path / "good.avi", [PHOTO])
    bad.write_bytes(b"0" * 100)
    argv = ["predict", str(bad), str(tmp_path / "good.avi"), "--weights", weights, "--out", str(tmp_path / "{}.jsonl")]
    assert main(argv) == 1
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["good.jsonl"]
