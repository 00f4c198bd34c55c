"""The template's bones in numba: forward kinematics, skinning and self-collision at the rate a renderer needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from handos_model.data.synthetic.pose import HIGHEST, LOWEST, sample_pose
from handos_model.template import HandTemplate

FINGERS = ("thumb", "index-finger", "middle-finger", "ring-finger", "pinky-finger")
SEGMENTS = ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal")
TOLERANCE = 0.0035  # m that flesh may give way before two fingers count as one through the other


@dataclass(frozen=True)
class Rig:
    """A template prepared for posing. bones (5,4) int: bone of finger and segment (-1: none, the thumb has three)."""

    template: HandTemplate
    bones: np.ndarray
    local: np.ndarray  # (B,4,4) rest pose of each bone in its parent
    to_bone: np.ndarray  # (B,4,4) template to bone, rest pose
    tips: np.ndarray  # (5,3) fingertip joint in its distal bone
    influence: np.ndarray  # (V,4) int32, the strongest bones of a vertex
    weight: np.ndarray  # (V,4) float32, summing to 1


def make_rig(template: HandTemplate) -> Rig:
    """Prepare a template; raises ValueError when it lacks a bone that posing needs."""
    names = list(template.bone_names)
    bones = np.full((5, 4), -1, np.int64)
    for i, finger in enumerate(FINGERS):
        for j, segment in enumerate(SEGMENTS):
            if i == 0 and segment == "phalanx-intermediate":
                continue
            name = f"{finger}-{segment}"
            if name not in names:
                raise ValueError(f"template {template.name!r} has no bone {name!r}: render with the embedded template")
            bones[i, j] = names.index(name)
    frames = template.bone_frames.astype(np.float64)
    to_bone = np.linalg.inv(frames)
    local = np.array([frames[b] if p < 0 else to_bone[p] @ frames[b] for b, p in enumerate(template.bone_parents)])
    tips = np.append(template.joints[[4, 8, 12, 16, 20]], np.ones((5, 1)), 1)
    tips = np.array([(to_bone[bones[i, 3]] @ tips[i])[:3] for i in range(5)])
    strongest = np.argsort(-template.skinning_weights, axis=1)[:, :4].astype(np.int32)
    weight = np.take_along_axis(template.skinning_weights, strongest, 1)
    return Rig(template, bones, local, to_bone, tips, strongest, weight / weight.sum(1, keepdims=True))


def rotations(rig: Rig, pose: np.ndarray) -> np.ndarray:
    """Local bone rotations (B,3,3) of a pose (5,5) in degrees, as `template.skin` takes them."""
    return _rotations(pose, rig.bones, len(rig.local))


@njit(cache=True, fastmath=True)
def _euler(flexion, abduction, twist):
    """Twist, then abduct (towards -x), then flex (towards -y), degrees."""
    x, y, z = -np.radians(flexion), np.radians(abduction), np.radians(twist)
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    rx = np.array([[1.0, 0.0, 0.0], [0.0, cx, -sx], [0.0, sx, cx]])
    ry = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    rz = np.array([[cz, -sz, 0.0], [sz, cz, 0.0], [0.0, 0.0, 1.0]])
    return ry @ rx @ rz


@njit(cache=True, fastmath=True)
def _rotations(pose, bones, count):
    out = np.zeros((count, 3, 3))
    for b in range(count):
        out[b] = np.eye(3)
    out[bones[0, 0]] = _euler(pose[0, 0], pose[0, 1], pose[0, 4])
    out[bones[0, 1]] = _euler(pose[0, 2], 0.0, 0.0)
    out[bones[0, 3]] = _euler(pose[0, 3], 0.0, 0.0)
    for i in range(1, 5):
        out[bones[i, 0]] = _euler(pose[i, 4], 0.0, 0.0)
        out[bones[i, 1]] = _euler(pose[i, 0], pose[i, 1], 0.0)
        out[bones[i, 2]] = _euler(pose[i, 2], 0.0, 0.0)
        out[bones[i, 3]] = _euler(pose[i, 3], 0.0, 0.0)
    return out


@njit(cache=True, fastmath=True)
def forward(turns, lengths, thickness, local, parents):
    """Posed bone frames (B,4,4): local rotations (B,3,3), factors along and across each bone (B,)."""
    count = len(parents)
    out = np.zeros((count, 4, 4))
    for b in range(count):
        p = parents[b]
        out[b, 3, 3] = 1.0
        if p < 0:
            out[b, :3, :3] = np.ascontiguousarray(local[b, :3, :3]) @ turns[b]
            out[b, :3, 3] = local[b, :3, 3]
            continue
        frame = np.ascontiguousarray(out[p, :3, :3])
        out[b, :3, :3] = frame @ np.ascontiguousarray(local[b, :3, :3]) @ turns[b]
        offset = np.array([thickness[p] * local[b, 0, 3], thickness[p] * local[b, 1, 3], lengths[p] * local[b, 2, 3]])
        out[b, :3, 3] = frame @ offset + out[p, :3, 3]
    return out


@njit(cache=True, fastmath=True)
def blend(frames, lengths, thickness, to_bone, influence, weight, vertices):
    """Linear blend skinning: vertices (V,3) float32 of posed bone frames (B,4,4)."""
    count = len(frames)
    affine = np.zeros((count, 3, 4))
    for b in range(count):
        scaled = frames[b, :3].copy()
        for i in range(3):
            scaled[i, 0] *= thickness[b]
            scaled[i, 1] *= thickness[b]
            scaled[i, 2] *= lengths[b]
        affine[b] = scaled @ to_bone[b]
    out = np.zeros(vertices.shape, np.float32)
    for v in range(len(vertices)):
        for k in range(influence.shape[1]):
            m, w = affine[influence[v, k]], weight[v, k]
            x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
            for i in range(3):
                out[v, i] += w * (m[i, 0] * x + m[i, 1] * y + m[i, 2] * z + m[i, 3])
    return out


@njit(cache=True, fastmath=True)
def _gap(a, b, c, d):
    """Distance between the segments a-b and c-d, by clamped closest points (Ericson, Real-Time Collision Detection)."""
    u, v, w = b - a, d - c, a - c
    uu, uv, vv, uw, vw = u @ u + 1e-12, u @ v, v @ v + 1e-12, u @ w, v @ w
    den = uu * vv - uv * uv
    s = min(1.0, max(0.0, (uv * vw - vv * uw) / den)) if den > 1e-14 else 0.0
    t = (uv * s + vw) / vv
    if t < 0:
        t, s = 0.0, min(1.0, max(0.0, -uw / uu))
    elif t > 1:
        t, s = 1.0, min(1.0, max(0.0, (uv - uw) / uu))
    return np.sqrt(np.sum((w + s * u - t * v) ** 2))


@njit(cache=True, fastmath=True)
def worst_collision(frames, tips, bones, girth):
    """Deepest overlap in m of two finger segments taken as capsules, and the two fingers (the palm is 5)."""
    points = np.zeros((5, 4, 3))
    for i in range(5):
        last = bones[i, 3]
        for j in range(3):
            points[i, j] = frames[bones[i, j + 1 if i > 0 else (j if j < 2 else 3)], :3, 3]
        points[i, 3] = np.ascontiguousarray(frames[last, :3, :3]) @ tips[i] + frames[last, :3, 3]
    radius = (
        np.array(
            [
                [0.0125, 0.0105, 0.009],
                [0.0095, 0.008, 0.007],
                [0.0095, 0.008, 0.007],
                [0.009, 0.0075, 0.0065],
                [0.008, 0.0065, 0.006],
            ]
        )
        * girth
    )
    depth, first, second = -1.0, 0, 0
    for i in range(5):
        for j in range(3):
            for k in range(i + 1, 5):
                for m in range(3):
                    if i > 0 and j == 0 and m == 0:  # neighbours share the web
                        continue
                    if i == 0 and j == 0 and m == 0:
                        continue
                    gap = _gap(points[i, j], points[i, j + 1], points[k, m], points[k, m + 1])
                    if radius[i, j] + radius[k, m] - gap > depth:
                        depth, first, second = radius[i, j] + radius[k, m] - gap, i, k
            if j == 0:
                continue
            for k in range(1, 5):  # palm: metacarpals from their bone's start to the knuckle
                gap = _gap(points[i, j], points[i, j + 1], frames[bones[k, 0], :3, 3], points[k, 0])
                overlap = radius[i, j] + 0.012 * girth - gap
                if overlap > depth and not (i == k and j == 1 and overlap < 0.008):
                    depth, first, second = overlap, i, 5
    return depth, first, second


@njit(cache=True, fastmath=True)
def _resolve(pose, lengths, thickness, local, parents, bones, tips, lowest, highest, girth, tolerance):
    """Open the fingers that run into each other, a little at a time; returns the overlap that is left."""
    depth = 0.0
    for _ in range(24):
        frames = forward(_rotations(pose, bones, len(parents)), lengths, thickness, local, parents)
        depth, i, k = worst_collision(frames, tips, bones, girth)
        if depth <= tolerance:
            return depth
        if i == 0:  # lift the thumb off
            pose[0, 1] += 2.5
            pose[0, 0] -= 2.0 if k == 5 else 1.0
            pose[0, 3] *= 0.93
            pose[0, 2] *= 0.95
            if k < 5:
                pose[k, 2] *= 0.98
        elif k == 5:
            pose[i, :4] *= 0.95
        else:
            pose[i, 1] += 1.5
            pose[k, 1] -= 1.5
            pose[i, 0], pose[k, 0] = 0.9 * pose[i, 0] + 0.1 * pose[k, 0], 0.9 * pose[k, 0] + 0.1 * pose[i, 0]
        pose[:] = np.minimum(np.maximum(pose, lowest), highest)
    return depth


def sample_free_pose(
    rng: np.random.Generator, rig: Rig, lengths: np.ndarray, thickness: np.ndarray, tries: int = 6
) -> np.ndarray:
    """A random pose (5,5) in degrees in which no finger runs through another by more than flesh gives way."""
    parents = rig.template.bone_parents
    best, least = None, np.inf
    girth = float(np.mean(thickness))
    for _ in range(tries):
        pose = sample_pose(rng)
        depth = _resolve(
            pose, lengths, thickness, rig.local, parents, rig.bones, rig.tips, LOWEST, HIGHEST, girth, TOLERANCE
        )
        if depth < least:
            best, least = pose, depth
        if least <= TOLERANCE:
            break
    return best


def posed(rig: Rig, pose: np.ndarray, lengths: np.ndarray, thickness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V,3) float32 and bone frames (B,4,4) of a pose, template frame, metres; equals `template.skin`."""
    frames = forward(rotations(rig, pose), lengths, thickness, rig.local, rig.template.bone_parents)
    vertices = blend(frames, lengths, thickness, rig.to_bone, rig.influence, rig.weight, rig.template.vertices)
    return vertices, frames
