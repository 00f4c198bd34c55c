"""CDR: the bytes of a message as ROS 2 sends and records it, for a message whose objects would take longer than it."""

from __future__ import annotations

HEADER = b"\x00\x01\x00\x00"
"""Plain CDR, little endian (DDSI-RTPS 2.5, table 10.3): what every rmw of ROS 2 serialises to."""


class CdrWriter:
    """Appends the fields of a message one after another (CORBA 3.3, part 2, 9.3.1 and 9.3.2).

    A field is aligned to the size of its numbers, counted from behind the HEADER. Strings and sequences carry their
    length before them as a uint32, arrays of fixed length do not; structures add nothing of their own.
    """

    def __init__(self) -> None:
        self._data = bytearray(HEADER)

    def add(self, alignment: int, *fields: bytes) -> None:
        """The little-endian bytes of fields whose numbers have `alignment` bytes each."""
        self._data += bytes((len(HEADER) - len(self._data)) % alignment)
        for field in fields:
            self._data += field

    def finish(self) -> bytes:
        """The message, as rclpy's Publisher.publish takes it in place of an object."""
        return bytes(self._data)
