"""BMP of Windows and OS/2."""

from __future__ import annotations

from handos_model.io.headers.promise import Promise, number

_PLAIN, _BIT_FIELDS = 0, 3  # entries without compression


def read(data: memoryview) -> Promise:
    """The size; a negative height means that rows run downwards."""
    first, header = number(data, 10, 4, "little"), number(data, 14, 4, "little")
    if header == 12:  # OS/2's
        width, height, bits = (number(data, at, 2, "little") for at in (18, 20, 24))
        compression = _PLAIN
    elif header >= 40:
        width, height = (number(data, at, 4, "little", signed=True) for at in (18, 22))
        bits, compression = number(data, 28, 2, "little"), number(data, 30, 4, "little")
    else:
        raise ValueError(f"its BMP has a header of {header} bytes")
    if bits not in (1, 2, 4, 8, 16, 24, 32) or first > len(data):
        raise ValueError(f"its BMP has {bits} bits per pixel, which begin at byte {first}")
    rows = (width * bits + 31) // 32 * 4
    return Promise(width, abs(height), first + rows * abs(height) if compression in (_PLAIN, _BIT_FIELDS) else 0)
