"""How well boxes of hands are found: average precision and recall as COCO counts them (cocodataset.org, 'bbox')."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COCO_IOUS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100
"""Number of detections per image, the best by score: COCO ignores the others."""

_WRONG, _RIGHT, _IGNORED = 0, 1, -1


@dataclass(frozen=True)
class ImageDetections:
    """The boxes found in one image, compared with those that are there."""

    scores: np.ndarray  # (M,) of what was found
    iou: np.ndarray  # (N, M) of labels and what was found
    ignore: np.ndarray  # (N,) bool: what is found there is neither right nor wrong


def average_precision(images: Sequence[ImageDetections], iou: float) -> float:
    """Mean precision, 0 to 1, at 101 levels of recall; a box counts as found if the overlap is at least `iou`.

    COCO's AP is the mean of this over COCO_IOUS. NaN if no label counts.
    """
    labels, scores, verdicts = _judge(images, iou)
    if not labels:
        return float("nan")
    verdicts = verdicts[np.argsort(-scores, kind="stable")]
    right = np.cumsum(verdicts == _RIGHT)
    precision = right / np.maximum(right + np.cumsum(verdicts == _WRONG), 1)
    best_from_here = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)  # beyond the last recall: 0
    return float(best_from_here[np.searchsorted(right / labels, RECALL_POINTS)].mean())


def box_figures(images: Sequence[ImageDetections], name: str) -> dict[str, float]:
    """COCO's AP, and that at an overlap of 0.5 as name + "50"; empty where no label counts."""
    precisions = [average_precision(images, iou) for iou in COCO_IOUS]
    return {} if np.isnan(precisions[0]) else {name: float(np.mean(precisions)), f"{name}50": precisions[0]}


def recall(images: Sequence[ImageDetections], iou: float) -> float:
    """Share of the labels that are found with an overlap of `iou` or more. NaN where no label counts."""
    labels, _, verdicts = _judge(images, iou)
    return float((verdicts == _RIGHT).sum() / labels) if labels else float("nan")


def _judge(images: Sequence[ImageDetections], iou: float) -> tuple[int, np.ndarray, np.ndarray]:
    """The number of labels that count, and scores and verdicts of all detections."""
    labels = sum(int((~image.ignore).sum()) for image in images)
    judged = [_judge_image(image, iou) for image in images]
    scores = np.concatenate([np.zeros(0), *(scores for scores, _ in judged)])
    verdicts = np.concatenate([np.zeros(0, int), *(verdicts for _, verdicts in judged)])
    return labels, scores, verdicts


def _judge_image(image: ImageDetections, iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Assigns each detection, best score first, the free label that it overlaps most; ignored labels come last."""
    order = np.argsort(-image.scores, kind="stable")[:MAX_DETECTIONS]
    free = np.ones(len(image.ignore), bool)
    verdicts = np.full(len(order), _WRONG)
    for k, detection in enumerate(order):
        near = free & (image.iou[:, detection] >= iou)
        candidates = np.flatnonzero(near & ~image.ignore)
        if not len(candidates):
            candidates = np.flatnonzero(near & image.ignore)
        if len(candidates):
            label = candidates[image.iou[candidates, detection].argmax()]
            free[label] = False
            verdicts[k] = _IGNORED if image.ignore[label] else _RIGHT
    return image.scores[order], verdicts
