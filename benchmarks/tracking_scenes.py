"""Hands with known motion, and what a predictor would see of them: noise, missed hands, wrong sides."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from handos_model import Camera, Hand, load_template
from handos_model.hand import joints_box
from handos_model.template.hand_template import skin
from handos_model.tracking.mirroring import mirrored_in_depth

RATE = 30.0  # frames per second
CAMERA = Camera.from_fov(640, 480)
NOISE_ACROSS, NOISE_DEPTH, NOISE_SHAPE, NOISE_IMAGE = 0.0013, 0.006, 0.0017, 3.1
"""m, m, m per coordinate and px: white noise with the second differences of a real video, quick motion included."""
MISSED, WRONG_SIDE, ONE_HAND = 0.05, 0.2, 0.15
"""Shares of frames that miss a hand and that get its side wrong; distance of joints in hand sizes below which a
predictor takes two hands for one and keeps either."""


def reaching() -> tuple[list[Hand], list[Hand], np.ndarray]:
    """Truth, measurement and whether it moves (T,) bool, of a hand that reaches 0.4 m in 0.6 s, closes and opens."""
    rng = np.random.default_rng(0)
    truth, moving = [], []
    places = np.array([[-0.2, 0, 0.6], [0.2, 0, 0.6], [0.2, 0, 0.9], [-0.2, 0.1, 0.6]])
    for number in range(8):
        start, end = places[number % 4], places[(number + 1) % 4]
        for frame in range(48):  # 0.6 s of reaching, 1 s of rest
            share = min(frame / 18, 1.0)
            done = share**3 * (10 - 15 * share + 6 * share**2)  # least jerk
            curl = 0.2 + 0.6 * (done if number % 2 else 1 - done)
            truth.append(_hand(start + done * (end - start), "right", round(curl, 2)))
            moving.append(0 < frame <= 24)  # until the filter had time to arrive
    return truth, [_measured(hand, rng) for hand in truth], np.array(moving)


def wandering(seed: int, sides: tuple[str, ...], seconds: float = 4.0) -> tuple[list[list[Hand]], list[list[int]]]:
    """Hands of every frame, and which of `sides` each is, of hands on sine paths through each other's way."""
    rng = np.random.default_rng(seed)
    count = len(sides)
    rates, phases = rng.uniform(0.1, 0.7, (count, 3)), rng.uniform(0, 2 * np.pi, (count, 3))
    curls = rng.choice([0.1, 0.4, 0.8], count)
    frames, owners = [], []
    for time in np.arange(0, seconds, 1 / RATE):
        places = [0, 0.1, 0.65] + np.array([0.2, 0.12, 0.12]) * np.sin(2 * np.pi * rates * time + phases)
        hands = [_hand(*of) for of in zip(places, sides, curls, strict=True)]
        seen: list[int] = []
        for i in rng.permutation(count).tolist():
            if rng.random() >= MISSED and not any(_taken_for_one(hands[i], hands[j]) for j in seen):
                seen.append(i)
        frames.append([_mistaken(_measured(hands[i], rng), rng) for i in seen])
        owners.append(seen)
    return frames, owners


def _taken_for_one(one: Hand, other: Hand) -> bool:
    size = max(np.ptp(hand.joints_2d, axis=0).max() for hand in (one, other))
    return bool(np.linalg.norm(one.joints_2d - other.joints_2d, axis=1).mean() < ONE_HAND * size)


@cache
def _shape(side: str, curl: float) -> tuple[np.ndarray, np.ndarray]:
    """Joints (21, 3) and vertices (778, 3) m relative to the wrist: fingers up, palm to the camera, bent by `curl`."""
    template = load_template()
    c, s = np.cos(curl), np.sin(curl)
    phalanx = np.array(["phalanx" in name for name in template.bone_names])
    rotations = np.where(phalanx[:, None, None], np.array([[1, 0, 0], [0, c, s], [0, -s, c]]), np.eye(3))
    to_camera = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])  # template: -z to the fingers, +y out of the back
    vertices = skin(template, rotations).astype(np.float64) @ to_camera.T
    vertices = vertices * [1 if side == "right" else -1, 1, 1]
    joints = template.joint_regressor @ vertices
    return joints - joints[0], vertices - joints[0]


def _hand(place: np.ndarray, side: str, curl: float) -> Hand:
    joints, vertices = (np.float32(points + place) for points in _shape(side, float(curl)))
    joints_2d = np.float32(CAMERA.project(joints))
    return Hand(
        0.9,
        side,
        0.8,
        joints_box(joints_2d),
        joints_2d,
        np.full(21, 0.8, np.float32),
        joints,
        vertices,
        np.float32(place),
    )


def _measured(hand: Hand, rng: np.random.Generator) -> Hand:
    place = hand.translation + np.float32(rng.normal(0, [NOISE_ACROSS, NOISE_ACROSS, NOISE_DEPTH]))
    joints, vertices = (
        points - hand.translation + place + np.float32(rng.normal(0, NOISE_SHAPE, points.shape))
        for points in (hand.joints_3d, hand.vertices)
    )
    joints[0] = place
    joints_2d = hand.joints_2d + np.float32(rng.normal(0, NOISE_IMAGE, (21, 2)))
    return replace(
        hand, translation=place, joints_3d=joints, vertices=vertices, joints_2d=joints_2d, box=joints_box(joints_2d)
    )


def _mistaken(hand: Hand, rng: np.random.Generator) -> Hand:
    if rng.random() >= WRONG_SIDE:
        return hand
    return replace(mirrored_in_depth(hand), side="left" if hand.side == "right" else "right")
