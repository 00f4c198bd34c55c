"""Frames with one made-up hand, for training on views."""

import cv2
import numpy as np
import torch

from handos_model.data.sample import LEFT, RIGHT, Sample, without_hands
from handos_model.training.views.labelled_frames import Frames, load_frames
from handos_model.training.views.seeing_batches import Sources

DEVICE = torch.device("cpu")
K = np.array([[200, 0, 99.5], [0, 200, 79.5], [0, 0, 1]], np.float32)


def hand(side: int = RIGHT) -> np.ndarray:
    """21 joints about the image's centre, fingers up, in pixels of 200 x 160."""
    rng = np.random.default_rng(3)
    joints = rng.uniform(-20, 20, (21, 2)) + [100, 80]
    joints[0], joints[5], joints[9], joints[13] = [100, 120], [90, 80], [100, 78], [110, 80]
    if side == LEFT:
        joints[:, 0] = 200 - joints[:, 0]
    return joints.astype(np.float32)


def sample(side: int = RIGHT, vertices: bool = True) -> Sample:
    joints = hand(side)
    depth = np.full((21, 1), 0.5, np.float32)
    rays = np.concatenate([(joints - K[:2, 2]) / 200, np.ones((21, 1))], 1).astype(np.float32)
    image = np.random.default_rng(1).integers(0, 255, (160, 200, 3), np.uint8)
    return Sample(
        image=cv2.GaussianBlur(image, (0, 0), 3),
        K=K,
        joints_2d=np.concatenate([joints, np.full((21, 1), 2, np.float32)], 1)[None],
        joints_3d=(rays * depth)[None],
        vertices=np.zeros((1, 778, 3), np.float32) + (rays * depth)[0]
        if vertices
        else np.zeros((1, 778, 3), np.float32),
        side=np.array([side], np.int8),
        has_3d=np.ones(1, bool),
        has_vertices=np.full(1, vertices),
        ignore=np.zeros(1, bool),
        complete=True,
        absolute=True,
    )


def frames(*samples: Sample, size: int = 200) -> Frames:
    return load_frames(samples, size, DEVICE)


def sources() -> Sources:
    free = without_hands(np.full((120, 150, 3), 90, np.uint8))
    return Sources(frames(sample(), sample(LEFT)), frames(sample(vertices=False)), frames(free, size=150))
