"""The views from which stages see and find learn."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shares:
    """Shares of a batch, relative to their sum."""

    renders: float = 0.50
    photos: float = 0.28
    beside: float = 0.12  # places of renders that show no hand
    backgrounds: float = 0.10

    def counts(self, total: int) -> tuple[int, int, int, int]:
        """How many of each in a batch of `total`."""
        parts = (self.renders, self.photos, self.beside, self.backgrounds)
        ends = [round(total * sum(parts[: i + 1]) / sum(parts)) for i in range(len(parts))]
        renders, photos, beside, backgrounds = (end - begin for begin, end in zip([0, *ends], ends, strict=False))
        return renders, photos, beside, backgrounds


@dataclass(frozen=True)
class Views:
    """The views that stages see and find learn from."""

    shares: Shares = field(default_factory=Shares)
    cache: str = ""  # folder of the frozen features of views, made where missing; "" cuts views as they are needed
    cached: int = 60_000  # views in it
    piece: int = 8_192  # renders in memory at a time
    agreement: bool = False  # photos' labels are the mean of what the foundation says over moved views
    finder: str = ""  # checkpoint of a stage find, whose false places become views without a hand; "" for none
    dropout: float = 0.0  # share of the foundation's features that are hidden in training
