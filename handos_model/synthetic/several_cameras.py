"""One hand as several cameras see it, to measure how accurate they are together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handos_model.synthetic.body.person import Studio, build_hand, sample_person
from handos_model.synthetic.body.pose import sample_orientation
from handos_model.synthetic.body.skin import sample_tone
from handos_model.synthetic.rendering.background import background, textures
from handos_model.synthetic.rendering.compose import draw
from handos_model.synthetic.rendering.mesh import Mesh
from handos_model.synthetic.rendering.photograph import photograph


@dataclass(frozen=True)
class HandScene:
    """A hand with its arm, its joints' mean at the origin. vertices (778, 3), joints_3d (21, 3) m, world frame."""

    vertices: np.ndarray
    joints_3d: np.ndarray
    side: str
    meshes: list[Mesh]
    materials: np.ndarray
    nail: np.ndarray
    studio: Studio

    def picture(
        self, rng: np.random.Generator, K: np.ndarray, size: tuple[int, int], rotation: np.ndarray, position: np.ndarray
    ) -> np.ndarray:
        """RGB (H, W, 3) uint8 of the camera with the intrinsics K (3, 3) that stands there.

        size: width and height in px; rotation (3, 3) from its axes to the world's, position (3,) m. Light and
        background are random.
        """
        width, height = size
        behind = background(rng, height, width, None, frozenset())
        sheets = textures(rng, behind, None, frozenset())
        meshes = [
            replace(mesh, vertices=((mesh.vertices - position) @ rotation).astype(np.float32)) for mesh in self.meshes
        ]
        seen = (self.vertices - position) @ rotation
        centre = (seen.min(axis=0) + seen.max(axis=0)) / 2
        radius = float(np.linalg.norm(seen - centre, axis=1).max())
        skin = self.studio.skin
        detail = (skin.features, skin.feature_start, self.nail)
        shown = draw(rng, meshes, (centre, radius), self.materials, detail, K, behind.astype(np.float32) / 255, sheets)
        return photograph(rng, shown[0])


def make_scene(rng: np.random.Generator, studio: Studio) -> HandScene:
    """A random hand of a random person, turned at random."""
    materials: list[np.ndarray] = []
    hand = build_hand(rng, studio, sample_person(rng, sample_tone(rng)), 0, materials)
    left = bool(rng.random() < 0.5)
    linear = np.diag([-1.0 if left else 1.0, 1, 1]) @ sample_orientation(rng)
    vertices = hand.vertices @ linear.T
    joints = studio.rig.template.joint_regressor.astype(np.float64) @ vertices
    middle = joints.mean(axis=0)
    meshes = [_turned(mesh, linear, middle, left) for mesh in hand.meshes]
    side = "left" if left else "right"
    return HandScene(vertices - middle, joints - middle, side, meshes, np.array(materials), hand.nail, studio)


def _turned(mesh: Mesh, linear: np.ndarray, middle: np.ndarray, left: bool) -> Mesh:
    faces = np.ascontiguousarray(mesh.faces[:, ::-1]) if left else mesh.faces
    return replace(mesh, vertices=(mesh.vertices @ linear.T - middle).astype(np.float32), faces=faces)
