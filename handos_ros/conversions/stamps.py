"""Converts the stamps of messages."""

from __future__ import annotations

from builtin_interfaces.msg import Time

from handos_model.io.frame import SECOND


def nanoseconds(stamp: Time) -> int:
    """Nanoseconds, exactly."""
    return stamp.sec * SECOND + stamp.nanosec


def seconds(stamp: Time) -> float:
    """Seconds, to about 0.2 µs: a float cannot tell stamps of today's date apart any better."""
    return stamp.sec + stamp.nanosec * 1e-9


def stamp_of(nanoseconds: int) -> Time:
    """The stamp at a number of nanoseconds."""
    return Time(sec=nanoseconds // SECOND, nanosec=nanoseconds % SECOND)
