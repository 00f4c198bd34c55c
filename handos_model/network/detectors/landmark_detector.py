"""The hand landmark network behind the detector's interface: an image is one view of one hand, its only instance.

At the paper's scale, one DETR finds hands and feeds the decoder. On a robot's CPU these are separate: a finder says
where hands are, and this foundation, which knows hands, sees each of them again at 224 px.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from handos_model.hand import JOINTS
from handos_model.network.detectors.detector import Detection, Detector
from handos_model.network.hand_landmarks import (
    CHANNELS,
    LANDMARK_WEIGHTS,
    STRIDES,
    VECTOR,
    HandLandmarkNetwork,
    LandmarkFeatures,
)
from handos_model.network.instances import HAND_BOX_PER_VIEW, at_points
from handos_model.prediction.views import SIZE

MAPS = slice(1, None)  # the map of stride 4 is left out: it knows edges, not hands
QUERY = (VECTOR, 3 * JOINTS, 1, 1)  # the vector, world landmarks, the logits of presence and of a right hand


class LandmarkDetector(Detector):
    """Views of 224 px as images, each with one instance, whose box is that of an average hand in its view.

    An instance's query is the network's vector with its world landmarks and logits: see :data:`QUERY`.
    """

    backbone_channels = CHANNELS[MAPS]
    backbone_strides = STRIDES[MAPS]
    memory_channels = CHANNELS[MAPS]
    memory_strides = STRIDES[MAPS]
    query_size = sum(QUERY)
    size = SIZE
    max_hands = 1
    fixed = example = (SIZE, SIZE)

    def __init__(self, weights: Path = LANDMARK_WEIGHTS) -> None:
        super().__init__()
        self.network = HandLandmarkNetwork(weights)
        self.freeze()

    @classmethod
    def from_source(cls, source: str, target: str = "hand", memory_layer: int | None = None) -> LandmarkDetector:
        """source: an .npz file, by default the embedded one. Raises ValueError for other options, which it lacks."""
        if target != "hand" or memory_layer is not None:
            raise ValueError(
                f"the landmarks detector has no options: leave out target={target!r}, memory_layer={memory_layer}"
            )
        return cls(Path(source) if source else LANDMARK_WEIGHTS)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Detection:
        """images: float views (B, 3, 224, 224) RGB in 0..1."""
        seen = self.network(images)
        return self.detected(replace(seen, maps=seen.maps[MAPS]))

    def detected(self, seen: LandmarkFeatures) -> Detection:
        """The detection from the output of the network, or of another last stage, with maps at `memory_strides`."""
        query = torch.cat([seen.vector, seen.world.flatten(1), seen.presence[:, None], seen.right[:, None]], 1)
        maps, points = list(seen.maps), seen.landmarks[:, None, :, :2]
        return self.detection(maps, query[:, None], points, at_points(maps, points, self.memory_strides))

    def detection(self, maps: list[Tensor], queries: Tensor, points: Tensor, seen: Tensor) -> Detection:
        """The detection in views: maps (B, C, h, w), queries (B, 1, D), points (B, 1, 21, 2) px, seen (B, 1, 21, C).

        Without maps, it suffices for a decoder that does not look at them.
        """
        batch, device = len(queries), queries.device
        half = HAND_BOX_PER_VIEW * SIZE / 2
        box = torch.tensor([-half, -half, half, half], device=device) + (SIZE - 1) / 2
        return Detection(
            backbone=maps,
            memory=maps,
            boxes=box.expand(batch, 1, 4),
            scores=torch.ones(batch, 1, device=device),  # the decoder decides whether a view shows a hand
            backbone_strides=self.backbone_strides,
            memory_strides=self.memory_strides,
            queries=queries,
            keypoints=points,
            seen=seen,
        )


def landmark_detector(detector: Detector, user: str) -> LandmarkDetector:
    """The detector as what it must be for `user`, words such as "stage see"; ValueError if it is another."""
    if not isinstance(detector, LandmarkDetector):
        raise ValueError(
            f"{user} needs the landmark network, got {type(detector).__name__}: set the recipe's detector to kind "
            "landmarks"
        )
    return detector
