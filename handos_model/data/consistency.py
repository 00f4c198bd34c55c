"""Checks that the labels of a sample agree with each other and with the proportions of hands."""

from __future__ import annotations

import numpy as np

from handos_model.data.sample import LEFT, RIGHT, SIDE_NAMES, Sample, project
from handos_model.hand import BONES, JOINT_NAMES
from handos_model.template.hand_template import signed_volume
from handos_model.template.mano_layer import ManoLayer

LENGTHS = {"thumb_cmc": (0.015, 0.08), "mcp": (0.045, 0.13), "other": (0.008, 0.08)}
"""m, from the previous joint: the wrist to the thumb's CMC, the wrist to a finger's MCP, and along a finger. The limits
range from small children to the largest adults, with a margin, as data sets differ in where exactly joints are."""
PROJECTION = 2.0, 0.02
"""Maximum distance between joints and their projection, in px and as a fraction of the hand's extent."""
REGRESSED = 0.02
"""Maximum distance in m between a joint and its place in the mesh. The joints that pose a hand differ by some
millimetres from those that its mesh gives, fingertips by up to one centimetre."""


def faults(sample: Sample, mano: ManoLayer | None = None) -> list[str]:
    """One line for everything that is wrong with a sample; meshes of MANO are checked with the user's right hand."""
    try:
        sample.check()
    except ValueError as error:
        return [str(error)]
    found = []
    for hand, side in enumerate(sample.side):
        lines = _in_picture(sample, hand) + _projection(sample, hand) + _bones(sample, hand)
        if mano is not None and sample.template == "mano":
            lines += _mesh(sample, hand, mano)
        found += [f"hand {hand} ({SIDE_NAMES.get(int(side), 'side unknown')}): {line}" for line in lines]
    return found


def _in_picture(sample: Sample, hand: int) -> list[str]:
    joints = sample.joints_2d[hand, sample.joints_2d[hand, :, 2] > 0, :2]
    inside = ((joints > -0.5) & (joints < np.array(sample.image.shape[1::-1]) - 0.5)).all(1)
    return ["none of its labelled joints lies in the image"] if len(joints) and not inside.any() else []


def _projection(sample: Sample, hand: int) -> list[str]:
    """Compares 2D joints with projected 3D ones, if the camera is known."""
    if not (sample.absolute and sample.has_3d[hand]):
        return []
    joints = sample.joints_3d[hand].astype(np.float64)
    if (joints[:, 2] <= 0).any():
        return [f"{JOINT_NAMES[joints[:, 2].argmin()]} is behind the camera, at z = {joints[:, 2].min():.3f} m"]
    labelled = sample.joints_2d[hand, :, 2] > 0
    if not labelled.any():
        return []
    pixels = sample.joints_2d[hand, :, :2]
    distance = np.where(labelled, np.linalg.norm(project(joints, sample.K) - pixels, axis=-1), 0)
    allowed = PROJECTION[0] + PROJECTION[1] * np.ptp(pixels[labelled], axis=0).max()
    worst = int(distance.argmax())
    if distance[worst] <= allowed:
        return []
    return [
        f"{JOINT_NAMES[worst]} is projected {distance[worst]:.1f} px away from its label, the limit is {allowed:.1f}"
    ]


def _bones(sample: Sample, hand: int) -> list[str]:
    if not sample.has_3d[hand]:
        return []
    found = []
    for parent, child in BONES:
        length = float(np.linalg.norm(sample.joints_3d[hand, child] - sample.joints_3d[hand, parent]))
        kind = "other" if parent else "thumb_cmc" if JOINT_NAMES[child] == "thumb_cmc" else "mcp"
        low, high = LENGTHS[kind]
        if not low <= length <= high:
            found.append(
                f"{JOINT_NAMES[parent]} to {JOINT_NAMES[child]} measures {1000 * length:.1f} mm, "
                f"a hand has {1000 * low:.0f} to {1000 * high:.0f}"
            )
    return found


def _mesh(sample: Sample, hand: int, mano: ManoLayer) -> list[str]:
    """Compares the mesh with side and joints."""
    if not sample.has_vertices[hand]:
        return []
    vertices, side, found = sample.vertices[hand].astype(np.float64), int(sample.side[hand]), []
    shown = RIGHT if signed_volume(vertices, mano.faces) > 0 else LEFT
    if side in SIDE_NAMES and shown != side:
        found.append(f"the mesh is that of a {SIDE_NAMES[shown]} hand")
    if sample.has_3d[hand]:
        distance = np.linalg.norm(mano.joints_of(vertices) - sample.joints_3d[hand], axis=-1)
        worst = int(distance.argmax())
        if distance[worst] > REGRESSED:
            found.append(f"the mesh has {JOINT_NAMES[worst]} {1000 * distance[worst]:.1f} mm away from its label")
    return found
