"""The best way to pair a handful of rows with a handful of columns."""

from __future__ import annotations

import math


def assign(costs: list[list[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost; only pairs of negative cost are made.

    costs: R rows of C finite numbers. The result is exact, found by shortest augmenting paths (the Hungarian method,
    O(R^2 (R + C))). Taking the cheapest pair first would go wrong where hands cross, since a good first pair can leave
    bad ones for the others.
    """
    if not costs or not costs[0]:
        return []
    # Every row gets an extra column at no cost, so each row has a place, and being left out is one of its choices.
    table = [[min(cost, 0.0) for cost in row] + [0.0] * len(costs) for row in costs]
    pairs = ((row, column) for column, row in enumerate(_owners(table)[: len(costs[0])]) if row >= 0)
    return sorted((row, column) for row, column in pairs if costs[row][column] < 0)


def _owners(table: list[list[float]]) -> list[int]:
    """The row of each column, or -1, in the cheapest assignment of all rows; needs at least as many columns as rows."""
    columns = len(table[0])
    owner = [-1] * columns
    row_price, column_price = [0.0] * len(table), [0.0] * columns
    for start in range(len(table)):
        distance, before = [math.inf] * columns, [-1] * columns
        done: list[int] = []
        ahead = list(range(columns))
        row, last = start, -1
        while row >= 0:  # until the nearest column has no owner
            reached = distance[last] if last >= 0 else 0.0
            for column in ahead:
                there = reached + table[row][column] - row_price[row] - column_price[column]
                if there < distance[column]:
                    distance[column], before[column] = there, last
            last = min(ahead, key=lambda column: (distance[column], owner[column]))  # of equals, one without an owner
            ahead.remove(last)
            done.append(last)
            row = owner[last]
        row_price[start] += distance[last]
        for column in done[:-1]:
            row_price[owner[column]] += distance[last] - distance[column]
            column_price[column] -= distance[last] - distance[column]
        while last >= 0:  # along the path, every column takes the owner of the one before
            owner[last] = owner[before[last]] if before[last] >= 0 else start
            last = before[last]
    return owner
