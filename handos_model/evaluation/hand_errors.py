"""The errors of each labelled hand of an image, and the paper's figures over many hands.

Sources: the paper's section 4.1, section II of its supplement, and the evaluation of the FreiHAND benchmark
(github.com/lmb-freiburg/freihand, eval.py), which HO-3D's repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handos_model.data.sample import SIDE_NAMES, Sample
from handos_model.evaluation import metrics
from handos_model.evaluation.scoring import F_THRESHOLDS, Figures
from handos_model.hand import FINGERTIPS, Hand

PAPER_PCK_FRACTIONS = (0.05, 0.1, 0.15)
"""Fractions of a hand's box in the paper's tables; scoring.PCK_FRACTIONS are those of this project's own sets."""
SUBSETS = {"": (1, 2), "_visible": (2,), "_occluded": (1,)}
"""Values of the third column of Sample.joints_2d for the joints that each PCK covers."""


@dataclass(frozen=True)
class HandErrors:
    """Errors of one labelled hand. None: the label does not say, or (absolute, side_right) the hand was missed."""

    found: bool
    visibility: np.ndarray  # (21,) as in Sample.joints_2d
    joints_2d: np.ndarray  # (21,) error in shares of the hand's size; infinity where missed
    projected: np.ndarray | None  # (21,) the same of joints_3d, projected from where the network puts the hand
    fitted: np.ndarray | None  # (21,) the same from where the hand fits its own 2D joints best
    side_known: bool
    side_right: bool | None = None
    joints_3d: np.ndarray | None = None  # (21,) m, aligned
    vertices: float | None = None  # m, aligned, mean
    f_scores: np.ndarray | None = None  # (2,) for F_THRESHOLDS
    absolute: np.ndarray | None = None  # (21,) m, in the camera frame


def hand_errors(hand: Hand | None, sample: Sample, i: int, template: str | None) -> HandErrors:
    """The errors of `hand` (None: missed) as hand `i` of the sample.

    template: HandTemplate.name of the hand's vertices, which are compared if the label's have the same template. None:
    the predictor only knows joints in the image, and nothing else is compared. A missed hand counts as in the paper:
    all points 0 for the aligned errors and F-scores, no joint right for PCK and AUC.
    """
    flat = template is None
    side_known = int(sample.side[i]) in SIDE_NAMES and not flat
    same_mesh = bool(sample.has_vertices[i]) and sample.template == template
    vertices = f_scores = None
    tips = sample.tips if sample.template == template else None
    own_joints = None if hand is None else joints_with(hand, tips)
    if same_mesh:
        aligned = metrics.procrustes(np.zeros((778, 3)) if hand is None else hand.vertices, sample.vertices[i])
        vertices = float(np.linalg.norm(aligned - sample.vertices[i], axis=1).mean())
        f_scores = metrics.f_scores(aligned, sample.vertices[i], F_THRESHOLDS)
    joints_3d = absolute = None
    if sample.has_3d[i] and not flat:
        joints_3d = metrics.aligned_errors(np.zeros((21, 3)) if own_joints is None else own_joints, sample.joints_3d[i])
        if sample.absolute and own_joints is not None:
            absolute = np.linalg.norm(own_joints - sample.joints_3d[i], axis=1)
    return HandErrors(
        found=hand is not None,
        visibility=sample.joints_2d[i, :, 2],
        joints_2d=_relative_errors(None if hand is None else hand.joints_2d, sample, i),
        projected=None if flat else _projected(hand, own_joints, sample, i),
        fitted=None if flat else _relative_errors(_pixels(own_joints, sample), sample, i),
        side_known=side_known,
        side_right=hand.side == SIDE_NAMES[int(sample.side[i])] if side_known and hand is not None else None,
        joints_3d=joints_3d,
        vertices=vertices,
        f_scores=f_scores,
        absolute=absolute,
    )


def joints_with(hand: Hand, tips: tuple[int, ...] | None) -> np.ndarray:
    """3D joints (21, 3) of a found hand, with its vertices `tips` (thumb to little) as fingertips unless None."""
    joints = hand.joints_3d.copy()
    if tips is not None:
        joints[list(FINGERTIPS)] = hand.vertices[list(tips)]
    return joints


def _projected(hand: Hand | None, joints: np.ndarray | None, sample: Sample, i: int) -> np.ndarray | None:
    """Errors (21,) of the joints that are projected from the network's own translation, as in the paper."""
    if hand is None or joints is None:
        return _relative_errors(None, sample, i)
    if hand.network_translation is None:
        return None
    return _relative_errors(_pixels(joints + (hand.network_translation - hand.translation), sample), sample, i)


def _pixels(joints: np.ndarray | None, sample: Sample) -> np.ndarray | None:
    return None if joints is None else sample.camera.project(joints)


def _relative_errors(joints: np.ndarray | None, sample: Sample, i: int) -> np.ndarray:
    """Distances (21,) to the labels as fractions of the longer side of their box; infinity if there is no joint."""
    if joints is None:
        return np.full(21, np.inf)
    target, labelled = sample.joints_2d[i, :, :2], sample.joints_2d[i, :, 2] > 0
    distance = np.linalg.norm(joints - target, axis=1) / metrics.long_edge(metrics.joints_extent(target, labelled))
    return np.where(np.isnan(distance), np.inf, distance)  # a joint behind the camera has no projection


def hand_figures(errors: Sequence[HandErrors]) -> Figures:
    """Figures over hands; those for which there are no labels are absent.

    hands, found: counts. pck_2d*, pck_proj* (from the network's own translation), pck_proj_fit* (from the fitted one):
    shares. side: share right among found hands whose side is known, and side_recall: the share of such hands that are
    found. pa_mpjpe, pa_mpvpe: mm; f@5, f@15, auc: 0 to 1, missed hands included. absolute_wrist, absolute_mpjpe: mm,
    found hands only.
    """
    figures: Figures = {"hands": len(errors), "found": sum(e.found for e in errors)}
    figures |= _pck(errors, "pck_2d", [e.joints_2d for e in errors])
    for name, values in {"pck_proj_fit": [e.fitted for e in errors], "pck_proj": [e.projected for e in errors]}.items():
        given = [value for value in values if value is not None]
        if len(given) == len(errors):
            figures |= _pck(errors, name, given)
    known = [e for e in errors if e.side_known]
    sides = [e.side_right for e in known if e.side_right is not None]
    if known:
        figures["side_recall"] = len(sides) / len(known)
    if sides:
        figures["side"] = float(np.mean(sides))
    return figures | _aligned(errors) | _absolute(errors)


def _pck(errors: Sequence[HandErrors], name: str, values: Sequence[np.ndarray]) -> Figures:
    figures: Figures = {}
    for subset, kinds in SUBSETS.items():
        counted = np.array([np.isin(e.visibility, kinds) for e in errors]).reshape(-1, 21)
        if counted.any():
            for fraction in PAPER_PCK_FRACTIONS:
                share = metrics.pck_of_joints(np.array(values), counted, fraction)
                figures[f"{name}{subset}@{fraction:g}"] = share
    return figures


def _aligned(errors: Sequence[HandErrors]) -> Figures:
    figures: Figures = {}
    joints = [(e.joints_3d, e.found) for e in errors if e.joints_3d is not None]
    if joints:
        figures["hands_with_3d"] = len(joints)
        figures["pa_mpjpe"] = 1000 * float(np.mean([distances for distances, _ in joints]))
    with_mesh = [e for e in errors if e.vertices is not None]
    if with_mesh:
        figures["hands_with_mesh"] = len(with_mesh)
        figures["pa_mpvpe"] = 1000 * float(np.mean([e.vertices for e in with_mesh]))
        five, fifteen = np.mean([e.f_scores for e in with_mesh if e.f_scores is not None], axis=0)
        figures |= {"f@5": float(five), "f@15": float(fifteen)}
    if joints:
        missed = np.full(21, np.inf)
        figures["auc"] = metrics.auc(np.array([distances if found else missed for distances, found in joints]))
    return figures


def _absolute(errors: Sequence[HandErrors]) -> Figures:
    distances = np.array([e.absolute for e in errors if e.absolute is not None])
    if not len(distances):
        return {}
    return {
        "absolute_wrist": 1000 * float(distances[:, 0].mean()),
        "absolute_mpjpe": 1000 * float(distances.mean()),
    }
