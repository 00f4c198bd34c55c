"""Fixtures that the tests of training share."""

from collections.abc import Iterator

import pytest

from handos_model.data.registry import DATASETS


@pytest.fixture(autouse=True)
def no_data_set_is_left() -> Iterator[None]:
    """Takes away the data set that small_run.of_uneven registers: other tests count what there is."""
    yield
    DATASETS.pop("uneven", None)
