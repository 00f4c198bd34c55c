"""Average precision and recall of boxes: perfect, degenerate, by hand, and against pycocotools."""

from __future__ import annotations

import numpy as np
import pytest

from handos_model.evaluation import metrics
from handos_model.evaluation.detection import COCO_IOUS, MAX_DETECTIONS, ImageDetections, average_precision, recall

BEYOND_EVERY_RANGE = 1e12
"""px^2: what pycocotools ignores without the special overlap that it has for crowds."""


def image(iou: list[list[float]], scores: list[float], ignore: list[bool] | None = None) -> ImageDetections:
    overlaps = np.array(iou, float).reshape(len(iou), len(scores))
    return ImageDetections(np.array(scores, float), overlaps, np.array(ignore or [False] * len(iou), bool))


def test_perfect_boxes() -> None:
    images = [image([[1, 0], [0, 1]], [0.9, 0.8]), image([[1]], [0.3])]
    assert [average_precision(images, iou) for iou in COCO_IOUS] == [1.0] * 10
    assert recall(images, 0.5) == 1.0


def test_nothing_found_and_nothing_there() -> None:
    missed = [image([[], []], [])]
    assert average_precision(missed, 0.5) == recall(missed, 0.5) == 0.0
    for images in ([], [image([], [0.9])], [image([[1.0]], [0.9], [True])]):
        assert np.isnan(average_precision(images, 0.5)) and np.isnan(recall(images, 0.5))


def test_by_hand() -> None:
    # two labels; best score right, then a false one, then right: precision 1 up to recall 1/2, 2/3 up to 1
    images = [image([[0.8, 0, 0], [0, 0, 0.6]], [0.9, 0.5, 0.4])]
    assert average_precision(images, 0.5) == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)
    assert average_precision(images, 0.7) == pytest.approx(51 / 101)
    assert recall(images, 0.5) == 1.0 and recall(images, 0.7) == 0.5


def test_a_duplicate_is_wrong_and_on_an_ignored_hand_nothing_is() -> None:
    twice = image([[0.9, 0.95]], [0.9, 0.8])
    assert average_precision([twice], 0.5) == 1.0  # the false one comes after full recall
    before = image([[0.9]], [0.1])
    assert average_precision([twice, before], 0.5) == pytest.approx((51 + 50 * 2 / 3) / 101)
    ignored = image([[0.0, 0.9], [0.95, 0.0]], [0.9, 0.8], [False, True])
    assert average_precision([ignored], 0.5) == 1.0 and recall([ignored], 0.5) == 1.0


def test_only_the_best_hundred_exist() -> None:
    scores = np.linspace(1, 0.5, MAX_DETECTIONS + 1)
    iou = np.zeros((1, MAX_DETECTIONS + 1))
    iou[0, -1] = 1
    assert recall([ImageDetections(scores, iou, np.zeros(1, bool))], 0.5) == 0.0
    assert recall([ImageDetections(scores[1:], iou[:, 1:], np.zeros(1, bool))], 0.5) == 1.0


def random_image(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels xyxy, ignored ones, detections and scores, with misses, duplicates, false ones and equal scores."""
    low = rng.uniform(0, 300, (rng.integers(0, 6), 2))
    labels = np.concatenate([low, low + rng.uniform(90, 200, low.shape)], 1)
    near = np.repeat(labels, rng.integers(0, 4, len(labels)), axis=0)
    near = near + rng.uniform(-40, 40, near.shape) * rng.random((len(near), 1))  # never inside out
    low = rng.uniform(0, 300, (rng.integers(0, 4), 2))
    false = np.concatenate([low, low + rng.uniform(90, 200, low.shape)], 1)
    found = np.concatenate([near, false])
    return labels, rng.random(len(labels)) < 0.2, found, rng.random(len(found)).round(1)


def coco_evaluation(images: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]):
    coco_module = pytest.importorskip("pycocotools.coco")
    evaluation_module = pytest.importorskip("pycocotools.cocoeval")
    annotations, detections = [], []
    for number, (labels, ignore, found, scores) in enumerate(images, 1):
        for box, ignored in zip(labels, ignore, strict=True):
            xywh = [*box[:2], *(box[2:] - box[:2])]
            area = BEYOND_EVERY_RANGE if ignored else xywh[2] * xywh[3]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "bbox": xywh, "area": area,
                 "iscrowd": 0}
            )  # fmt: skip
        for box, score in zip(found, scores, strict=True):
            xywh = [*box[:2], *(box[2:] - box[:2])]
            detections.append({"image_id": number, "category_id": 1, "bbox": xywh, "score": score})
    truth = coco_module.COCO()
    truth.dataset = {
        "images": [{"id": number + 1} for number in range(len(images))],
        "categories": [{"id": 1, "name": "hand"}],
        "annotations": annotations,
        "info": {},
    }
    truth.createIndex()
    evaluation = evaluation_module.COCOeval(truth, truth.loadRes(detections), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval


@pytest.mark.parametrize("seed", range(5))
def test_equals_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = [random_image(rng) for _ in range(40)]
    expected = coco_evaluation(drawn)
    images = [
        ImageDetections(scores, metrics.box_iou(labels, found), ignore) for labels, ignore, found, scores in drawn
    ]
    for k, iou in enumerate(COCO_IOUS):
        precision = expected["precision"][k, :, 0, 0, 2].mean()  # all areas, 100 detections
        assert 0 < precision < 1
        assert average_precision(images, iou) == pytest.approx(precision, abs=1e-6)
        assert recall(images, iou) == pytest.approx(expected["recall"][k, 0, 0, 2], abs=1e-6)
