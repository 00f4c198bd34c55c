"""Fixtures that several test files ask for."""

import pytest


@pytest.fixture(scope="module")
def one_thread():
    """Small networks lose more by a second thread of torch than they gain."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
