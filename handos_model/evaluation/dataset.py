"""Scores a predictor on a published data set as the paper does, and on what the paper leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from handos_model.data.registry import Dataset
from handos_model.evaluation import metrics
from handos_model.evaluation.detection import COCO_IOUS, ImageDetections, average_precision, recall
from handos_model.evaluation.hand_errors import HandErrors, hand_errors, hand_figures
from handos_model.evaluation.own_sets import Predictor, predict, progress, spread
from handos_model.evaluation.scoring import MATCH_IOU, RECALL_IOU, Figures, label_overlaps
from handos_model.evaluation.sequences import Sequences
from handos_model.evaluation.submission import Submission
from handos_model.hand import Hand
from handos_model.template.hand_template import HandTemplate


class MeshPredictor(Predictor, Protocol):
    """A predictor that says whose vertices its meshes have."""

    template: HandTemplate


def evaluate_dataset(
    dataset: Dataset, predictor: MeshPredictor, limit: int | None = None, submission: Submission | None = None
) -> dict[str, Any]:
    """{"images": count, "figures": {...}, "absent": {what: why}}: see hand_figures, Sequences.figures and _boxes.

    limit: only that many images, evenly spread. submission: takes the best hand of every image, in order. A hand whose
    labelled joints span no box is left out: it can't be told which prediction is about it. Raises ValueError for a
    limit below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}, must be 1 or more")
    errors: list[HandErrors] = []
    images: list[ImageDetections] = []
    complete: list[ImageDetections] = []
    sequences = Sequences()
    meshes: set[str] = set()
    chosen = spread(range(len(dataset)), limit)
    for index in progress(chosen, "images"):
        sample = dataset[index]
        hands = predict(predictor, sample)
        if submission is not None:
            submission.add(max(hands, key=lambda hand: hand.score, default=None))
        iou = label_overlaps(hands, sample)
        ignore = sample.ignore | _without_box(sample.joints_2d)
        found = _found(hands, iou)
        frame = dataset.frame(index)
        for i in np.flatnonzero(~ignore):
            errors.append(hand_errors(found[i], sample, i, predictor.template.name))
            if frame is not None:
                sequences.add(*frame, sample, i, found[i])
        images.append(ImageDetections(np.array([hand.score for hand in hands]), iou, ignore))
        if sample.complete:
            complete.append(images[-1])
        if sample.has_vertices.any():
            meshes.add(sample.template)
    figures = hand_figures(errors) | _boxes(images, complete) | sequences.figures()
    return {"images": len(chosen), "figures": figures, "absent": _absent(figures, meshes, predictor.template.name)}


def _without_box(joints_2d: np.ndarray) -> np.ndarray:
    """Which of joints (n, 21, 3) have labelled ones that span no box: none, or all in one row or column."""
    labelled = [joints[joints[:, 2] > 0, :2] for joints in joints_2d]
    return np.array([len(joints) == 0 or np.ptp(joints, axis=0).min() == 0 for joints in labelled], bool)


def _found(hands: Sequence[Hand], iou: np.ndarray) -> list[Hand | None]:
    """What was found of each label of `iou` (n, len(hands))."""
    return [None if k < 0 else hands[k] for k in metrics.match(iou, MATCH_IOU)]


def _boxes(images: Sequence[ImageDetections], complete: Sequence[ImageDetections]) -> Figures:
    """COCO's box_ap, box_ap50 over images that list all their hands, recall over all; boxes are those of the joints."""
    precisions = [average_precision(complete, iou) for iou in COCO_IOUS]
    figures = {"box_ap": float(np.mean(precisions)), "box_ap50": precisions[0], "recall": recall(images, RECALL_IOU)}
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _absent(figures: Figures, meshes: set[str], template: str) -> dict[str, str]:
    """Why figures are missing; `meshes`: the templates that labels have vertices of."""
    other = f"the labels' mesh is that of {', '.join(sorted(meshes))}, the predictor's that of {template}"
    reasons = {
        "pck_2d": "no hand has labelled joints",
        "pck_2d_visible": "no joint is labelled as seen",
        "pck_2d_occluded": "no joint is labelled as not seen",
        "box_ap": "no image with hands lists all of them",
        "side": "no hand was found whose side is known",
        "pa_mpjpe": "no hand has a 3D label",
        "pa_mpvpe": other if meshes else "no hand has a labelled mesh",
        "absolute_mpjpe": "no hand was found whose label is in the frame of a calibrated camera",
        "jitter_2d": "no hand was found in three successive frames of a video",
        "bone_spread": "no hand was found in two frames of a video",
    }
    present = {name.partition("@")[0] for name in figures}
    return {name: reason for name, reason in reasons.items() if name not in present}
