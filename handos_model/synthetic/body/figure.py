"""A plain figure (head, hair, neck, shirt) behind the hands: skin against skin, cloth against cloth."""

from __future__ import annotations

import numpy as np

from handos_model.synthetic.body import things
from handos_model.synthetic.body.person import other_material, sample_colour, skin_material
from handos_model.synthetic.body.pose import turn
from handos_model.synthetic.rendering.mesh import Mesh, plain_mesh

HAIR = np.array([[0.02, 0.015, 0.01], [0.08, 0.05, 0.03], [0.25, 0.16, 0.07], [0.35, 0.33, 0.31]])


def make_figure(rng: np.random.Generator, tone: np.ndarray, materials: list[np.ndarray]) -> list[Mesh]:
    """Meshes of a figure that faces the camera: origin between the eyes, x right, y down, z away, metres.

    tone: sRGB skin (3,); rows for skin, hair and shirt are appended to materials.
    """
    skin, hair, shirt = range(len(materials), len(materials) + 3)
    materials += [skin_material(rng), other_material(rng, 60, 0.3), other_material(rng, 12, 0.7)]
    flesh, strands = tone**2, HAIR[rng.integers(len(HAIR))] * rng.uniform(0.5, 1.5)
    wide, tall = rng.uniform(0.068, 0.08), rng.uniform(1.3, 1.5)
    parts: list[Mesh] = []

    def add(shape, at, squeeze, colour, material):
        vertices, faces, rest = shape
        parts.append(plain_mesh(vertices * squeeze + at, faces, rest, colour, material))

    add(things.ball(wide, tall), (0, 0.015, wide), (1, 1, 1.15), flesh, skin)
    add(things.ball(wide * 1.1, 1.25), (0, -0.035, wide * 1.45), (1, 1, 1.1), strands, hair)
    add(things.ball(0.016), (0, 0.035, -0.004), (0.8, 1.5, 1), flesh * 0.95, skin)  # nose
    add(things.ball(0.02), (0, 0.072, 0.01), (1.2, 0.35, 0.5), flesh * [0.8, 0.45, 0.45], skin)  # mouth
    for side in (-1, 1):
        add(things.ball(0.014), (side * 0.031, 0, 0.008), (1, 0.55, 0.6), np.array([0.7, 0.68, 0.65]), skin)
        add(things.ball(0.0065), (side * 0.031, 0, 0.001), (1, 1, 0.5), np.array([0.03, 0.02, 0.02]), skin)
        add(things.ball(0.018), (side * 0.032, -0.021, 0.006), (1, 0.3, 0.5), strands, hair)  # brow
        add(things.ball(0.025), (side * wide, 0.02, wide * 1.1), (0.35, 1.3, 0.8), flesh * 0.95, skin)  # ear
    add(things.cylinder(0.055, 0.16), (0, 0.15, wide * 1.3), (1, 1, 1), flesh * 0.85, skin)
    cloth = sample_colour(rng)
    add(things.ball(0.2, 0.5), (0, 0.29, wide * 1.3), (1.15, 0.9, 0.6), cloth, shirt)
    add(things.cylinder(0.2, 0.6, 0.9), (0, 0.59, wide * 1.3), (1.05, 1, 0.6), cloth, shirt)
    look = turn(1, rng.normal(0, 0.35)) @ turn(0, rng.normal(0, 0.15)) @ turn(2, rng.normal(0, 0.15))
    for part in parts:
        part.vertices = part.vertices @ look.T
    return parts
