"""HandSkeleton: where the bones of a hand are, from its mesh alone."""

from __future__ import annotations

from functools import cache

import numpy as np

from handos_model.template.anatomy import SEGMENTS, finger_bones
from handos_model.template.hand_template import HandTemplate
from handos_model.template.load import load_template


class HandSkeleton:
    """The bones of a template, and the inverse of its skinning.

    Linear blend skinning is linear in the bones' transforms: 778 vertices say more than enough of 20 bones, and one
    matrix product gives them all, whatever lengths and girths the bones have.
    """

    def __init__(self, template: HandTemplate) -> None:
        self.template = template
        self.bones = finger_bones(template)
        """(5, 4) indices of the bones of each finger, -1 where there is none."""
        self._inverse = _skinning_inverse(template)  # (B, 4, V)
        self._metacarpals = self._metacarpal_regressor()

    def transforms(self, vertices: np.ndarray) -> np.ndarray:
        """Transforms (B, 4, 3) of the bones of a right hand: rows x, y, z of each bone's axes, then its origin.

        vertices (V, 3) m. A row is an axis times the factor by which the bone is longer along it than the template's,
        in the axes of the vertices. Where no pose of the template gives these vertices, they are its least squares.
        """
        return (self._inverse.reshape(-1, len(vertices)) @ vertices).reshape(-1, 4, 3)

    def metacarpals(self, vertices: np.ndarray) -> np.ndarray | None:
        """Where the metacarpals of index to little finger begin, (4, 3) m; None where the template has no such bones.

        vertices (V, 3) m of a hand of either side. They are fixed in the wrist's bone.
        """
        return None if self._metacarpals is None else self._metacarpals @ vertices

    def _metacarpal_regressor(self) -> np.ndarray | None:
        bones = self.bones[1:, SEGMENTS.index("metacarpal")]
        if (bones < 0).any():
            return None
        frames = self.template.bone_frames.astype(np.float64)
        wrist = list(self.template.bone_parents).index(-1)
        starts = np.linalg.inv(frames[wrist]) @ frames[bones, :, 3].T  # (4, 4)
        return starts.T @ self._inverse[wrist]


def _skinning_inverse(template: HandTemplate) -> np.ndarray:
    """Weights (B, 4, V) by which vertices give the bones' transforms."""
    vertices = np.append(template.vertices, np.ones((len(template.vertices), 1)), axis=1).astype(np.float64)
    in_bones = np.einsum("bij,vj->vbi", np.linalg.inv(template.bone_frames.astype(np.float64)), vertices)
    skinning = template.skinning_weights[:, :, None] * in_bones  # (V, B, 4)
    return np.linalg.pinv(skinning.reshape(len(vertices), -1)).reshape(*skinning.shape[1:], -1)


@cache
def embedded_skeleton() -> HandSkeleton:
    """That of the embedded template."""
    return HandSkeleton(load_template())
