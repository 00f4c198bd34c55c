"""Triangles with everything the shader asks for, and how to put several of them into one scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Mesh:
    """vertices (V,3) m; faces (F,3) normals outwards; rest (V,3) texture coordinates; albedo (V,3) linear;
    material (F,) row of the material table; bone (F,) skin detail of the face, -1 for none; owner: hand number, -1."""

    vertices: np.ndarray
    faces: np.ndarray
    rest: np.ndarray
    albedo: np.ndarray
    material: np.ndarray
    bone: np.ndarray
    owner: int = -1


def plain_mesh(
    vertices: np.ndarray, faces: np.ndarray, rest: np.ndarray, colour: np.ndarray, material: int, owner: int = -1
) -> Mesh:
    """A mesh of one colour (linear, (3,) or (V,3)) and one material, without skin detail."""
    count = len(faces)
    albedo = np.broadcast_to(np.asarray(colour, np.float32), (len(vertices), 3)).astype(np.float32)
    return Mesh(
        vertices, faces, rest, albedo, np.full(count, material, np.int32), np.full(count, -1, np.int32), owner
    )


def join(meshes: list[Mesh]) -> tuple[Mesh, np.ndarray]:
    """One mesh of many, and for each of its faces (F,) the hand it is skin or glove of, -1 for anything else."""
    offsets = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    whole = Mesh(
        np.concatenate([m.vertices for m in meshes]).astype(np.float32),
        np.concatenate([m.faces + o for m, o in zip(meshes, offsets, strict=True)]).astype(np.int32),
        np.concatenate([m.rest for m in meshes]).astype(np.float32),
        np.concatenate([m.albedo for m in meshes]).astype(np.float32),
        np.concatenate([m.material for m in meshes]),
        np.concatenate([m.bone for m in meshes]),
    )
    return whole, np.concatenate([np.where(m.bone >= 0, m.owner, -1) for m in meshes])


def tube_faces(rings: int, around: int) -> np.ndarray:
    """Faces (F,3) between consecutive closed rings of vertices, numbered ring by ring."""
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = i * around + j, i * around + (j + 1) % around
    c, d = a + around, b + around
    return np.stack([a, c, b, b, c, d], -1).reshape(-1, 3).astype(np.int32)
