"""Bytes as damage and malice leave them."""

import numpy as np

EXTREMES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00" * 8, b"\xff" * 8)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A copy with up to 20 changes of one kind: random bytes, extreme numbers, a stretch lost, doubled, zeroed, cut."""
    out = bytearray(data)
    kind = rng.integers(6)
    if kind <= 2:
        for at in rng.integers(0, len(out), int(rng.integers(1, 21))):
            if kind == 0:
                out[at] = int(rng.integers(256))
            elif kind == 1:
                out[at] ^= 1 << int(rng.integers(8))
            else:
                number = EXTREMES[int(rng.integers(len(EXTREMES)))]
                out[at : at + len(number)] = number[: len(out) - at]
        return bytes(out)
    begin = int(rng.integers(0, len(out)))
    end = min(len(out), begin + int(rng.integers(1, 1 + len(out) // 4)))
    if kind == 3:
        return bytes(out[:begin] + out[end:])
    if kind == 4:
        return bytes(out[:end] + out[begin:])
    out[begin:end] = bytes(end - begin)
    return bytes(out)
