"""Fixtures that the tests of training share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from handos_model.data.registry import DATASETS


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> Path:
    """A pool of a few renders."""
    from small_run import write_small_pool  # numba

    return write_small_pool(tmp_path_factory.mktemp("pool"))


@pytest.fixture(autouse=True)
def no_data_set_is_left() -> Iterator[None]:
    """Takes away the data set that small_run.of_uneven registers: other tests count what there is."""
    yield
    DATASETS.pop("uneven", None)
