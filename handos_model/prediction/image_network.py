"""ImageNetwork: one graph, written by `handos export`, that finds all hands of a whole image at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handos_model.prediction.letterbox import letterbox, to_source, views_to_source
from handos_model.prediction.seen_hands import SeenHands
from handos_model.prediction.session import HandSession, SessionOptions


class ImageNetwork:
    """A graph of the paper's design. Raises what HandSession raises."""

    shrinkage = 1.0
    """As for ViewNetwork; such graphs are trained on joints that were measured."""

    def __init__(self, weights: Path, options: SessionOptions) -> None:
        self.weights = weights
        self._session = HandSession(weights, options.device, options.threads, options.spinning)
        self.metadata = self._session.metadata
        self.score_threshold = self._session.number("score_threshold")
        self.provider = self._session.provider

    @property
    def seconds(self) -> float:
        """Spent in ONNX Runtime so far."""
        return self._session.seconds

    def hands(self, image: np.ndarray, size: int, threshold: float, search: str, passes: int) -> SeenHands:
        """Distinct hands of one image whose score reaches the threshold, best first.

        size: px of its long edge. The graph sees the whole image at once, so search and passes have no effect.
        """
        del search, passes
        canvas, scale = letterbox(image, size)
        outputs = self._session.run(canvas)
        seen = SeenHands(
            scores=outputs["scores"],
            joints_2d=to_source(outputs["joints_2d"], scale),
            joint_confidence=outputs["joint_confidence"].clip(0, 1),
            joints_3d=outputs["joints_3d"],
            vertices=outputs["vertices"],
            views=views_to_source(outputs["view"], scale),
            translation=outputs["translation"],
            right=outputs["right"],
        ).finite()
        # The graph always decodes one candidate; if there is none, it has a score of 0.
        return seen.where((seen.scores >= threshold) & (seen.scores > 0)).distinct()
