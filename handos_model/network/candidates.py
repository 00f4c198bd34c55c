"""Where hands may be: the instances of a frozen detector that knows hands, and those of them that are decoded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handos_model.network.detectors.detector import Detection
from handos_model.network.instances import HAND_BOX_PER_VIEW, Instances, box_views


@dataclass(frozen=True)
class Candidates:
    """Q places per image that may show a hand. Pixels are those of the detector's input."""

    boxes: Tensor  # (B, Q, 4) xyxy px
    points: Tensor  # (B, Q, P, 2) px
    scores: Tensor  # (B, Q) 0..1
    queries: Tensor  # (B, Q, D)

    @property
    def views(self) -> Tensor:
        """(B, Q, 4): see instances.Instances."""
        return box_views(self.boxes)

    def of(self, rows: Tensor) -> Candidates:
        """The candidates of some of the images, rows (n,)."""
        return Candidates(self.boxes[rows], self.points[rows], self.scores[rows], self.queries[rows])

    def at(self, indices: Tensor, boxes: Tensor) -> Candidates:
        """Only the candidates `indices` (B, N), each moved into one of `boxes` (B, N, 4) xyxy px."""
        rows = torch.arange(len(indices), device=indices.device)[:, None]
        return Candidates(boxes, self.points[rows, indices], self.scores[rows, indices], self.queries[rows, indices])

    def take(self, indices: Tensor, detection: Detection) -> Instances:
        """The candidates at `indices` (B, N) in images with this detection."""
        rows = torch.arange(len(indices), device=indices.device)[:, None]
        boxes = self.boxes[rows, indices]
        views = box_views(boxes)
        extents = (boxes[..., 2:] - boxes[..., :2]) / (HAND_BOX_PER_VIEW * views[..., 2:3])
        return Instances(
            self.queries[rows, indices], views, extents, self.points[rows, indices], detection.seen[rows, indices]
        )


def own_candidates(detection: Detection) -> Candidates:
    """The instances of a detector."""
    return Candidates(detection.boxes.float(), detection.keypoints, detection.scores.float(), detection.queries)
