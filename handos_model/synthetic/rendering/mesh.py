"""Meshes with everything that the shader needs, and how to join several of them into one scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.synthetic.rendering.refine import Refinement, split_edges


@dataclass
class Mesh:
    """vertices (V,3) m; faces (F,3) normals outwards; rest (V,3) texture coordinates; albedo (V,3) linear;
    material (F,) row of the material table; bone (F,) skin detail of the face, -1 for none; owner: hand number, -1;
    refinement: how to round it before it is drawn, None for drawing it as it is."""

    vertices: np.ndarray
    faces: np.ndarray
    rest: np.ndarray
    albedo: np.ndarray
    material: np.ndarray
    bone: np.ndarray
    owner: int = -1
    refinement: Refinement | None = None


def plain_mesh(vertices: np.ndarray, faces: np.ndarray, rest: np.ndarray, colour: np.ndarray, material: int) -> Mesh:
    """A mesh of one colour (linear, (3,) or (V,3)) and one material, without skin detail."""
    count = len(faces)
    albedo = np.broadcast_to(np.asarray(colour, np.float32), (len(vertices), 3)).astype(np.float32)
    return Mesh(vertices, faces, rest, albedo, np.full(count, material, np.int32), np.full(count, -1, np.int32))


def join(meshes: list[Mesh]) -> Mesh:
    """Joins several meshes into one."""
    offsets = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]).astype(np.float32),
        np.concatenate([m.faces + o for m, o in zip(meshes, offsets, strict=True)]).astype(np.int32),
        np.concatenate([m.rest for m in meshes]).astype(np.float32),
        np.concatenate([m.albedo for m in meshes]).astype(np.float32),
        np.concatenate([m.material for m in meshes]),
        np.concatenate([m.bone for m in meshes]),
    )


def refine(
    meshes: list[Mesh], whole: Mesh, normals: np.ndarray, openness: np.ndarray
) -> tuple[Mesh, np.ndarray, np.ndarray, np.ndarray]:
    """Rounds those of the joined meshes that require it. normals (V,3) and openness (V,) belong to `whole`.

    Returns the new whole; for each of its faces, the hand whose skin or glove it is, -1 for anything else; and the
    normals and openness of its vertices.
    """
    vertices, rest, albedo = [whole.vertices], [whole.rest], [whole.albedo]
    all_normals, all_openness = [normals], [openness]
    faces, times = [], []
    first, added = 0, len(whole.vertices)
    for mesh in meshes:
        count = len(mesh.vertices)
        times.append(1)
        if mesh.refinement is None:
            faces.append(mesh.faces + first)
        else:
            edges = mesh.refinement.edges + np.int32(first)
            fine = mesh.refinement.faces
            faces.append(np.where(fine < count, fine + first, fine + (added - count)))
            middle, normal = split_edges(whole.vertices, normals, edges)
            vertices.append(middle)
            all_normals.append(normal)
            for parts, values in ((rest, whole.rest), (albedo, whole.albedo), (all_openness, openness)):
                parts.append((values[edges[:, 0]] + values[edges[:, 1]]) / 2)
            added += len(edges)
            times[-1] = 4
        first += count
    repeat = np.repeat(times, [len(m.faces) for m in meshes])
    owners = np.concatenate([np.where(m.bone >= 0, m.owner, -1) for m in meshes])
    refined = Mesh(
        np.concatenate(vertices),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(rest),
        np.concatenate(albedo),
        np.repeat(whole.material, repeat),
        np.repeat(whole.bone, repeat),
    )
    return refined, np.repeat(owners, repeat), np.concatenate(all_normals), np.concatenate(all_openness)


def tube_faces(rings: int, around: int) -> np.ndarray:
    """Faces (F,3) between consecutive closed rings of vertices, numbered ring by ring."""
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = i * around + j, i * around + (j + 1) % around
    c, d = a + around, b + around
    return np.stack([a, c, b, b, c, d], -1).reshape(-1, 3).astype(np.int32)
