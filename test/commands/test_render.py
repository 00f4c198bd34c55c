"""`handos render`: pools are replaced when that is asked for, and wrong arguments leave nothing behind."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")
from command_line import refused
from made_files import write_image
from predicted import contents

from handos_model.cli import main

SMALL = ["--count", "2", "--size", "64"]


def test_a_pool_is_replaced_when_it_is_told_to(tmp_path, capsys):
    pool, fresh = tmp_path / "pool_0.5", tmp_path / "fresh"
    assert main(["render", str(pool), *SMALL]) == 0
    (pool / "notes.txt").write_text("mine")
    before = contents(pool)
    assert capsys.readouterr().out == ""
    assert main(["render", str(pool), *SMALL]) == 0
    assert capsys.readouterr().out == f"{pool} is complete: nothing was rendered; --overwrite renders it again\n"
    assert contents(pool) == before
    says = refused(capsys, "render", pool, *SMALL, "--seed", 3)
    assert "contains a pool with other settings" in says and "replace it with --overwrite" in says
    assert contents(pool) == before
    assert main(["render", str(fresh), *SMALL, "--seed", "3"]) == 0
    assert main(["render", str(pool), *SMALL, "--seed", "3", "--overwrite"]) == 0
    after = contents(pool)
    assert after.pop("notes.txt") == b"mine"
    assert after["images.npy"] == contents(fresh)["images.npy"] != before["images.npy"]
    assert json.loads(after["meta.json"])["seed"] == 3


def test_a_damaged_pool_is_made_again(tmp_path):
    pool = tmp_path / "pool"
    assert main(["render", str(pool), *SMALL]) == 0
    whole = contents(pool)
    (pool / "images.npy").write_bytes(b"half")
    (pool / "unfinished_K.npy").write_bytes(b"of an interrupted run")
    assert main(["render", str(pool), *SMALL, "--overwrite"]) == 0
    assert contents(pool)["images.npy"] == whole["images.npy"] and contents(pool).keys() == whole.keys()


@pytest.mark.parametrize("rule", [[], ["--overwrite"]])
@pytest.mark.parametrize("name", ["images.npy", "labels.npz", "meta.json"])
def test_files_that_are_no_pool_stay(tmp_path, capsys, name, rule):
    for content in (b"precious", b'{"count": 3}'):
        (tmp_path / name).write_bytes(content)
        says = refused(capsys, "render", tmp_path, *SMALL, *rule)
        assert f"{name} exists and belongs to no pool of renders: give an empty folder" in says
        assert contents(tmp_path) == {name: content}


@pytest.mark.parametrize("out", ["pool", "sheet.png"])
@pytest.mark.parametrize(
    "options, says",
    [
        (["--seed", "-1"], "--seed is -1, must be 0 or more"),
        (["--count", "0"], "--count is 0, must be 1 or more"),
        (["--workers", "0"], "--workers is 0, must be 1 or more"),
        (["--size", "8"], "width and height must be 32 to 4096"),
        (["--backgrounds", "empty"], "contains no photos"),
        (["--backgrounds", ""], "argument --backgrounds: is empty (unset shell variable?)"),
    ],
)
def test_wrong_arguments_leave_nothing_behind(tmp_path, capsys, monkeypatch, out, options, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert says in refused(capsys, "render", out, *SMALL, *options)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_the_name_of_a_folder_may_end_in_a_number(tmp_path, capsys):
    for name in ("pool.pgn", "2024.01.02.gif"):
        assert f"render writes a folder or a .png, got {tmp_path / name}" in refused(capsys, "render", tmp_path / name)
    file = write_image(tmp_path / "x.png", np.zeros((8, 8, 3), np.uint8)).rename(tmp_path / "x_0.5")
    assert "render writes a folder or a .png" in refused(capsys, "render", file)
    assert main(["render", str(tmp_path / "2024.01.02"), *SMALL]) == 0
    assert "labels.npz" in contents(tmp_path / "2024.01.02")


def test_a_worker_that_is_killed_ends_the_command_and_a_rerun_continues(tmp_path):
    argv = ["render", str(tmp_path / "pool"), "--count", "120", "--size", "64", "--workers", "2"]
    command = [sys.executable, "-m", "handos_model.cli", *argv]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        done = tmp_path / "pool" / "unfinished_done.npy"
        while process.poll() is None and not (done.exists() and np.load(done).any()):
            time.sleep(0.05)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        worker = next(child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes())
        os.kill(int(worker), signal.SIGKILL)
        error = process.communicate(timeout=60)[1]
    assert process.returncode == 2 and "Traceback" not in error
    assert "a process that renders was killed" in error
    assert main(argv) == 0


def test_ctrl_c_ends_the_workers_after_a_frame(tmp_path):
    argv = ["render", str(tmp_path / "pool"), "--count", "200", "--size", "1024", "--workers", "2"]
    with subprocess.Popen([sys.executable, "-m", "handos_model.cli", *argv], stderr=subprocess.PIPE, text=True) as run:
        done = tmp_path / "pool" / "unfinished_done.npy"
        while run.poll() is None and not (done.exists() and np.load(done).any()):
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        error = run.communicate(timeout=120)[1]
    assert run.returncode == 130 and "Traceback" not in error
    assert np.load(done).sum() < 50  # less than a chunk


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs /dev/shm")
def test_a_pool_without_room_is_refused_before_a_frame_is_rendered(capsys):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        count = shutil.disk_usage(folder).total // (4096 * 4096 * 3) + 1
        says = refused(capsys, "render", Path(folder, "pool"), "--count", count, "--size", 4096)
        assert "images.npy: No space left on device" in says and not list(Path(folder, "pool").iterdir())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_a_compiler_drops_is_no_error_of_the_program(tmp_path, capsys, monkeypatch, number):
    def compiled(*_):
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(number))()  # ctypes drops what it raises, as in Numba
        raise RuntimeError("no compiled object yet")

    monkeypatch.setattr("handos_model.synthetic.pool_writer.render_hands", compiled)
    before = signal.getsignal(number)
    assert main(["render", str(tmp_path / "pool"), *SMALL]) == 130
    assert signal.getsignal(number) is before
    assert capsys.readouterr().err.endswith("handos: interrupted\n")
