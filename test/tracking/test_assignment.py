"""The assignment against trying everything."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from handos_model.tracking.assignment import assign


def least_cost(costs: np.ndarray) -> float:
    """The least cost of all ways to pair rows and columns, leaving out included."""
    rows, columns = costs.shape
    padded = np.pad(np.minimum(costs, 0), ((0, 0), (0, rows)))
    choices = permutations(range(columns + rows), rows)
    return min(sum(padded[row, column] for row, column in enumerate(choice)) for choice in choices)


def test_as_good_as_trying_everything() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        costs = rng.normal(-0.2, 1, rng.integers(1, 5, 2))
        costs = costs.round() if rng.random() < 0.3 else costs  # with ties
        pairs = assign(costs.tolist())
        assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
        assert all(costs[pair] < 0 for pair in pairs)
        assert sum(costs[pair] for pair in pairs) == pytest.approx(least_cost(costs))


def test_the_cheapest_pair_is_not_always_taken() -> None:
    assert assign([[-9.0, -8.0], [-8.0, -1.0]]) == [(0, 1), (1, 0)]


def test_pairs_that_cost_are_left_out() -> None:
    assert assign([[0.5, -1.0], [0.0, 2.0]]) == [(0, 1)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_pair(shape: tuple[int, int]) -> None:
    assert assign(np.zeros(shape).tolist()) == []
