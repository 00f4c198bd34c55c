"""The other hand in the pose that looks most similar: corrects frames that mistake a left hand for a right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handos_model.hand import Hand
from handos_model.template.hand_template import signed_volume


def mirrored_in_depth(hand: Hand) -> Hand:
    """The hand with joints_3d and vertices mirrored at the plane through the wrist normal to the ray to their mean.

    That is the other hand in the most similar-looking pose: bone lengths and the wrist stay, joints move in the image
    only because perspective depends on their depth (by 3 % of a hand's size on average; with a plane normal to the
    wrist's ray it would be 11 %), and the mesh has the other chirality. side stays as it is.
    """
    ray = hand.joints_3d.mean(axis=0, dtype=np.float64)
    ray = ray / max(np.linalg.norm(ray), 1e-9)

    def mirrored(points: np.ndarray) -> np.ndarray:
        depth = (points - hand.translation) @ ray
        return (points - 2 * depth[:, None] * ray).astype(np.float32)

    return replace(hand, joints_3d=mirrored(hand.joints_3d), vertices=mirrored(hand.vertices), relief=None)


def mesh_side(hand: Hand, faces: np.ndarray) -> str:
    """The chirality of a hand's mesh, "left" or "right"; even a hand of unknown side has one. faces (F, 3).

    Without a mesh, as in results without vertices, the hand's side is all that is known.
    """
    if hand.side != "unknown" or not len(hand.vertices):
        return hand.side
    return "right" if signed_volume(hand.vertices - hand.translation, faces) > 0 else "left"
