"""The forearm: a tube that continues the template's wrist, bends at wrist and elbow, with or without a sleeve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from handos_model.synthetic.rendering.mesh import tube_faces
from handos_model.template.hand_template import HandTemplate

STATIONS = np.array(
    [0, 0.006, 0.013, 0.022, 0.034, 0.048, 0.065, 0.09, 0.12, 0.155, 0.19, 0.22, 0.245, 0.265, 0.285, 0.31, 0.36, 0.42,
     0.5]
)  # fmt: skip  # m along the arm, from the rim of the hand


@dataclass(frozen=True)
class WristRim:
    """Where the closed hand is cut open for the arm. ring (N,): vertices in order around the arm, such that the tube's
    faces point outwards; open_faces (F,) bool: all but the lid."""

    ring: np.ndarray
    open_faces: np.ndarray


@dataclass(frozen=True)
class ArmShape:
    """Bends in rad (wrist flexion, deviation, elbow), elbow direction, widths as factors."""

    flexion: float
    deviation: float
    elbow: float
    elbow_twist: float
    girth: float


def find_rim(template: HandTemplate) -> WristRim:
    """The flat lid that closes the wrist, and the ring around it; raises ValueError if there is none."""
    v, faces = template.vertices.astype(float), template.faces
    normals = np.cross(v[faces[:, 1]] - v[faces[:, 0]], v[faces[:, 2]] - v[faces[:, 0]])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    behind = v[faces][:, :, 2].mean(1) > 0.003
    seed = behind & (normals[:, 2] > 0.7)
    if not seed.any():
        raise ValueError(f"template {template.name!r} is open at the wrist: use the embedded template to render")
    direction = normals[seed].mean(0)
    lid = behind & (normals @ (direction / np.linalg.norm(direction)) > 0.97)
    edges = {(t[i], t[(i + 1) % 3]) for t in faces[lid] for i in range(3)}
    follow = {a: b for a, b in edges if (b, a) not in edges}
    ring = [next(iter(sorted(follow)))]
    while follow[ring[-1]] != ring[0] and len(ring) <= len(follow):
        ring.append(follow[ring[-1]])
    return WristRim(np.array(ring[::-1]), ~lid)


def sample_arm(rng: np.random.Generator) -> ArmShape:
    """A random arm within the wrist's range of motion."""
    return ArmShape(
        np.radians(np.clip(rng.normal(-8, 24), -60, 60)),
        np.radians(np.clip(rng.normal(0, 10), -25, 20)),
        np.radians(rng.uniform(0, 110)),
        rng.uniform(0, 2 * np.pi),
        np.exp(rng.normal(0, 0.1)),
    )


def arm_rings(hand: np.ndarray, rim: WristRim, arm: ArmShape, size: float) -> np.ndarray:
    """Rings (R,N,3) of the forearm in the wrist frame; the first is the hand's own rim. hand (V,3), size a factor."""
    bends = np.array([arm.flexion, arm.deviation, arm.elbow, arm.elbow_twist])
    return _rings(hand[rim.ring].astype(np.float64), STATIONS, bends, arm.girth * size, size)


@njit(cache=True)
def _roll(frame, i, j, angle):
    """Turn a frame (3,3) about its own axis that is neither i nor j, from column i to column j, in place."""
    c, s = np.cos(angle), np.sin(angle)
    for k in range(3):
        frame[k, i], frame[k, j] = frame[k, i] * c + frame[k, j] * s, frame[k, j] * c - frame[k, i] * s


@njit(cache=True)
def _ease(x):
    t = min(1.0, max(0.0, x))
    return t * t * (3 - 2 * t)


@njit(cache=True)
def _rings(start, stations, bends, girth, size):
    count = len(start)
    position, local, frame = np.zeros(3), np.zeros((count, 3)), np.zeros((3, 3))
    rings = np.empty((len(stations), count, 3))
    for k in range(3):
        frame[k, k] = 1.0
        for i in range(count):
            position[k] += start[i, k] / count
            rings[0, i, k] = start[i, k]
        for i in range(count):
            local[i, k] = start[i, k] - position[k]
    for r in range(1, len(stations)):
        before, s = stations[r - 1], stations[r]
        wrist = (min(s, 0.05) - min(before, 0.05)) / 0.05  # the bend is spread over 5 cm at the wrist, 6 at the elbow
        elbow = (min(0.06, max(0.0, s - 0.235)) - min(0.06, max(0.0, before - 0.235))) / 0.06
        _roll(frame, 1, 2, bends[0] * wrist)
        _roll(frame, 2, 0, bends[1] * wrist)
        _roll(frame, 0, 1, bends[3])
        _roll(frame, 1, 2, bends[2] * elbow)
        _roll(frame, 0, 1, -bends[3])
        muscle, t = _ease((s - 0.03) / 0.17), _ease(s / 0.045)
        a, b = (0.0285 + 0.013 * muscle) * girth, (0.0195 + 0.018 * muscle) * girth
        for k in range(3):
            position[k] += frame[k, 2] * (s - before) * size
        for i in range(count):
            # from the shape of the rim to an ellipse; the rim is cut at a slant, which fades over the first centimetres
            angle = np.arctan2(local[i, 1] / 0.7, local[i, 0])
            x = local[i, 0] * (1 - t) + np.cos(angle) * a * t
            y = local[i, 1] * (1 - t) + np.sin(angle) * b * t
            z = local[i, 2] * (1 - t) ** 2
            for k in range(3):
                rings[r, i, k] = position[k] + frame[k, 0] * x + frame[k, 1] * y + frame[k, 2] * z
    return rings


def arm_tube(rings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of the arm with its far end closed."""
    count, around = rings.shape[:2]
    vertices = np.concatenate([rings.reshape(-1, 3), rings[-1].mean(0, keepdims=True)])
    last = (count - 1) * around + np.arange(around)
    lid = np.stack([last, np.full(around, count * around), np.roll(last, -1)], 1)
    return vertices, np.concatenate([tube_faces(count, around), lid]).astype(np.int32)


def sleeve_tube(
    rng: np.random.Generator, rings: np.ndarray, start: float, looseness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a sleeve from `start` m along the arm to its end, `looseness` m away from the skin."""
    first = int(np.clip(np.searchsorted(STATIONS, start), 1, len(STATIONS) - 4))
    centres = rings.mean(1, keepdims=True)
    around = rings.shape[1]
    outwards = rings - centres
    radius = np.linalg.norm(outwards, axis=2, keepdims=True)
    phase = rng.uniform(0, 6.28, 3)
    angle = np.arange(around) / around * 2 * np.pi
    folds = np.sin(2 * angle + phase[0]) + 0.7 * np.sin(3 * angle + STATIONS[:, None] * 60 + phase[1])
    folds = folds + np.sin(STATIONS[:, None] * rng.uniform(80, 200) + phase[2] + angle)
    grow = looseness * (1 + 0.28 * folds[..., None] * min(1.0, looseness / 0.004)) + 0.0015
    outer = centres + outwards * (1 + grow / np.maximum(radius, 1e-4))
    # a hem: the cloth turns in to the skin at the cuff
    hem = rings[first : first + 1] + (outer[first : first + 1] - rings[first : first + 1]) * 0.1
    lip = outer[first : first + 1] + (outer[first : first + 1] - outer[first + 1 : first + 2]) * 0.08
    tube = np.concatenate([hem, lip, outer[first:]])
    return arm_tube(tube)
