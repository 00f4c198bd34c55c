"""Scores a predictor on a published data set as the paper does, and on what the paper leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from handos_model.data.registry import Dataset
from handos_model.data.sample import Sample
from handos_model.evaluation import metrics
from handos_model.evaluation.detection import MAX_DETECTIONS, ImageDetections, box_figures, recall
from handos_model.evaluation.hand_errors import HandErrors, hand_errors, hand_figures
from handos_model.evaluation.own_sets import Predictor, predict, progress, spread
from handos_model.evaluation.paper.whole_image import BoxPredictor
from handos_model.evaluation.scoring import MATCH_IOU, RECALL_IOU, Figures, label_overlaps
from handos_model.evaluation.sequences import Sequences
from handos_model.evaluation.submission import Submission
from handos_model.hand import Hand
from handos_model.template.hand_template import HandTemplate


class MeshPredictor(Predictor, Protocol):
    """A predictor that says whose vertices its meshes have."""

    template: HandTemplate


@dataclass
class Findings:
    """Findings in one data set, image by image. template: that of the predictor's meshes, None without meshes."""

    template: str | None
    given_boxes: bool
    errors: list[HandErrors] = field(default_factory=list)
    images: list[ImageDetections] = field(default_factory=list)
    complete: list[ImageDetections] = field(default_factory=list)
    sequences: Sequences = field(default_factory=Sequences)
    meshes: set[str] = field(default_factory=set)

    def add(self, sample: Sample, hands: Sequence[Hand], frame: tuple[str, int] | None) -> None:
        """Adds the hands of one image; with given boxes, one for each hand that counts, in the order of the labels."""
        ignore = left_out(sample)
        counted: list[int] = np.flatnonzero(~ignore).tolist()
        if self.given_boxes:
            found: list[Hand | None] = [None] * len(ignore)
            for i, hand in zip(counted, hands, strict=True):
                found[i] = hand
        else:
            iou = label_overlaps(hands, sample)
            found = _found(hands, iou)
            self.images.append(ImageDetections(np.array([hand.score for hand in hands]), iou, ignore))
            if sample.complete:
                self.complete.append(self.images[-1])
        for i in counted:
            self.errors.append(hand_errors(found[i], sample, i, self.template))
            if frame is not None:
                self.sequences.add(*frame, sample, i, found[i])
        if sample.has_vertices.any():
            self.meshes.add(sample.template)

    def figures(self) -> Figures:
        """See hand_figures, Sequences.figures and _boxes."""
        boxes = {} if self.given_boxes else _boxes(self.images, self.complete)
        sequences = self.sequences.figures()
        if self.template is None:
            sequences = {name: value for name, value in sequences.items() if "3d" not in name}
        return hand_figures(self.errors) | boxes | sequences


def evaluate_dataset(
    dataset: Dataset,
    predictor: MeshPredictor,
    limit: int | None = None,
    submission: Submission | None = None,
    given_boxes: bool = False,
) -> dict[str, Any]:
    """{"images": count, "figures": {...}, "absent": {what: why}}: see Findings.figures.

    limit: only that many images, evenly spread. submission: receives the best hand of every image, in order.
    given_boxes: the predictor, a BoxPredictor, is given the boxes of the hands (paper, Table X). A hand whose labelled
    joints span no box is left out: no prediction can be matched to it. ValueError for a limit below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}, must be 1 or more")
    flat = getattr(predictor, "flat", False)
    findings = Findings(None if flat else predictor.template.name, given_boxes)
    chosen = spread(range(len(dataset)), limit)
    for index in progress(chosen, "images"):
        sample = dataset[index]
        if given_boxes:
            assert isinstance(predictor, BoxPredictor)
            boxes = sample.hand_boxes()[~left_out(sample)]
            hands = predictor.predict_boxes(sample.image, boxes, sample.camera) if len(boxes) else []
        else:
            hands = predict(predictor, sample)
        if submission is not None:
            submission.add(max(hands, key=lambda hand: hand.score, default=None))
        findings.add(sample, hands, dataset.frame(index))
    figures = findings.figures()
    return {"images": len(chosen), "figures": figures, "absent": _absent(figures, findings)}


def evaluate_detector(dataset: Dataset, detector: BoxPredictor, limit: int | None = None) -> dict[str, Any]:
    """COCO's AP of the detector's own boxes against the data set's, as evaluate_dataset gives its figures.

    The paper measures hands of COCO val2017. Pictures without a labelled hand are not in the data set, and hands that
    the annotators could not label count as false if they are found.
    """
    images = []
    chosen = spread(range(len(dataset)), limit)
    for index in progress(chosen, "images"):
        sample = dataset[index]
        boxes, scores = detector.detections(sample.image)
        best = np.argsort(-scores, kind="stable")[:MAX_DETECTIONS]
        iou = metrics.box_iou(sample.hand_boxes(), boxes[best])
        images.append(ImageDetections(scores[best], iou, sample.ignore))
    figures = box_figures(images, "detector_ap")
    absent = {} if figures else {"detector_ap": "no image shows a labelled hand"}
    return {"images": len(chosen), "figures": figures, "absent": absent}


def left_out(sample: Sample) -> np.ndarray:
    """Which hands (n,) do not count: those to be ignored, and those whose labelled joints span no box."""
    return sample.ignore | _without_box(sample.joints_2d)


def _without_box(joints_2d: np.ndarray) -> np.ndarray:
    """Which of joints (n, 21, 3) span no box: no joint is labelled, or all of them are in one row or column."""
    labelled = [joints[joints[:, 2] > 0, :2] for joints in joints_2d]
    return np.array([len(joints) == 0 or np.ptp(joints, axis=0).min() == 0 for joints in labelled], bool)


def _found(hands: Sequence[Hand], iou: np.ndarray) -> list[Hand | None]:
    """The hand that was found for each label of `iou` (n, len(hands))."""
    return [None if k < 0 else hands[k] for k in metrics.match(iou, MATCH_IOU)]


def _boxes(images: Sequence[ImageDetections], complete: Sequence[ImageDetections]) -> Figures:
    """COCO's box_ap, box_ap50 over images that list all their hands, recall over all; boxes are those of the joints."""
    found = recall(images, RECALL_IOU)
    return box_figures(complete, "box_ap") | ({} if np.isnan(found) else {"recall": found})


def _absent(figures: Figures, findings: Findings) -> dict[str, str]:
    """Why figures are missing."""
    meshes = ", ".join(sorted(findings.meshes))
    other = f"the labels' mesh is that of {meshes}, the predictor's that of {findings.template}"
    reasons = {
        "pck_2d": "no hand has labelled joints",
        "pck_2d_visible": "no joint is labelled as seen",
        "pck_2d_occluded": "no joint is labelled as not seen",
        "pck_proj": "the predictor does not tell where the network itself places a hand",
        "box_ap": "no image has labels for all of its hands",
        "side": "no hand was found whose side is known",
        "pa_mpjpe": "no hand has a 3D label",
        "pa_mpvpe": other if findings.meshes else "no hand has a labelled mesh",
        "absolute_mpjpe": "no hand was found whose label is in the frame of a calibrated camera",
        "jitter_2d": "no hand was found in three successive frames of a video",
        "bone_spread": "no hand was found in two frames of a video",
    }
    if findings.template is None:
        flat = ("pck_proj", "pck_proj_fit", "side", "pa_mpjpe", "pa_mpvpe", "absolute_mpjpe", "bone_spread")
        reasons |= dict.fromkeys(flat, "the network is of stage 2d, which predicts only 2D joints")
    if findings.given_boxes:
        reasons["box_ap"] = "boxes were given"
    present = {name.partition("@")[0] for name in figures}
    return {name: reason for name, reason in reasons.items() if name not in present}
