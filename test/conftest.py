"""Fixtures that several test files ask for."""

import os
import signal
import sys

import pytest

for name in ("MAKEFLAGS", "MAKELEVEL"):  # of `make test`: the commands that tests run are not made by it
    os.environ.pop(name, None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background; programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEASURED = ("commands", "integration", "io", "prediction", "ros", "tracking")
"""Folders of tests of what coverage is about (pyproject.toml). Others are not traced: it takes a quarter more time."""
OF_NODES = ("integration", "ros")
"""Folders of tests whose processes are traced: other tests reach the same code without a process."""
PROCESSES = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage traces processes that tests start: it costs each of them a third of a second."""
TRACED = pytest.StashKey[str]()


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name not in MEASURED:
            item.add_marker("no_cover")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if traced := os.environ.pop(PROCESSES, None):
        item.config.stash[TRACED] = traced
    if item.path.parent.name in OF_NODES and (traced := item.config.stash.get(TRACED, None)):
        os.environ[PROCESSES] = traced


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
