"""Objects that hands hold and that occlude them: boxes, cylinders, spheres, rings on fingers."""

from __future__ import annotations

import numpy as np

from handos_model.synthetic.rendering.mesh import tube_faces


def _revolve(profile: np.ndarray, around: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn a profile (R,2) of radius and height about y. Vertices, faces, texture coordinates (u, v, 0)."""
    angle = np.arange(around) / around * 2 * np.pi
    x, z = np.cos(angle), np.sin(angle)
    radius, height = profile[:, :1], profile[:, 1:]
    vertices = np.stack([radius * x, np.broadcast_to(height, (len(profile), around)), radius * z], -1).reshape(-1, 3)
    u = 1 - np.abs(2 * np.arange(around) / around - 1)
    v = np.linspace(0, 1, len(profile))
    rest = np.stack(np.broadcast_arrays(u[None], v[:, None], 0.0), -1).reshape(-1, 3)
    return vertices, tube_faces(len(profile), around), rest


def cylinder(radius: float, length: float, taper: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A closed cylinder or cone along y, centred, metres."""
    half, tip = length / 2, radius * taper
    profile = [[1e-5, -half], [radius * 0.97, -half], [radius, -half * 0.97], [tip, half * 0.97], [tip * 0.97, half]]
    return _revolve(np.array([*profile, [1e-5, half]]), 24)


def ball(radius: float, stretch: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A ball, or an egg along y, centred, metres."""
    t = np.linspace(-np.pi / 2, np.pi / 2, 13)
    profile = np.stack([np.maximum(np.cos(t), 1e-3) * radius, np.sin(t) * radius * stretch], 1)
    return _revolve(profile, 22)


def box(size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A box of the edge lengths size (3,), centred, metres; every side has its own corners, so edges stay sharp."""
    vertices: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    rest: list[np.ndarray] = []
    for axis in range(3):
        for sign in (-1, 1):
            i, j = (axis + 1) % 3, (axis + 2) % 3
            corners = np.zeros((4, 3))
            corners[:, axis] = sign
            corners[:, i] = [-1, 1, 1, -1]
            corners[:, j] = [-1, -1, 1, 1]
            first = 4 * len(vertices)
            order = [[0, 1, 2], [0, 2, 3]] if sign > 0 else [[0, 2, 1], [0, 3, 2]]
            vertices.append(corners * size / 2)
            faces.append(np.array(order) + first)
            rest.append(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]))
    return np.concatenate(vertices), np.concatenate(faces).astype(np.int32), np.concatenate(rest).astype(float)


def finger_ring(radius: float, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A ring along y: a band of that inner radius, metres."""
    thick, flat = 0.0012, 0.9
    profile = np.array(
        [[radius, -width], [radius + thick, -width * flat], [radius + thick * 1.2, 0], [radius + thick, width * flat],
         [radius, width]]
    )  # fmt: skip
    profile[:, 1] /= 2
    return _revolve(profile, 20)


def random_thing(rng: np.random.Generator, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random object that fits a hand when scale is 1."""
    kind = rng.integers(4)
    if kind == 0:
        return cylinder(rng.uniform(0.006, 0.04) * scale, rng.uniform(0.06, 0.24) * scale, rng.uniform(0.6, 1.2))
    if kind == 1:
        return ball(rng.uniform(0.02, 0.045) * scale, rng.uniform(0.7, 1.4))
    if kind == 2:
        return box(rng.uniform(0.015, 0.09, 3) * scale)
    return box(np.array([rng.uniform(0.06, 0.08), rng.uniform(0.12, 0.16), rng.uniform(0.005, 0.012)]) * scale)
