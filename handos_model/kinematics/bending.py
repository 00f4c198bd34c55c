"""How far a bone turns to come nearest to given axes, within limits, in closed form and plain numbers.

Turns are, in this order, abduction about y, flexion about -x and twist about z: the rotation is Ry @ Rx @ Rz. The turn
about one axis that brings a rotation nearest to a matrix (by maximising the trace) is an arc tangent; for several axes,
each turn is found while the others stay fixed. Plain numbers are used since NumPy takes several times as long for five
fingers.
"""

from __future__ import annotations

from math import atan2, cos, pi, sin

Matrix = list[list[float]]
Limits = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""Lowest and highest turn in rad about y, x and z."""


def bend(a: Matrix, limits: Limits) -> tuple[list[float], Matrix]:
    """Turns about y, x and z in rad, and their rotation, for axes in the columns of `a`, which is nearly a rotation."""
    about_y, about_x, about_z = limits
    if about_y[0] == about_y[1] and about_z[0] == about_z[1]:
        x = _within(atan2(a[2][1] - a[1][2], a[1][1] + a[2][2]), about_x)
        return [0.0, x, 0.0], _rotation(0.0, x, 0.0)
    if about_z[0] == about_z[1]:
        y, z = _within(atan2(-a[2][0], a[0][0]), about_y), 0.0
    else:  # a thumb's metacarpal, which never lies across
        y, z = _within(atan2(a[0][2], a[2][2]), about_y), _within(atan2(a[1][0], a[1][1]), about_z)
    c, s = cos(y), sin(y)
    m = _times_z(_y_times(a, c, -s), -z)
    x = _within(atan2(m[2][1] - m[1][2], m[1][1] + m[2][2]), about_x)
    m = _times_x(_times_z(a, -z), -x)
    y = _within(atan2(m[0][2] - m[2][0], m[0][0] + m[2][2]), about_y)
    if about_z[0] < about_z[1]:
        m = _x_times(_y_times(a, cos(y), -sin(y)), cos(x), -sin(x))
        z = _within(atan2(m[1][0] - m[0][1], m[0][0] + m[1][1]), about_z)
    return [y, x, z], _rotation(y, x, z)


def _within(angle: float, limits: tuple[float, float]) -> float:
    """The angle itself, or the nearer end of its range."""
    low, high = limits
    middle = (low + high) / 2
    half = high - middle
    off = (angle - middle + pi) % (2 * pi) - pi
    return middle + max(-half, min(half, off))


def _rotation(y: float, x: float, z: float) -> Matrix:
    cy, sy, cx, sx, cz, sz = cos(y), sin(y), cos(x), sin(x), cos(z), sin(z)
    return [
        [cy * cz + sy * sx * sz, sy * sx * cz - cy * sz, sy * cx],
        [cx * sz, cx * cz, -sx],
        [cy * sx * sz - sy * cz, sy * sz + cy * sx * cz, cy * cx],
    ]


def _y_times(a: Matrix, c: float, s: float) -> Matrix:
    """Ry @ a; c and s are cosine and sine of the turn."""
    upper, middle, lower = a
    return [
        [c * p + s * q for p, q in zip(upper, lower, strict=True)],
        middle,
        [c * q - s * p for p, q in zip(upper, lower, strict=True)],
    ]


def _x_times(a: Matrix, c: float, s: float) -> Matrix:
    """Rx @ a; c and s are cosine and sine of the turn."""
    upper, middle, lower = a
    return [
        upper,
        [c * p - s * q for p, q in zip(middle, lower, strict=True)],
        [s * p + c * q for p, q in zip(middle, lower, strict=True)],
    ]


def _times_x(a: Matrix, x: float) -> Matrix:
    """a @ Rx."""
    c, s = cos(x), sin(x)
    return [[p, c * q + s * r, c * r - s * q] for p, q, r in a]


def _times_z(a: Matrix, z: float) -> Matrix:
    """a @ Rz."""
    if z == 0:
        return a
    c, s = cos(z), sin(z)
    return [[c * p + s * q, c * q - s * p, r] for p, q, r in a]
