"""Fixtures of the tests of tracking."""

import pytest


@pytest.fixture
def watched(tmp_path):
    """A follower of discs, whose searches and views are counted."""
    from watched_follower import Watched

    return Watched(tmp_path)
