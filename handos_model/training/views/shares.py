"""What a batch of training views is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shares:
    """What a batch is made of, relative to their sum."""

    renders: float = 0.50
    photos: float = 0.28
    beside: float = 0.12  # places of renders that show no hand
    backgrounds: float = 0.10

    def counts(self, total: int) -> tuple[int, int, int, int]:
        """How many of each in a batch of `total`."""
        parts = (self.renders, self.photos, self.beside, self.backgrounds)
        ends = [round(total * sum(parts[: i + 1]) / sum(parts)) for i in range(len(parts))]
        return tuple(end - begin for begin, end in zip([0, *ends], ends, strict=False))
