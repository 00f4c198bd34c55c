"""Large files of labels: parsed by one process, mapped by the others."""

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from small_disk import small_disk

from handos_model.data import parsed as parsed_module
from handos_model.data.dataset_files import read_array
from handos_model.data.parsed import LARGE, parsed


@pytest.fixture(autouse=True)
def small_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr(parsed_module, "LARGE", 10)
    monkeypatch.setenv("HANDOS_CACHE", str(tmp_path / "cache"))


def count_and_parse(folder: Path) -> dict:
    (folder / f"parsed_by_{os.getpid()}").touch()
    return {"numbers": np.arange(5.0)}


def use(folder: Path, start) -> None:
    start.wait()
    arrays = parsed(folder / "labels.json", lambda: count_and_parse(folder), "here")
    assert arrays["numbers"].tolist() == [0, 1, 2, 3, 4]


def test_of_processes_that_come_together_one_parses(tmp_path):
    (tmp_path / "labels.json").touch()
    os.truncate(tmp_path / "labels.json", LARGE)
    context = multiprocessing.get_context("spawn")  # pytest has threads, with which no process should fork
    start = context.Event()
    processes = [context.Process(target=use, args=(tmp_path, start)) for _ in range(4)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(list(tmp_path.glob("parsed_by_*"))) == 1


def test_arrays_are_mapped_and_a_changed_file_is_parsed_again(tmp_path):
    path = tmp_path / "xyz.json"
    path.write_text(json.dumps([[[1, 2, 3]]] * 4))
    first, second = read_array(path, (1, 3)), read_array(path, (1, 3))
    assert isinstance(second, np.memmap) and not second.flags.writeable
    assert first.shape == (4, 1, 3) and second.dtype == np.float32 and np.array_equal(first, second)
    path.write_text(json.dumps([[[7, 8, 9]]] * 5))
    assert read_array(path, (1, 3)).tolist() == [[[7, 8, 9]]] * 5


def test_small_missing_and_damaged_files_and_a_cache_that_cannot_be(tmp_path, monkeypatch):
    path = tmp_path / "xyz.json"
    path.write_text('[[[1, "two", 3]]]')
    with pytest.raises(ValueError, match="xyz.json must hold numbers"):
        read_array(path, (1, 3))
    with pytest.raises(FileNotFoundError, match="no file .*none.json"):
        read_array(tmp_path / "none.json", (1, 3))
    path.write_text("[[[1, 2, 3]]]")
    monkeypatch.setenv("HANDOS_CACHE", "/proc/none")
    assert read_array(path, (1, 3)).tolist() == [[[1, 2, 3]]]
    monkeypatch.setattr(parsed_module, "LARGE", 10**9)
    monkeypatch.setenv("HANDOS_CACHE", str(tmp_path / "other"))
    assert read_array(path, (1, 3)).tolist() == [[[1, 2, 3]]] and not (tmp_path / "other").exists()


def test_on_a_full_disk_every_process_parses_and_nothing_is_left(tmp_path):
    path = tmp_path / "xyz.json"
    path.write_text(json.dumps([[[1, 2, 3]]] * 40_000))
    with small_disk(10_000):
        for _ in range(2):
            assert read_array(path, (1, 3)).shape == (40_000, 1, 3)
    assert {file.suffix for file in (tmp_path / "cache").iterdir()} == {".lock"}
    assert isinstance(read_array(path, (1, 3)), np.memmap)
