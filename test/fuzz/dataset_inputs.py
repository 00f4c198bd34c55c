"""Label files of data sets, in every format that they have; the first byte says of which set and file."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import made_datasets as made
import numpy as np
import yaml
from file_inputs import FOLDER
from fuzz_class import FuzzClass
from hypothesis import strategies as st
from lies import NUMBERS, with_lies
from made_mano import write_mano

from handos_model.data.annotated import Annotated
from handos_model.data.photos import Photos
from handos_model.data.pool import Pool
from handos_model.data.registry import open_dataset
from handos_model.data.sample import Sample


@dataclass(frozen=True)
class Labels:
    """A file of a data set: what it holds, how that is written, and how the samples of the set are read."""

    path: Path
    content: Any
    write: Callable[[Any], bytes]
    samples: Callable[[], Iterable[Sample]]


def _published(name: str, split: str, mano: Path | None = None) -> Iterable[Sample]:
    dataset = open_dataset(name, FOLDER / name, split, mano)
    return (dataset[index] for index in range(min(len(dataset), 3)))


def _annotated() -> Iterable[Sample]:
    photos = Annotated.load(FOLDER / "annotated")
    return (photos[name] for name in photos.photos)


def _pool() -> Iterable[Sample]:
    pool = Pool(FOLDER / "pool")
    return (pool[index] for index in range(min(len(pool), 3)))


def _photos() -> Iterable[Sample]:
    photos = Photos.load(FOLDER / "photos", "hand", "train")
    return (photos[index] for index in range(min(len(photos), 3)))


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


def _pickle(content: Any) -> bytes:
    return pickle.dumps(content, 2)


def _yaml(content: Any) -> bytes:
    return yaml.dump(content, default_flow_style=None).encode()


def _npz(content: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **{name: np.array(values) for name, values in content.items()})
    return stream.getvalue()


def _npy(content: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(content.get("images", b"")))
    return stream.getvalue()


def _text(content: Any) -> bytes:
    return str(content).encode(errors="replace")


def _array_lies(content: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The mapping with lies in one array, or more."""
    lying = dict(content)
    for name in chance.sample(list(content), chance.randint(1, min(3, len(content)))):
        values = np.array(content[name])
        lies = [
            lambda values=values: values.ravel(),
            lambda values=values: values[None],
            lambda values=values: values[:0] if values.ndim else values,
            lambda values=values: values[..., :-1] if values.ndim else values,
            lambda values=values: values.astype(chance.choice(("f2", "f8", "i1", "u8", "?", "U3", "c8"))),
            lambda values=values: np.full(values.shape, chance.choice(NUMBERS), float),
            lambda values=values: with_lies(values.tolist(), chance),
            lambda: chance.choice((*NUMBERS, None, "x", [], np.zeros(()), np.zeros((0, 3)))),
        ]
        try:
            lying[name] = chance.choice(lies)()
        except (OverflowError, ValueError):
            del lying[name]
    return lying


HANDS = [{"kp": made.JOINTS.tolist(), "world": np.zeros((21, 3)).tolist(), "side": "right", "grade": "A"}] * 2
PHOTOS = [{"path": "a.jpg", "kind": "hand", "split": "train", "source": "s", "hands": HANDS}] * 2
ANNOTATED = [
    {"image": "a.jpg", "source": "s", "gt": "real", "side": side, "joints2d": made.JOINTS.tolist(), "vis": [1] * 21}
    for side in ("left", None)
]
FRAMES = {
    "count": np.array([2, 0]), "K": np.stack([made.K] * 2), "joints_2d": np.zeros((2, 2, 21, 3)),
    "joints_3d": np.zeros((2, 2, 21, 3)), "vertices": np.zeros((2, 2, 778, 3), np.float16),
    "side": np.zeros((2, 2), np.int8),
}  # fmt: skip


def _made() -> list[Labels]:
    """All of them, once they are written."""
    for name in ("coco_wholebody", "onehand10k", "hint", "freihand", "ho3d", "h2o3d", "dexycb", "comphand"):
        (FOLDER / name).mkdir()
        getattr(made, f"make_{name}")(FOLDER / name)
    for name in ("photos", "annotated"):
        made.write_picture(FOLDER / name / "a.jpg")
    (FOLDER / "pool").mkdir()
    np.save(FOLDER / "pool" / "images.npy", np.zeros((2, 8, 8, 3), np.uint8))
    (FOLDER / "photos" / "labels.json.gz").write_bytes(gzip.compress(_json(PHOTOS)))
    (FOLDER / "annotated" / "annotations.json").write_bytes(_json(ANNOTATED))
    (FOLDER / "pool" / "labels.npz").write_bytes(_npz(FRAMES))
    mano = write_mano(FOLDER / "mano")

    def of_json(name: str, split: str, file: str) -> Labels:
        path = FOLDER / name / file
        return Labels(path, json.loads(path.read_text()), _json, partial(_published, name, split))

    def of_pickle(name: str, file: str) -> Labels:
        path = FOLDER / name / "train" / file
        return Labels(path, pickle.loads(path.read_bytes()), _pickle, partial(_published, name, "train", mano))

    ycb, sequence = FOLDER / "dexycb", FOLDER / "dexycb" / "20200928-subject-07" / "20200928_000003"
    of_ycb = partial(_published, "dexycb", "s1_val")
    arrays = sequence / "836212060125" / "labels_000000.npz"
    meshes = FOLDER / "comphand" / "base_pose" / "model_mano" / "fist" / "12.obj"
    names = FOLDER / "ho3d" / "train.txt"
    return [
        of_json("coco_wholebody", "val", "annotations/coco_wholebody_val_v1.0.json"),
        of_json("onehand10k", "test", "annotations/onehand10k_test.json"),
        of_json("hint", "train_newdays", "TRAIN_newdays_img/ND_a_b-c_frame000301_l.json"),
        *(of_json("freihand", "training", f"training_{kind}.json") for kind in ("K", "xyz", "mano")),
        of_json("freihand", "evaluation", "evaluation_verts.json"),
        of_json("ho3d", "evaluation", "evaluation_xyz.json"),
        of_pickle("ho3d", "ABF10/meta/0004.pkl"),
        of_pickle("h2o3d", "S1/meta/0001.pkl"),
        Labels(names, names.read_text(), _text, partial(_published, "ho3d", "train")),
        *(
            Labels(path, yaml.safe_load(path.read_text()), _yaml, of_ycb)
            for path in (
                sequence / "meta.yml",
                *ycb.glob("calibration/*/8362*.yml"),
                *ycb.glob("calibration/*/mano.yml"),
            )
        ),
        Labels(arrays, dict(np.load(arrays)), _npz, of_ycb),
        Labels(meshes, meshes.read_text(), _text, partial(_published, "comphand", "train", mano)),
        Labels(FOLDER / "photos" / "labels.json.gz", PHOTOS, lambda tree: gzip.compress(_json(tree), 1), _photos),
        Labels(FOLDER / "annotated" / "annotations.json", ANNOTATED, _json, _annotated),
        Labels(FOLDER / "pool" / "labels.npz", FRAMES, _npz, _pool),
        Labels(FOLDER / "pool" / "images.npy", {"images": np.zeros((2, 8, 8, 3), np.uint8)}, _npy, _pool),
    ]


FILES = _made()
WHOLE = [file.path.read_bytes() for file in FILES]


def _read(data: bytes) -> None:
    """The samples of the set, one of whose files is the input; what is not refused must fit the contract of samples."""
    file = FILES[data[0]]
    file.path.write_bytes(data[1:])
    try:
        for sample in file.samples():
            try:
                sample.check()
            except ValueError as error:
                raise AssertionError(f"a sample that is none: {error}") from error
    finally:
        file.path.write_bytes(WHOLE[data[0]])


def _lying(number: int) -> bytes:
    chance = random.Random(number)
    place = chance.randrange(len(FILES))
    file = FILES[place]
    arrays = isinstance(file.content, dict) and any(isinstance(value, np.ndarray) for value in file.content.values())
    lies = _array_lies if arrays else with_lies
    try:
        return bytes([place]) + file.write(lies(file.content, chance))
    except (OverflowError, TypeError, ValueError):  # what cannot even be written
        return bytes([place]) + WHOLE[place]


SEEDS = [bytes([place]) + data for place, data in enumerate(WHOLE)]
LABELS = FuzzClass(_read, SEEDS, st.integers(0, 2**62).map(_lying), kept=1, family=3)
