"""Compares the hands found in an image with those that are there, and computes figures for a whole data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handos_model.data.sample import LEFT, RIGHT, SIDE_NAMES, Sample
from handos_model.evaluation import metrics
from handos_model.hand import Hand

PCK_FRACTIONS = (0.05, 0.1, 0.2)
F_THRESHOLDS = (0.005, 0.015)  # m
RECALL_IOU = 0.5
MATCH_IOU = 0.1
"""A prediction that overlaps a label less than this is not about that hand. The limit is low because beyond it only the
distances of the joints matter: MediaPipe's figures are the same for anything from 0 to 0.3."""


Figures = dict[str, float | int]


@dataclass(frozen=True)
class HandScore:
    """How well one labelled hand was found. None if it was missed, or if its label does not contain the quantity."""

    found: bool
    iou: float
    pck: tuple[float, ...]  # for each of PCK_FRACTIONS
    side: int  # that of the label: LEFT, RIGHT or UNKNOWN_SIDE
    side_right: bool | None = None
    joints_3d_errors: np.ndarray | None = None  # (21,) m, aligned
    vertices_errors: np.ndarray | None = None  # (778,) m, aligned
    f_scores: np.ndarray | None = None  # (2,) for F_THRESHOLDS
    wrist_error: float | None = None  # m, absolute, in the camera frame


def label_overlaps(hands: Sequence[Hand], sample: Sample) -> np.ndarray:
    """IoU (n, len(hands)) of the boxes around joints_2d, unpadded, of each label's labelled joints; 0 without any."""
    iou = np.zeros((len(sample.joints_2d), len(hands)))
    for row, joints in zip(iou, sample.joints_2d, strict=True):
        marked = joints[:, 2] > 0
        if len(hands) and marked.any():
            boxes = np.array([metrics.joints_extent(hand.joints_2d, marked) for hand in hands])
            row[:] = metrics.box_iou(metrics.joints_extent(joints[:, :2], marked)[None], boxes)[0]
    return iou


def score_image(hands: Sequence[Hand], sample: Sample, absolute: bool = False) -> tuple[list[HandScore], int]:
    """Scores of the labelled hands of one image that are not to be ignored, and the number of predictions left over.

    Every prediction is assigned to the labelled hand that it overlaps most. One assigned to an ignored hand is neither
    right nor wrong. `absolute`: labels are in the real camera's frame, so the wrist's position is scored too.
    """
    labelled = sample.joints_2d[..., 2] > 0
    iou = label_overlaps(hands, sample)
    served = metrics.match(iou, MATCH_IOU)
    scores = []
    for i in np.flatnonzero(~sample.ignore).tolist():
        if served[i] < 0:
            scores.append(_missed(sample, i))
        else:
            scores.append(_found(hands[served[i]], sample, i, labelled[i], iou[i, served[i]], absolute))
    return scores, len(hands) - int((served >= 0).sum())


def _missed(sample: Sample, i: int) -> HandScore:
    """A missed hand: no joint right; where the label has a mesh, its vertices count as zeros."""
    zeros = np.zeros_like(sample.vertices[i])
    has_mesh = bool(sample.has_vertices[i])
    return HandScore(
        found=False,
        iou=0.0,
        pck=(0.0,) * len(PCK_FRACTIONS),
        side=int(sample.side[i]),
        joints_3d_errors=metrics.aligned_errors(zeros[:21], sample.joints_3d[i]) if has_mesh else None,
        vertices_errors=metrics.aligned_errors(zeros, sample.vertices[i]) if has_mesh else None,
        f_scores=np.zeros(len(F_THRESHOLDS)) if has_mesh else None,
    )


def _found(hand: Hand, sample: Sample, i: int, labelled: np.ndarray, iou: float, absolute: bool) -> HandScore:
    target = sample.joints_2d[i, :, :2]
    side = int(sample.side[i])
    vertices_errors = f_scores = None
    if sample.has_vertices[i]:
        vertices = metrics.procrustes(hand.vertices, sample.vertices[i])
        vertices_errors = np.linalg.norm(vertices - sample.vertices[i], axis=1)
        f_scores = metrics.f_scores(vertices, sample.vertices[i], F_THRESHOLDS)
    return HandScore(
        found=True,
        iou=float(iou),
        pck=tuple(metrics.pck(hand.joints_2d, target, labelled, fraction) for fraction in PCK_FRACTIONS),
        side=side,
        side_right=hand.side == SIDE_NAMES[side] if side in SIDE_NAMES else None,
        joints_3d_errors=metrics.aligned_errors(hand.joints_3d, sample.joints_3d[i]) if sample.has_3d[i] else None,
        vertices_errors=vertices_errors,
        f_scores=f_scores,
        wrist_error=float(np.linalg.norm(hand.translation - sample.joints_3d[i, 0])) if absolute else None,
    )


def summary(scores: Sequence[HandScore]) -> Figures:
    """Figures over hands: every hand weighs the same. 3D of missed hands where they have one: see `_missed`.

    pck@F: missed hands count 0. found_share: of all hands. recall: with an overlap of RECALL_IOU. side: share
    right of the hands that were found and whose side is known. pa_mpjpe, pa_mpvpe in mm, f@5, f@15, auc: found hands
    only; the same with _missed_as_zeros over all hands. wrist_mm: median absolute error of the wrist.
    """
    if not scores:
        return {"hands": 0}
    figures: Figures = {"hands": len(scores), "found": sum(s.found for s in scores)}
    for k, fraction in enumerate(PCK_FRACTIONS):
        figures[f"pck@{fraction:g}"] = float(np.mean([s.pck[k] for s in scores]))
    figures["found_share"] = figures["found"] / len(scores)
    figures["recall"] = float(np.mean([s.iou >= RECALL_IOU for s in scores]))
    for name, sides in {"side": SIDE_NAMES, "side_of_left_hands": {LEFT}, "side_of_right_hands": {RIGHT}}.items():
        right = [s.side_right for s in scores if s.side_right is not None and s.side in sides]
        if right:
            figures[name] = float(np.mean(right))
    figures |= _three_d([s for s in scores if s.found], "")
    if any(s.vertices_errors is not None for s in scores):
        figures |= _three_d(scores, "_missed_as_zeros")
    wrist = [s.wrist_error for s in scores if s.wrist_error is not None]
    if wrist:
        figures["wrist_mm"] = 1000 * float(np.median(wrist))
    return figures


def _three_d(scores: Sequence[HandScore], suffix: str) -> Figures:
    figures: Figures = {}
    joints = [s.joints_3d_errors for s in scores if s.joints_3d_errors is not None]
    vertices = [s.vertices_errors for s in scores if s.vertices_errors is not None]
    if joints:
        figures[f"pa_mpjpe{suffix}"] = 1000 * float(np.mean(joints))
    if vertices:
        figures[f"pa_mpvpe{suffix}"] = 1000 * float(np.mean(vertices))
        five, fifteen = np.mean([s.f_scores for s in scores if s.f_scores is not None], axis=0)
        figures[f"f@5{suffix}"], figures[f"f@15{suffix}"] = float(five), float(fifteen)
        missed = [np.full(21, np.inf) for s in scores if not s.found]
        figures[f"auc{suffix}"] = metrics.auc(np.array([s.joints_3d_errors for s in scores if s.found] + missed))
    return figures
