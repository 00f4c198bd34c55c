"""A coarse subset of a hand template's vertices, and the fixed weights that restore all vertices from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handos_model.template.hand_template import HandTemplate, skin

NEIGHBOURS = 14  # coarse vertices that may contribute to one vertex
NOISE = 0.0005  # m, expected error of a coarse vertex; it keeps the weights small
HANDS = 2000  # random hands to which the weights are fitted

# (flexion low, high, abduction +-, twist +-) in degrees by the kind of bone
LIMITS = {
    "wrist": (0, 0, 0, 0),
    "thumb-metacarpal": (-25, 40, 25, 15),
    "thumb-phalanx-proximal": (-15, 60, 10, 5),
    "thumb-phalanx-distal": (-25, 85, 3, 3),
    "metacarpal": (-3, 8, 3, 3),
    "phalanx-proximal": (-30, 95, 20, 6),
    "phalanx-intermediate": (-8, 110, 3, 3),
    "phalanx-distal": (-15, 85, 3, 3),
}


def _limits(bone: str) -> np.ndarray:
    return np.radians(LIMITS.get(bone, LIMITS.get(bone.partition("finger-")[2], (0, 0, 0, 0))))


def random_hands(
    template: HandTemplate, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random hands within wide joint limits: rotations (N, B, 3, 3), lengths (N, B), thickness (N, 1) for skin()."""
    limits = np.array([_limits(bone) for bone in template.bone_names])  # (B, 4)
    size = (count, len(limits))
    flexion = -rng.uniform(limits[:, 0], limits[:, 1], size)
    abduction = rng.uniform(-limits[:, 2], limits[:, 2], size)
    twist = rng.uniform(-limits[:, 3], limits[:, 3], size)
    rotations = _turn(abduction, 1) @ _turn(flexion, 0) @ _turn(twist, 2)
    return rotations, rng.uniform(0.9, 1.1, size), rng.uniform(0.9, 1.1, (count, 1))


def _turn(angle: np.ndarray, axis: int) -> np.ndarray:
    """Rotations (..., 3, 3) by angle (...) in radians about a coordinate axis."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    result = np.zeros((*angle.shape, 3, 3))
    result[..., axis, axis] = 1
    result[..., i, i] = result[..., j, j] = np.cos(angle)
    result[..., j, i] = np.sin(angle)
    result[..., i, j] = -np.sin(angle)
    return result


def coarse_subset(template: HandTemplate, size: int = 96) -> HandTemplate:
    """The template with `coarse` (C,) and `upsample` (V, C) recomputed.

    Four well-spread vertices per bone come first (an affine bone transform has four unknowns per coordinate), then
    those where the reconstruction is worst. Each row of upsample is a least-squares fit over random posed and scaled
    hands, restricted to the nearest coarse vertices, with a penalty that limits the effect of noise in these.
    """
    bones = template.skinning_weights.shape[1]
    if size < 4 * bones:
        raise ValueError(f"a coarse subset of {size} vertices is too small: {bones} bones need at least {4 * bones}")
    posed = skin(template, *random_hands(template, HANDS, np.random.default_rng(0))).astype(np.float64)
    samples = posed.transpose(0, 2, 1).reshape(-1, posed.shape[1])  # (3N, V)
    gram = samples.T @ samples / HANDS
    chosen = _seeds(template)
    while True:
        upsample = _fit(template.vertices, gram, np.array(chosen))
        if len(chosen) >= size:
            break
        residual = np.eye(len(gram))
        residual[:, chosen] -= upsample
        error = np.einsum("ij,jk,ik->i", residual, gram, residual, optimize=True)
        error[chosen] = 0
        chosen.append(int(error.argmax()))
    return replace(template, coarse=np.array(chosen, np.int32), upsample=upsample.astype(np.float32))


def _seeds(template: HandTemplate) -> list[int]:
    """Four vertices of each bone: the one farthest along it, then farthest-point sampling among those it moves."""
    chosen: list[int] = []
    for bone, frame in enumerate(template.bone_frames):
        weight = template.skinning_weights[:, bone]
        own = np.flatnonzero((weight >= np.sort(weight)[-12]) | (weight > 0.6))
        own = own[~np.isin(own, chosen)]
        points = template.vertices[own]
        picked = [int(((points - frame[:3, 3]) @ -frame[:3, 2]).argmax())]
        while len(picked) < 4:
            distance = np.linalg.norm(points[:, None] - points[picked], axis=2).min(axis=1)
            picked.append(int((distance * weight[own]).argmax()))
        chosen += [int(i) for i in own[picked]]
    return chosen


def _fit(vertices: np.ndarray, gram: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Rows (V, C): minimise error + 3 NOISE^2 |row|^2 subject to sum(row) = 1, over the nearest coarse vertices."""
    upsample = np.zeros((len(vertices), len(coarse)))
    distance = np.linalg.norm(vertices[:, None] - vertices[coarse], axis=2)
    for vertex, near in enumerate(np.argsort(distance, axis=1)[:, :NEIGHBOURS]):
        columns = coarse[near]
        system = np.ones((NEIGHBOURS + 1, NEIGHBOURS + 1))
        system[:-1, :-1] = gram[np.ix_(columns, columns)] + 3 * NOISE**2 * np.eye(NEIGHBOURS)
        system[-1, -1] = 0
        upsample[vertex, near] = np.linalg.solve(system, np.append(gram[columns, vertex], 1))[:-1]
    upsample[coarse] = np.eye(len(coarse))
    return upsample
