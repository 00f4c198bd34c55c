"""The bones and joints of a hand template by finger, and how far the joints of a hand can turn.

The angles of a hand are an array (5, 5), a row per finger, thumb first, in the columns of ANGLE_NAMES. Limits follow
the usual ranges of motion in hand surgery tables, with a margin for lax joints.
"""

from __future__ import annotations

import numpy as np

from handos_model.hand import FINGERS
from handos_model.template.hand_template import HandTemplate

SEGMENTS = ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal")
"""Bones of a finger from the wrist on, as WebXR calls them; the thumb has no phalanx-intermediate."""

ANGLE_NAMES = (
    ("thumb_cmc_flexion", "thumb_cmc_abduction", "thumb_mcp_flexion", "thumb_ip_flexion", "thumb_cmc_twist"),
    *(
        tuple(f"{finger}_{angle}" for angle in (
            "mcp_flexion", "mcp_abduction", "pip_flexion", "dip_flexion", "cmc_flexion"
        ))
        for finger in FINGERS[1:]
    ),
)  # fmt: skip
"""(5, 5). Flexion is positive towards the palm (the thumb's towards the little finger), abduction towards the thumb's
side of the hand (the thumb's: out of the palm), the thumb's twist counter-clockwise seen from the wrist of a right
hand. A finger's cmc_flexion cups the palm."""

LOWEST = np.array([[-25, -30, -12, -20, -25]] + [[-25, -14, -6, -8, 0]] * 4, float)
HIGHEST = np.array(
    [[40, 35, 60, 80, 30], [90, 14, 108, 78, 3], [92, 12, 112, 80, 3], [94, 14, 112, 80, 9], [96, 22, 108, 80, 16]],
    float,
)
LOWEST[4, 1] = -22  # the little finger spreads wider, away from the thumb

_NEEDED = np.ones((5, 4), bool)
_NEEDED[1:, 0] = _NEEDED[0, 2] = False


def finger_bones(template: HandTemplate) -> np.ndarray:
    """Indices (5, 4) of the bones of each finger, thumb first, in the order of SEGMENTS; -1 where there is no bone.

    The metacarpals of the four fingers may be part of the wrist's bone, as in MANO. ValueError if other bones lack.
    """
    prefixes = {"thumb": "thumb", "little": "pinky-finger"}
    names = [[f"{prefixes.get(finger, f'{finger}-finger')}-{segment}" for segment in SEGMENTS] for finger in FINGERS]
    known = {name: index for index, name in enumerate(template.bone_names)}
    bones = np.array([[known.get(name, -1) for name in row] for row in names])
    missing = [repr(names[finger][segment]) for finger, segment in np.argwhere((bones < 0) & _NEEDED)]
    if missing:
        raise ValueError(f"hand template {template.name!r} has no bones {', '.join(missing)}")
    return bones
