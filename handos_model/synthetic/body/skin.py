"""Skin: tones, redness, nails and creases, laid out once on the template's rest pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.hand import FINGERTIPS
from handos_model.synthetic.body.rig import Rig
from handos_model.synthetic.rendering.raster import vertex_normals
from handos_model.synthetic.rendering.surface import FOLD, LINE, NAIL, WRINKLE

# sRGB tones from pale to deep, chosen by eye between photos of many hands
TONES = np.array(
    [
        [244, 214, 198], [238, 200, 178], [230, 186, 160], [222, 172, 142], [208, 156, 124],
        [190, 138, 104], [168, 116, 84], [140, 92, 66], [108, 70, 50], [80, 52, 40], [58, 40, 33],
    ],
    float,
)  # fmt: skip
VARNISH = np.array([[0.7, 0.05, 0.1], [0.9, 0.6, 0.65], [0.1, 0.1, 0.15], [0.85, 0.85, 0.85]])


@dataclass(frozen=True)
class SkinMap:
    """Details of skin on the template. Weights (V,) 0..1; features (N,14) and feature_start (B+1,) as in surface.py."""

    palm: np.ndarray
    tip: np.ndarray
    knuckle: np.ndarray
    features: np.ndarray
    feature_start: np.ndarray
    face_bone: np.ndarray  # (F,) int32


def make_skin_map(rig: Rig) -> SkinMap:
    """Places nails, finger folds, knuckle wrinkles and palm lines on a template."""
    template = rig.template
    vertices = template.vertices.astype(np.float32)
    dominant = template.skinning_weights.argmax(1)
    normals = vertex_normals(vertices, template.faces)
    back = np.array([template.bone_frames[b, :3, 1] for b in dominant])
    palm = np.clip(0.5 - 0.9 * np.einsum("vi,vi->v", normals, back), 0, 1)
    joints = template.joints
    distance = np.linalg.norm(vertices[:, None] - joints[None, list(FINGERTIPS)], axis=2).min(1)
    knuckles = np.linalg.norm(vertices[:, None] - joints[None, [3, 5, 6, 9, 10, 13, 14, 17, 18, 7, 11, 15, 19]], axis=2)
    rows: list[list[np.ndarray]] = [[] for _ in template.bone_names]
    for finger in range(5):
        _finger_details(rig, finger, vertices[dominant == rig.bones[finger, 3]], rows)
    _palm_lines(rig, rows)
    counts = [len(r) for r in rows]
    face_weights = template.skinning_weights[template.faces].sum(1)
    return SkinMap(
        palm,
        np.exp(-((distance / 0.012) ** 2)),
        np.exp(-((knuckles.min(1) / 0.012) ** 2)) * (1 - palm),
        np.array([f for r in rows for f in r]),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        face_weights.argmax(1).astype(np.int32),
    )


def _feature(kind: int, frame: np.ndarray, origin: np.ndarray, scale: list[float], strength: float) -> np.ndarray:
    """Row of surface.py: kind, affine from the template to the feature's own units, strength; frame (3,3) of axes."""
    matrix = frame.T / np.asarray(scale)[:, None]
    return np.concatenate([[kind], np.c_[matrix, -matrix @ origin].ravel(), [strength]])


def _finger_details(rig: Rig, finger: int, tip_vertices: np.ndarray, rows: list[list[np.ndarray]]) -> None:
    """A nail on the last bone; folds on the palm side and wrinkles on the back of every joint."""
    frames, bones = rig.template.bone_frames.astype(float), rig.bones[finger]
    last = frames[bones[3]]
    local = (tip_vertices - last[:3, 3]) @ last[:3, :3]
    end = local[:, 2].min()
    tip = local[local[:, 2] < end + 0.016]
    half, middle = np.ptp(tip[:, :2], axis=0) / 2, (tip[:, :2].max(0) + tip[:, :2].min(0)) / 2
    centre = last[:3, 3] + last[:3, :3] @ np.array([*middle, end + 1.05 * half[0]])
    rows[bones[3]].append(_feature(NAIL, last[:3, :3], centre, [0.72 * half[0], half[1], 0.85 * half[0]], 1.0))
    chain = [b for b in bones if b >= 0]
    for parent, child in zip(chain, chain[1:], strict=False):
        frame = frames[child]
        knuckle = child == bones[1] and finger > 0
        for bone in (parent, child):
            if not knuckle:
                rows[bone].append(_feature(FOLD, -frame[:3, :3], frame[:3, 3], [0.01, 0.006, 0.0009], 0.35))
                wide = [0.007, 0.005, 0.0026]
                rows[bone].append(_feature(WRINKLE, frame[:3, :3], frame[:3, 3], wide, 0.2))
            else:  # the fold at the root of a finger lies a good way out, where the web ends
                root = frame[:3, 3] - frame[:3, 2] * 0.021
                rows[bone].append(_feature(FOLD, -frame[:3, :3], root, [0.01, 0.006, 0.001], 0.3))


def _palm_lines(rig: Rig, rows: list[list[np.ndarray]]) -> None:
    """Heart, head and life line as straight pieces in the palm, and the wrist crease."""
    joints = rig.template.joints.astype(float)
    index, middle, ring, little, cmc = joints[5], joints[9], joints[13], joints[17], joints[1]
    web = (index + middle) / 2 - [0, 0, 0.006]
    lines = (
        (little + [0.012, 0, 0.018], ring + [0, 0, 0.012], middle + [0, 0, 0.006], web),
        (index + [-0.012, 0, 0.018], middle + [0, 0, 0.026], ring + [0, 0, 0.038], little + [0.004, 0, 0.045]),
        (index + [-0.012, 0, 0.02], index + [0.010, 0, 0.04], cmc + [0.028, 0, -0.018], cmc + [0.022, 0, 0.018]),
    )
    palm_bones = [0, *rig.bones[:, 0], *rig.bones[1:, 1]]
    for line in lines:
        for start, stop in zip(line, line[1:], strict=False):
            along = (stop - start) * [1, 0, 1]
            length = float(np.linalg.norm(along))
            z = along / length
            down = np.array([0, -1.0, 0])
            frame = np.stack([np.cross(down, z), down, z], axis=1)
            row = _feature(LINE, frame, start * [1, 0, 1] + [0, -0.004, 0], [0.0011, 0.006, length], 0.22)
            for bone in palm_bones:
                rows[bone].append(row)


def sample_tone(rng: np.random.Generator) -> np.ndarray:
    """A skin tone (3,), sRGB 0..1."""
    x = rng.beta(1.1, 1.5) * (len(TONES) - 1)
    low = int(min(x, len(TONES) - 2))
    tone = TONES[low] + (TONES[low + 1] - TONES[low]) * (x - low)
    return np.clip(tone * np.exp(rng.normal(0, [0.03, 0.04, 0.05])) / 255, 0.05, 0.98)


def paint(rng: np.random.Generator, skin: SkinMap, tone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear albedo (V,3) of a hand of that tone, and its nail row (4,): linear colour and shine."""
    depth = 1 - tone.mean()  # deep tones have much lighter palms
    light = TONES[3] / 255
    palm = skin.palm[:, None] * np.clip(rng.normal(0.25 + 0.45 * depth, 0.1), 0.05, 0.8)
    colour = tone * (1 - palm) + palm * (0.55 * tone + 0.45 * light) * [1.06, 0.97, 0.97]
    red = rng.uniform(0.0, 0.16) * (0.5 + tone.mean())
    redness = red * (skin.tip * (0.4 + 0.6 * skin.palm) + 0.7 * skin.knuckle)[:, None] + 0.03 * skin.palm[:, None]
    colour = colour * (1 + redness * [0.15, -0.75, -0.65])
    colour = colour * (1 - rng.uniform(0, 0.25) * depth * skin.knuckle[:, None])
    nail = np.clip(tone * 0.7 + 0.3 * np.array([0.93, 0.76, 0.72]) + rng.normal(0, 0.02, 3), 0.05, 1)
    if rng.random() < 0.08:
        nail = VARNISH[rng.integers(len(VARNISH))] * rng.uniform(0.7, 1)
    return np.clip(colour, 0.02, 1) ** 2, np.append(nail**2, rng.uniform(0.05, 0.3))
