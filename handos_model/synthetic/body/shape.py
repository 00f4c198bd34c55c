"""Hand shapes: bone lengths, girth and overall size drawn around the template's."""

from __future__ import annotations

import numpy as np

from handos_model.synthetic.body.rig import Rig


def sample_shape(rng: np.random.Generator, rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """Factors along and across every bone, (B,) each, overall size 0.85 to 1.15 included.

    Deviations follow hand surveys roughly: fingers vary by 6 % against the palm, single bones by 3 %, girth by 8 %.
    """
    size = np.clip(rng.normal(1.0, 0.07), 0.85, 1.15)
    count = len(rig.local)
    lengths = np.ones(count)
    thickness = np.full(count, np.exp(rng.normal(0, 0.05)))
    fingers, girth = np.exp(rng.normal(0, 0.05)), np.exp(rng.normal(0, 0.07))
    for row in rig.bones:
        finger, finger_girth = fingers * np.exp(rng.normal(0, 0.025)), girth * np.exp(rng.normal(0, 0.02))
        for segment, bone in enumerate(row):
            if bone >= 0 and segment > 0:
                lengths[bone] = finger * np.exp(rng.normal(0, 0.02))
                thickness[bone] = finger_girth
    return np.clip(lengths, 0.8, 1.25) * size, np.clip(thickness, 0.8, 1.25) * size
