"""Accuracy figures of hands: 2D, boxes, 3D after alignment, steadiness. NumPy only.

Units are those of the input: pixels for `joints_2d` and `boxes`, metres for `joints_3d` and `vertices`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handos_model.hand import BONES, JOINT_NAMES

AUC_LIMIT = 0.05  # m
AUC_STEPS = 100


def joints_extent(joints: np.ndarray, labelled: np.ndarray | None = None) -> np.ndarray:
    """Box xyxy (4,) around the labelled ones of `joints` (J, 2), unpadded.

    Raises ValueError when no joint is labelled or a labelled one is not finite.
    """
    joints = np.asarray(joints, np.float64)
    if joints.ndim != 2 or joints.shape[1] != 2:
        raise ValueError(f"joints must have shape (J, 2), got {joints.shape}")
    chosen = joints if labelled is None else joints[np.asarray(labelled, bool)]
    if len(chosen) == 0:
        raise ValueError("a box needs at least one labelled joint, got none")
    if not np.isfinite(chosen).all():
        raise ValueError("joints must be finite, got NaN or infinity")
    return np.concatenate([chosen.min(0), chosen.max(0)])


def long_edge(boxes: np.ndarray) -> np.ndarray:
    """The longer side of each of `boxes` (..., 4) xyxy."""
    boxes = np.asarray(boxes, np.float64)
    return (boxes[..., 2:] - boxes[..., :2]).max(-1)


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union (N, M) of `boxes` (N, 4) and `others` (M, 4), xyxy; 0 where both are empty."""
    boxes = _boxes(boxes)
    others = _boxes(others)
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    intersection = np.clip(high - low, 0, None).prod(-1)  # (N, M)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    other_area = (others[:, 2:] - others[:, :2]).prod(-1)
    union = area[:, None] + other_area[None] - intersection
    return np.where(union > 0, intersection / np.where(union > 0, union, 1), 0.0)


def match(iou: np.ndarray, minimum: float) -> np.ndarray:
    """Which prediction belongs to which label: index (N,) into the M predictions of `iou` (N, M), -1 if none does.

    Predictions are in the order of their scores, best first, as in COCO: each in turn takes the label that is still
    free and that it overlaps most, by at least `minimum`. Were the largest overlaps paired first, a network that says
    the same hand several times would be judged by whichever fits best.
    """
    iou = np.asarray(iou, np.float64)
    if iou.ndim != 2:
        raise ValueError(f"iou must have shape (labels, predictions), got {iou.shape}")
    if not 0 < minimum <= 1:
        raise ValueError(f"the minimum overlap must lie in (0, 1], got {minimum}")
    served = np.full(iou.shape[0], -1)
    for prediction, overlaps in enumerate(iou.T if len(iou) else ()):
        overlaps = np.where(served < 0, overlaps, 0)
        if overlaps.max() >= minimum:
            served[overlaps.argmax()] = prediction
    return served


def pck(pred: np.ndarray | None, target: np.ndarray, labelled: np.ndarray, fraction: float) -> float:
    """Share of the labelled joints of one hand that `pred` puts within `fraction` of the hand's size from `target`.

    Both (J, 2). The size is the longer side of the box around the labelled joints. A missed hand (`pred` None) is 0.
    The figure of a data set is the mean over its hands.
    """
    labelled = np.asarray(labelled, bool)
    limit = fraction * float(long_edge(joints_extent(target, labelled)))
    if pred is None:
        return 0.0
    pred, target = _pair(pred, target, 2)
    return float((np.linalg.norm(pred - target, axis=1)[labelled] <= limit).mean())


def pck_of_joints(errors: np.ndarray, counted: np.ndarray, fraction: float) -> float:
    """Share of joints whose error, relative to their hand's size, is within `fraction`: the mean over the joint kinds.

    errors (N, J), infinity for a missed hand; counted (N, J) bool. Kinds of joints that never count are left out; NaN
    if none counts. HaMeR's evaluation of HInt takes the same mean, and the paper's table 5 compares with HaMeR's.
    """
    errors, counted = np.asarray(errors, np.float64), np.asarray(counted, bool)
    if errors.ndim != 2 or errors.shape != counted.shape:
        raise ValueError(f"errors and counted must have one shape (hands, joints), got {errors.shape}, {counted.shape}")
    if np.isnan(errors[counted]).any():
        raise ValueError("errors that count must be numbers, infinity for a miss, got NaN")
    number = counted.sum(0)
    within = (counted & (errors <= fraction)).sum(0)
    return float((within[number > 0] / number[number > 0]).mean()) if number.any() else float("nan")


def procrustes(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`pred` (P, 3) moved onto `target` (P, 3) by the least-squares scale, rotation (no reflection) and shift.

    Points that all coincide, like the zeros that stand for a missed hand, land on the target's centroid.
    """
    pred, target = _pair(pred, target, 3)
    centre = target.mean(0)
    source, goal = pred - pred.mean(0), target - centre
    spread = (source**2).sum()
    if spread < 1e-18:
        return np.broadcast_to(centre, target.shape).copy()
    u, values, vt = np.linalg.svd(goal.T @ source)  # rotation maximises trace(R source^T goal)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * signs) @ vt
    scale = (values * signs).sum() / spread
    return scale * source @ rotation.T + centre


def aligned_errors(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Distance (P,) of each point after `procrustes`: its mean is PA-MPJPE for joints, PA-MPVPE for vertices."""
    return np.linalg.norm(procrustes(pred, target) - np.asarray(target, np.float64), axis=1)


def f_scores(pred: np.ndarray, target: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Harmonic mean of precision and recall of points (P, 3) against (Q, 3) for each of `thresholds`.

    A point counts when the nearest point of the other set is within the threshold (FreiHAND's F@5 and F@15 mm, taken
    after `procrustes`).
    """
    pred, target = _points(pred, 3), _points(target, 3)
    squared = (pred**2).sum(1)[:, None] + (target**2).sum(1)[None] - 2 * pred @ target.T  # (P, Q)
    limits = np.square(np.asarray(thresholds, np.float64))[:, None]
    precision = (squared.min(1)[None] <= limits).mean(1)
    recall = (squared.min(0)[None] <= limits).mean(1)
    total = precision + recall
    return np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), 0.0)


def auc(errors: np.ndarray, limit: float = AUC_LIMIT, steps: int = AUC_STEPS) -> float:
    """Area, 0 to 1, under the share of `errors` (any shape, infinity for a miss) within 0 to `limit`."""
    errors = np.asarray(errors, np.float64).ravel()
    if errors.size == 0 or np.isnan(errors).any():
        raise ValueError("errors must be at least one number, infinity for a miss, and none of them NaN")
    thresholds = np.linspace(0, limit, steps)
    curve = (errors[None] <= thresholds[:, None]).mean(1)
    return float(((curve[1:] + curve[:-1]) / 2).mean())


def jitter(track: np.ndarray) -> float:
    """Mean length of the second difference of joints over time, per frame squared, of `track` (T, J, D).

    Frames without a hand are NaN: only runs of three frames with a hand count. NaN when there is no such run.
    """
    track = np.asarray(track, np.float64)
    if track.ndim != 3:
        raise ValueError(f"a track must have shape (frames, joints, 2 or 3), got {track.shape}")
    second = np.linalg.norm(np.diff(track, n=2, axis=0), axis=2)
    return float(np.nanmean(second)) if np.isfinite(second).any() else float("nan")


def bone_spread(joints_3d: np.ndarray) -> tuple[float, float]:
    """How much the bones of one hand change their length over frames `joints_3d` (T, 21, 3): in m, and relatively.

    The standard deviation over the frames, averaged over the 20 bones; a person's is 0. Raises ValueError for fewer
    than two frames.
    """
    joints = np.asarray(joints_3d, np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(JOINT_NAMES), 3) or len(joints) < 2:
        raise ValueError(f"joints must have shape (at least 2 frames, 21, 3), got {joints.shape}")
    parent, child = np.array(BONES).T
    lengths = np.linalg.norm(joints[:, child] - joints[:, parent], axis=2)  # (T, 20)
    deviation, mean = lengths.std(0), lengths.mean(0)
    return float(deviation.mean()), float((deviation / np.maximum(mean, 1e-9)).mean())


def _points(points: np.ndarray, dimensions: int) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != dimensions or len(points) == 0:
        raise ValueError(f"points must have shape (at least 1, {dimensions}), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points must be finite, got NaN or infinity")
    return points


def _pair(pred: np.ndarray, target: np.ndarray, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    pred, target = _points(pred, dimensions), _points(target, dimensions)
    if pred.shape != target.shape:
        raise ValueError(f"prediction and target must have one shape, got {pred.shape} and {target.shape}")
    return pred, target


def _boxes(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, np.float64)
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (N, 4) xyxy, got {boxes.shape}")
    return boxes
