"""Scores a predictor on photos, hand-free photos, renders and videos that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from handos_model.camera import Camera
from handos_model.data.annotated import Annotated
from handos_model.data.dataset_files import LABELS
from handos_model.data.photos import Photos, held_out_backgrounds
from handos_model.data.sample import Sample
from handos_model.evaluation import metrics
from handos_model.evaluation.scoring import PCK_FRACTIONS, RECALL_IOU, HandScore, score_image, summary
from handos_model.hand import Hand
from handos_model.io.archives.npz_file import read_npz
from handos_model.io.image_file import read_image
from handos_model.io.video import VideoSource

Results = dict[str, Any]

VIDEOS = {"human_hand_video.mp4": None, "asl_hand.25fps.mp4": "asl_hand_mediapipe.npz"}
"""Videos that show one right hand in every frame, and the file with MediaPipe's 2D joints if there is one."""

RENDERS = 1000


class Predictor(Protocol):
    """Anything that finds hands, such as a HandPredictor."""

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """Hands in an image (H, W, 3) uint8 RGB."""


def annotated(data_root: Path, predictor: Predictor, limit: int | None = None) -> Results:
    """Photos with hand-made joints: all real hands, then each source; synthetic hands only in a separate figure."""
    photos = Annotated.load(data_root / "annotated")
    scores: dict[str, list[HandScore]] = {}
    for name, records in progress(spread(list(photos.photos.items()), limit), "annotated"):
        sample = photos[name]
        found, _ = score_image(predict(predictor, sample), sample)
        for record, score in zip(records, found, strict=True):
            scores.setdefault(f"{record['gt']}/{Path(record['source']).name}", []).append(score)
    real = [score for source, group in scores.items() if source.startswith("real/") for score in group]
    groups = {source.removeprefix("real/"): summary(group) for source, group in scores.items()}
    return {**summary(real), "groups": groups}


def val(data_root: Path, predictor: Predictor, limit: int | None = None) -> Results:
    """Split val against its pseudo-labels: grade A and B hands scored, C masked. No false hands: not all are labelled.

    The group "true_aspect" leaves out photos that were stretched by whoever published them: their 3D is less exact.
    """
    photos = Photos.load(data_root / "train", "hand", "val")
    scores: dict[str, list[HandScore]] = {}
    true_aspect: list[HandScore] = []
    for index in progress(spread(range(len(photos)), limit), "val"):
        sample, record = photos[index], photos.records[index]
        found, _ = score_image(predict(predictor, sample), sample)
        scores.setdefault(record["source"], []).extend(found)
        if not record.get("stretched"):
            true_aspect.extend(found)
    groups = {"true_aspect": summary(true_aspect)} | {source: summary(group) for source, group in scores.items()}
    return {**summary([score for group in scores.values() for score in group]), "groups": groups}


def backgrounds(data_root: Path, predictor: Predictor, limit: int | None = None) -> Results:
    """False hands on the hand-free photos that are never trained on."""
    counts: dict[str, list[int]] = {}
    for name in progress(spread(sorted(held_out_backgrounds()), limit), "backgrounds"):
        hands = predictor.predict(read_image(data_root / "train" / name), None)
        counts.setdefault(Path(name).parent.name, []).append(len(hands))
    groups = {source: _false_hands(group) for source, group in counts.items()}
    return {**_false_hands([n for group in counts.values() for n in group]), "groups": groups}


def renders(data_root: Path, predictor: Predictor, limit: int | None = None) -> Results:
    """Renders that training never sees, with exact 2D, mesh, side and camera; hands of 60 px and less are masked."""
    from handos_model.evaluation.renders import held_out_renders  # needs numba, which the other data sets do not

    scores: list[HandScore] = []
    extra = 0
    count = RENDERS if limit is None else min(limit, RENDERS)
    for sample in progress(held_out_renders(data_root / "train", count), "renders", count):
        found, left_over = score_image(predict(predictor, sample), sample, absolute=True)
        scores.extend(found)
        extra += left_over
    return {**summary(scores), "images": count, "false_hands": extra / count}


def videos(data_root: Path, predictor: Predictor, limit: int | None = None) -> Results:
    """Scores each frame on its own: share with a hand, right sides, surplus hands, jitter; PCK if MediaPipe has 2D."""
    groups = {}
    for name, labels in VIDEOS.items():
        frames = progress(frames_of(data_root / "video" / name, limit), name)
        path = data_root / "video" / labels if labels else None
        reference = read_npz(path, LABELS)["joints_2d"][..., :2] if path and path.is_file() else None
        groups[name] = _video(frames, reference, predictor)
    found = min(group["frames_with_a_hand"] for group in groups.values())
    return {"frames_with_a_hand": found, "groups": groups}


OWN_SETS: dict[str, Callable[[Path, Predictor, int | None], Results]] = {
    "annotated": annotated,
    "val": val,
    "backgrounds": backgrounds,
    "renders": renders,
    "videos": videos,
}


def run(datasets: Sequence[str], data_root: Path, predictor: Predictor, limit: int | None = None) -> dict[str, Results]:
    """Figures of each of `datasets` (names of OWN_SETS, or "all"), read below `data_root`.

    `limit`: only that many images of each, spread evenly, and only that many first frames of each video, for a quick
    look. Raises ValueError for an unknown name or a limit below 1, FileNotFoundError if the data is missing.
    """
    unknown = sorted(set(datasets) - {*OWN_SETS, "all"})
    if unknown or not datasets:
        raise ValueError(f"unknown dataset {', '.join(unknown) or '(none)'}: known are {', '.join(OWN_SETS)}, all")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}, must be 1 or more")
    if not Path(data_root).is_dir():
        raise FileNotFoundError(f"no data at {data_root}: give the folder that holds train, annotated and video")
    chosen = list(OWN_SETS) if "all" in datasets else list(dict.fromkeys(datasets))
    if "val" in chosen and not (labels := Path(data_root) / "train" / "labels.json.gz").is_file():
        others = " ".join(name for name in OWN_SETS if name != "val")
        raise FileNotFoundError(
            f"there is no {labels}, which is not public: leave out val by naming the sets, {others}"
        )
    return {name: OWN_SETS[name](Path(data_root), predictor, limit) for name in chosen}


def spread(items: Sequence[Any], limit: int | None) -> Sequence[Any]:
    """At most `limit` of the items, evenly spread."""
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


def predict(predictor: Predictor, sample: Sample) -> list[Hand]:
    """The hands in a sample's image, seen through its camera, best score first."""
    return sorted(predictor.predict(sample.image, sample.camera), key=lambda hand: -hand.score)


def _false_hands(counts: Sequence[int]) -> Results:
    return {
        "photos": len(counts),
        "false_hands": float(np.mean(counts)),
        "photos_with_false_hands": float(np.mean(np.array(counts) > 0)),
    }


def _video(frames: Iterable[np.ndarray], reference: np.ndarray | None, predictor: Predictor) -> Results:
    best: list[Hand | None] = []
    extra = 0
    for frame in frames:
        hands = predictor.predict(frame, None)
        best.append(max(hands, key=lambda hand: hand.score, default=None))
        extra += max(len(hands) - 1, 0)
    found = [hand for hand in best if hand is not None]
    missing = np.full((21, 2), np.nan)
    results: Results = {
        "frames": len(best),
        "frames_with_a_hand": len(found) / len(best),
        "side": float(np.mean([hand.side == "right" for hand in found])) if found else 0.0,
        "extra_hands": extra / len(best),
    }
    shown = {"jitter_px": np.array([missing if hand is None else hand.joints_2d for hand in best])}
    if reference is not None:
        reference = reference[: len(best)]
        results |= {f"pck@{fraction:g}": _video_pck(best, reference, fraction) for fraction in PCK_FRACTIONS}
        results["recall"] = _video_recall(best, reference)
        shown["jitter_px_of_mediapipe"] = reference
    jitters = {name: metrics.jitter(joints) for name, joints in shown.items()}
    return results | {name: jitter for name, jitter in jitters.items() if np.isfinite(jitter)}


def _video_pck(best: Sequence[Hand | None], reference: np.ndarray, fraction: float) -> float:
    every = np.ones(21)
    joints = [None if hand is None else hand.joints_2d for hand in best]
    shares = [metrics.pck(pred, target, every, fraction) for pred, target in zip(joints, reference, strict=True)]
    return float(np.mean(shares))


def _video_recall(best: Sequence[Hand | None], reference: np.ndarray) -> float:
    boxes = [None if hand is None else metrics.joints_extent(hand.joints_2d)[None] for hand in best]
    ious = [
        0.0 if box is None else float(metrics.box_iou(box, metrics.joints_extent(target)[None])[0, 0])
        for box, target in zip(boxes, reference, strict=True)
    ]
    return float(np.mean(np.array(ious) >= RECALL_IOU))


def frames_of(path: Path, limit: int | None) -> Iterable[np.ndarray]:
    """The first frames of a video, RGB; FileNotFoundError where there is none, ValueError where one cannot be read."""
    if not path.is_file():
        raise FileNotFoundError(f"no video at {path}")
    for frame in islice(VideoSource(path), limit):
        if frame.image is None:
            raise ValueError(frame.problem)
        yield frame.image


def progress(items: Iterable[Any], name: str, total: int | None = None) -> Iterable[Any]:
    """The items, with a progress bar if stderr is a terminal."""
    return tqdm(items, desc=name, total=total, leave=False, disable=None)
