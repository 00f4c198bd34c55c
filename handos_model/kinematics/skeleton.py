"""HandSkeleton: the bones of a template as chains, and their poses in a given mesh."""

from __future__ import annotations

from functools import cache

import numpy as np

from handos_model.hand import FINGERTIPS, Hand
from handos_model.template.anatomy import SEGMENTS, finger_bones
from handos_model.template.hand_template import HandTemplate
from handos_model.template.load import load_template

FOREIGN = 0.15
"""Distance of a mesh from its template in the nearest pose (root mean square, as a fraction of its extent) beyond which
it is of another template. Predicted hands, doubtful ones included, are within 0.006; 0.34 is by chance."""


class HandSkeleton:
    """The bones of a template, finger by finger, and the inverse of its skinning.

    Linear blend skinning is linear in the bones' transforms: 778 vertices are more than enough to determine 20 bones,
    and one matrix product gives them all, whatever their lengths and girths. Arrays over levels and fingers (4, 5) go
    from the wrist out, thumb first; where a finger has no such bone, they hold values that leave the chain unchanged.
    """

    def __init__(self, template: HandTemplate) -> None:
        self.template = template
        self.bones = finger_bones(template).T
        """(4, 5) indices of the bones, -1 where there is none."""
        self.wrist = list(template.bone_parents).index(-1)
        """Index of the wrist's bone."""
        self._skinning = _skinning(template)  # (V, B, 4)
        self._inverse = np.linalg.pinv(self._skinning.reshape(len(self._skinning), -1))  # (4 B, V)
        self._tips = template.joint_regressor[list(FINGERTIPS)].astype(np.float64)
        self.turns, self.places, self.ends = _chains(template, self.bones, self.wrist)
        """For bones at rest: rotation (4, 5, 3, 3) and origin (4, 5, 3) m in the parent's frame, end (4, 5, 3) m in
        the bone's own."""
        self.aims = self.ends / np.maximum((self.ends**2).sum(axis=2, keepdims=True), 1e-12)
        """(4, 5, 3) 1/m, the ends divided by their squared lengths."""
        following = [self.bones[level + 1 :] for level in range(4)]
        self.children = np.array([
            [next((bone for bone in chain if bone >= 0), -5 + finger) for finger, chain in enumerate(later.T)]
            for later in following
        ])  # fmt: skip
        """(4, 5) indices in joints_of of the point where a bone ends: the next bone's origin, or the fingertip."""
        self._metacarpals = self._metacarpal_regressor()

    def mesh_of(self, hand: Hand) -> np.ndarray:
        """The vertices (V, 3) m of a hand; ValueError if they are not finite, missing or those of another template."""
        if hand.vertices.shape != self.template.vertices.shape:
            raise ValueError(f"the mesh has the shape {hand.vertices.shape}, must be {self.template.vertices.shape}")
        if not np.isfinite(hand.vertices).all():
            raise ValueError("the mesh holds NaN or infinity, must be finite")
        return hand.vertices.astype(np.float64)

    def transforms(self, vertices: np.ndarray) -> np.ndarray:
        """Transforms (B, 4, 3) of the bones of a right hand: rows x, y, z of each bone's axes, then its origin.

        vertices (V, 3) m. A row is an axis, in the axes of the vertices, times the factor by which the bone is longer
        along it than the template's. If no pose of the template gives these vertices, this is a least-squares fit.
        """
        return (self._inverse @ vertices).reshape(-1, 4, 3)

    def vertices(self, transforms: np.ndarray) -> np.ndarray:
        """Vertices (V, 3) m for transforms (B, 4, 3): the skinning itself."""
        return self._skinning.reshape(len(self._skinning), -1) @ transforms.reshape(-1, 3)

    def joints_of(self, vertices: np.ndarray, transforms: np.ndarray) -> np.ndarray:
        """Origins of all bones, then the fingertips, (B + 5, 3) m, of a mesh and its transforms."""
        return np.concatenate([transforms[:, 3], self._tips @ vertices])

    def metacarpals(self, vertices: np.ndarray) -> np.ndarray | None:
        """Where the metacarpals of index to little finger begin, (4, 3) m; None if the template has no such bones.

        vertices (V, 3) m of a hand of either side. They are fixed in the wrist's bone.
        """
        return None if self._metacarpals is None else self._metacarpals @ vertices

    def _metacarpal_regressor(self) -> np.ndarray | None:
        bones = self.bones[SEGMENTS.index("metacarpal"), 1:]
        if (bones < 0).any():
            return None
        frames = self.template.bone_frames.astype(np.float64)
        starts = np.linalg.inv(frames[self.wrist]) @ frames[bones, :, 3].T  # (4, 4)
        return starts.T @ self._inverse[4 * self.wrist : 4 * self.wrist + 4]


def _skinning(template: HandTemplate) -> np.ndarray:
    """Weights (V, B, 4) of the rows of the bones' transforms for every vertex."""
    vertices = np.append(template.vertices, np.ones((len(template.vertices), 1)), axis=1).astype(np.float64)
    in_bones = np.einsum("bij,vj->vbi", np.linalg.inv(template.bone_frames.astype(np.float64)), vertices)
    return template.skinning_weights[:, :, None] * in_bones


def _chains(template: HandTemplate, bones: np.ndarray, wrist: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    turns, places, ends = np.tile(np.eye(3), (4, 5, 1, 1)), np.zeros((4, 5, 3)), np.zeros((4, 5, 3))
    frames = template.bone_frames.astype(np.float64)
    tips = np.append(template.joints[list(FINGERTIPS)], np.ones((5, 1)), axis=1)
    for finger in range(5):
        parent, before = wrist, None
        for level, bone in enumerate(bones[:, finger]):
            if bone < 0:
                continue
            local = np.linalg.inv(frames[parent]) @ frames[bone]
            turns[level, finger], places[level, finger] = local[:3, :3], local[:3, 3]
            if before is not None:
                ends[before, finger] = local[:3, 3]
            parent, before = bone, level
        ends[before, finger] = (np.linalg.inv(frames[parent]) @ tips[finger])[:3]
    return turns, places, ends


def skeleton_of(hand: Hand, given: HandSkeleton | None) -> HandSkeleton:
    """The given skeleton or, without one, the embedded template's; ValueError if the mesh is not of that template.

    Templates may have equally many vertices: MANO has 778 in another order, which would give meaningless angles.
    """
    if given is not None:
        return given
    skeleton = embedded_skeleton()
    vertices = skeleton.mesh_of(hand)
    off = skeleton.vertices(skeleton.transforms(vertices)) - vertices
    if np.sqrt((off**2).sum(axis=1).mean()) > FOREIGN * np.ptp(vertices, axis=0).max():
        raise ValueError("the mesh is not of the embedded template: pass skeleton=HandSkeleton(predictor.template)")
    return skeleton


@cache
def embedded_skeleton() -> HandSkeleton:
    """The skeleton of the embedded template."""
    return HandSkeleton(load_template())
