"""A data set in memory, predictors that know its labels, and what a submission holds."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from posed_hand import posed_hand

from handos_model.camera import Camera
from handos_model.data.sample import LEFT, RIGHT, Sample
from handos_model.hand import Hand, joints_box
from handos_model.template.load import load_template

CAMERA = Camera.from_fov(64, 64)
VERTICES, JOINTS = (points + [0, 0, 0.5] for points in posed_hand())


@dataclass
class Listed:
    """A data set of samples in memory; image k has brightness k, so that a predictor can tell them apart."""

    samples: Sequence[Sample]
    frames: Sequence[tuple[str, int] | None] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return replace(self.samples[index], image=np.full((64, 64, 3), index, np.uint8))

    def name(self, index: int) -> str:
        return f"{index:08d}"

    def frame(self, index: int) -> tuple[str, int] | None:
        return self.frames[index] if self.frames else None


class Predictor:
    template = load_template()

    def __init__(self, answer: Callable[[int], list[Hand]]) -> None:
        self.answer = answer

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        assert camera is not None and camera.focal == pytest.approx(CAMERA.focal)
        return self.answer(int(image[0, 0, 0]))


def hand(shift: Sequence[float] = (0, 0, 0), side: str = "right", scale: float = 1, score: float = 0.9) -> Hand:
    joints, vertices = scale * JOINTS + shift, scale * VERTICES + shift
    joints_2d = CAMERA.project(joints)
    arrays = (joints_2d, np.ones(21), joints, vertices, joints[0])
    return Hand(score, side, 1.0, joints_box(joints_2d), *arrays, network_translation=joints[0])


def sample(*hands: Hand, **changes) -> Sample:
    """The sample of `hands`, of which a data set says everything: all joints are seen."""
    n = len(hands)
    joints_2d = np.array([h.joints_2d for h in hands]).reshape(n, 21, 2)
    values = {
        "image": np.zeros((64, 64, 3), np.uint8),
        "K": CAMERA.K.astype(np.float32),
        "joints_2d": np.concatenate([joints_2d, np.full((n, 21, 1), 2)], 2).astype(np.float32),
        "joints_3d": np.array([h.joints_3d for h in hands], np.float32).reshape(n, 21, 3),
        "vertices": np.array([h.vertices for h in hands], np.float32).reshape(n, 778, 3),
        "side": np.array([{"left": LEFT, "right": RIGHT}[h.side] for h in hands], np.int8),
        "has_3d": np.ones(n, bool),
        "has_vertices": np.ones(n, bool),
        "ignore": np.zeros(n, bool),
        "complete": True,
        "absolute": True,
    }
    return Sample(**values | changes).check()


def seen(labels: Sample, visibility: float | np.ndarray) -> Sample:
    joints = labels.joints_2d.copy()
    joints[..., 2] = visibility
    return replace(labels, joints_2d=joints)


def predictions(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["pred.json"]
        joints, vertices = json.loads(archive.read("pred.json"))
    return np.array(joints), np.array(vertices)
