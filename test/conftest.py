"""Fixtures that several test files ask for."""

import os
import signal
import sys

import pytest

for name in ("MAKEFLAGS", "MAKELEVEL"):  # of `make test`: the commands that tests run are not made by it
    os.environ.pop(name, None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background; programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

LEARNING = ("benchmarks", "network", "training")
"""Folders of tests of what no robot runs: they are not traced for coverage, which takes a quarter of their time."""


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name in LEARNING:
            item.add_marker("no_cover")


@pytest.fixture(scope="module")
def one_thread():
    """Small networks lose more by a second thread of torch than they gain."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_sessionfinish():
    """Lets go of torch's shared memory while torch is still there: at Python's end each piece would be a traceback."""
    if reductions := sys.modules.get("torch.multiprocessing.reductions"):
        reductions.shared_cache.clear()
