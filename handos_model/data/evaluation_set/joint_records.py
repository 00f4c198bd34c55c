"""Hand-made joints of five data sets as one list, from the samples with which mmpose tests its own readers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

FROM_THE_TIPS = [0, *(joint for finger in range(5) for joint in range(4 * finger + 4, 4 * finger, -1))]
"""Index in RHD, whose fingers begin at the tips, of each of our joints."""


def joint_records(folder: Path) -> list[Record]:
    """A record for every hand in the pictures of a folder, from the files of its `formats`: what Annotated reads."""
    files = ("freihand", "onehand10k", "panoptic", "onehand10k_A", "onehand10k_B", "rhd", "coco_wholebody")
    return [record for name in files for record in _of_file(folder, name)]


def _of_file(folder: Path, name: str) -> Iterator[Record]:
    labels = json.loads((folder / "formats" / f"test_{name}.json").read_text())
    images = {image["id"]: image for image in labels["images"]}
    for annotation in labels["annotations"]:
        image = images[annotation["image_id"]]
        picture = f"{name.replace('coco_wholebody', 'coco-wholebody')}_{Path(image['file_name']).name}"
        if not (folder / picture).is_file():
            continue
        source = f"mmpose/{picture.split('_')[0]}"
        if name == "coco_wholebody":
            yield from _of_person(annotation, source, picture)
        elif name == "rhd":
            yield _of_render(annotation, image["cam_param"], source, picture)
        else:
            joints = _triples(annotation["keypoints"])
            yield _record(source, picture, _side(name, picture), joints, annotation["bbox"])


def _side(name: str, picture: str) -> str | None:
    """The side of a hand: FreiHAND has only right ones, Panoptic says it in the name, OneHand10K does not say it."""
    if name == "panoptic":
        return {"l": "left", "r": "right"}[Path(picture).stem[-1]]
    return "right" if name == "freihand" else None


def _of_person(person: Record, source: str, picture: str) -> Iterator[Record]:
    for side in ("left", "right"):
        if person[f"{side}hand_valid"]:
            joints = _triples(person[f"{side}hand_kpts"])
            yield _record(source, picture, side, joints, person[f"{side}hand_box"])


def _of_render(hand: Record, camera: Record, source: str, picture: str) -> Record:
    joints = [hand["keypoints"][joint] for joint in FROM_THE_TIPS]
    points = [[round(value / 1000, 6) for value in hand["joint_cam"][joint]] for joint in FROM_THE_TIPS]  # m
    more = {"joints3d": points, "K": [round(value, 3) for value in (*camera["focal"], *camera["princpt"])]}
    return _record(source, picture, hand["hand_type"], joints, hand["bbox"], "synthetic", more)


def _record(
    source: str,
    image: str,
    side: str | None,
    joints: list[list[float]],
    box: list[float],
    kind: str = "real",
    more: Record | None = None,
) -> Record:
    places = [[round(float(x), 3), round(float(y), 3)] for x, y, _ in joints]
    seen = [int(value > 0) for *_, value in joints]
    record = {"source": source, "image": image, "side": side, "gt": kind, "joints2d": places, "vis": seen}
    return record | (more or {}) | {"bbox_xywh": [float(value) for value in box]}


def _triples(values: list[float]) -> list[list[float]]:
    return [values[i : i + 3] for i in range(0, len(values), 3)]
