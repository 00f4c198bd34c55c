"""Serialized messages, as the middleware hands them to a node."""

from __future__ import annotations

from typing import Any

from rclpy.serialization import deserialize_message

HEADER = 4
"""Bytes, of which the last says how many of the rest are padding."""


def parsed(data: bytes, kind: type) -> Any:
    """The message; ValueError for bytes that the middleware drops before a node hears of them."""
    if len(data) < HEADER or data[HEADER - 1] & 3 > len(data) - HEADER:
        raise ValueError("more padding than bytes, for which Fast CDR reads beyond the end: docs/reliability.md")
    try:
        return deserialize_message(data, kind)
    except Exception as error:
        raise ValueError(str(error).splitlines()[0]) from error
