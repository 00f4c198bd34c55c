"""The template's bones in numba: forward kinematics, skinning and self-collision at the rate a renderer needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from handos_model.hand import FINGERTIPS
from handos_model.synthetic.body.pose import sample_pose
from handos_model.template.anatomy import HIGHEST, LOWEST, finger_bones
from handos_model.template.hand_template import HandTemplate

# m, half as thick as the finger segments are, thumb first
RADII = np.array(
    [
        [0.0125, 0.0105, 0.009],
        [0.0095, 0.008, 0.007],
        [0.0095, 0.008, 0.007],
        [0.009, 0.0075, 0.0065],
        [0.008, 0.0065, 0.006],
    ]
)
PALM_RADIUS = 0.012
TOLERANCE = 0.0035  # m that flesh may yield before two fingers count as passing through each other
TRIES = 6  # poses that are drawn to find a free one


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
    bones = finger_bones(template)
    if (bones < 0).sum() > 1:  # the thumb has one bone less
        raise ValueError(f"template {template.name!r} lacks metacarpals: render with the embedded template")
    frames = template.bone_frames.astype(np.float64)
    to_bone = np.linalg.inv(frames)
    local = np.array([frames[b] if p < 0 else to_bone[p] @ frames[b] for b, p in enumerate(template.bone_parents)])
    tips = np.append(template.joints[list(FINGERTIPS)], np.ones((5, 1)), 1)
    tips = np.array([(to_bone[bones[i, 3]] @ tips[i])[:3] for i in range(5)])
    strongest = np.argsort(-template.skinning_weights, axis=1)[:, :4].astype(np.int32)
    weight = np.take_along_axis(template.skinning_weights, strongest, 1)
    return Rig(template, bones, local, to_bone, tips, strongest, weight / weight.sum(1, keepdims=True))


def rotations(rig: Rig, pose: np.ndarray) -> np.ndarray:
    """Local bone rotations (B,3,3) of a pose (5,5) in degrees, as `template.skin` takes them."""
    return _rotations(pose, rig.bones, len(rig.local))


@njit(cache=True, fastmath=True)
def _multiply(a, b, out):
    """out (3,3) = a (3,3) @ b (3,3); explicit loops, as calls into BLAS cost more than they save at this size."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@njit(cache=True, fastmath=True)
def _euler(flexion, abduction, twist, out):
    """Twist, then flex (towards -y), then abduct (towards -x), degrees: Ry @ Rx @ Rz into out (3,3)."""
    x, y, z = -np.radians(flexion), np.radians(abduction), np.radians(twist)
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    out[0, 0], out[0, 1], out[0, 2] = cy * cz + sy * sx * sz, sy * sx * cz - cy * sz, sy * cx
    out[1, 0], out[1, 1], out[1, 2] = cx * sz, cx * cz, -sx
    out[2, 0], out[2, 1], out[2, 2] = cy * sx * sz - sy * cz, sy * sz + cy * sx * cz, cy * cx


@njit(cache=True, fastmath=True)
def _rotations(pose, bones, count):
    out = np.zeros((count, 3, 3))
    for b in range(count):
        for i in range(3):
            out[b, i, i] = 1.0
    _euler(pose[0, 0], pose[0, 1], pose[0, 4], out[bones[0, 0]])
    _euler(pose[0, 2], 0.0, 0.0, out[bones[0, 1]])
    _euler(pose[0, 3], 0.0, 0.0, out[bones[0, 3]])
    for i in range(1, 5):
        _euler(pose[i, 4], 0.0, 0.0, out[bones[i, 0]])
        _euler(pose[i, 0], pose[i, 1], 0.0, out[bones[i, 1]])
        _euler(pose[i, 2], 0.0, 0.0, out[bones[i, 2]])
        _euler(pose[i, 3], 0.0, 0.0, out[bones[i, 3]])
    return out


@njit(cache=True, fastmath=True)
def forward(turns, lengths, thickness, local, parents):
    """Posed bone frames (B,4,4): local rotations (B,3,3), factors along and across each bone (B,)."""
    count = len(parents)
    out = np.zeros((count, 4, 4))
    rest = np.zeros((3, 3))
    for b in range(count):
        p = parents[b]
        out[b, 3, 3] = 1.0
        if p < 0:
            _multiply(local[b], turns[b], out[b])
            for i in range(3):
                out[b, i, 3] = local[b, i, 3]
            continue
        _multiply(local[b], turns[b], rest)
        _multiply(out[p], rest, out[b])
        x, y, z = thickness[p] * local[b, 0, 3], thickness[p] * local[b, 1, 3], lengths[p] * local[b, 2, 3]
        for i in range(3):
            out[b, i, 3] = out[p, i, 0] * x + out[p, i, 1] * y + out[p, i, 2] * z + out[p, i, 3]
    return out


@njit(cache=True, fastmath=True)
def blend(frames, lengths, thickness, to_bone, influence, weight, vertices):
    """Linear blend skinning: vertices (V,3) float32 of posed bone frames (B,4,4)."""
    count = len(frames)
    affine = np.zeros((count, 3, 4))
    for b in range(count):
        across, along = thickness[b], lengths[b]
        for i in range(3):
            x, y, z = frames[b, i, 0] * across, frames[b, i, 1] * across, frames[b, i, 2] * along
            for k in range(4):
                affine[b, i, k] = x * to_bone[b, 0, k] + y * to_bone[b, 1, k] + z * to_bone[b, 2, k]
            affine[b, i, 3] += frames[b, i, 3]
    out = np.zeros(vertices.shape, np.float32)
    for v in range(len(vertices)):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        for k in range(influence.shape[1]):
            b, w = influence[v, k], weight[v, k]
            for i in range(3):
                m = affine[b, i]
                out[v, i] += w * (m[0] * x + m[1] * y + m[2] * z + m[3])
    return out


@njit(cache=True, fastmath=True)
def _gap(a, b, c, d):
    """Distance between the segments a-b and c-d, by clamped closest points (Ericson, Real-Time Collision Detection)."""
    uu, uv, vv, uw, vw = 1e-12, 0.0, 1e-12, 0.0, 0.0
    for k in range(3):
        u, v, w = b[k] - a[k], d[k] - c[k], a[k] - c[k]
        uu, uv, vv, uw, vw = uu + u * u, uv + u * v, vv + v * v, uw + u * w, vw + v * w
    den = uu * vv - uv * uv
    s = min(1.0, max(0.0, (uv * vw - vv * uw) / den)) if den > 1e-14 else 0.0
    t = (uv * s + vw) / vv
    if t < 0:
        t, s = 0.0, min(1.0, max(0.0, -uw / uu))
    elif t > 1:
        t, s = 1.0, min(1.0, max(0.0, (uv - uw) / uu))
    total = 0.0
    for k in range(3):
        total += (a[k] - c[k] + s * (b[k] - a[k]) - t * (d[k] - c[k])) ** 2
    return np.sqrt(total)


@njit(cache=True, fastmath=True)
def _finger_points(frames, tips, bones):
    """Joints (5,4,3) of the fingers from their second bone on (the thumb from its first) to the tip."""
    points = np.zeros((5, 4, 3))
    for i in range(5):
        for j in range(3):
            bone = bones[i, j + 1] if i > 0 or j == 2 else bones[i, j]
            for k in range(3):
                points[i, j, k] = frames[bone, k, 3]
        last = frames[bones[i, 3]]
        for k in range(3):
            points[i, 3, k] = last[k, 0] * tips[i, 0] + last[k, 1] * tips[i, 1] + last[k, 2] * tips[i, 2] + last[k, 3]
    return points


@njit(cache=True, fastmath=True)
def worst_collision(frames, tips, bones, girth):
    """Deepest overlap in m of two finger segments taken as capsules, and the two fingers (the palm is 5)."""
    points = _finger_points(frames, tips, bones)
    depth, first, second = -1.0, 0, 0
    for i in range(5):
        for j in range(3):
            for k in range(i + 1, 5):
                for m in range(3):
                    if j == 0 and m == 0:  # neighbours share the web
                        continue
                    gap = _gap(points[i, j], points[i, j + 1], points[k, m], points[k, m + 1])
                    overlap = (RADII[i, j] + RADII[k, m]) * girth - gap
                    if overlap > depth:
                        depth, first, second = overlap, i, k
            if j == 0:
                continue
            for k in range(1, 5):  # palm: metacarpals from their bone's start to the knuckle
                gap = _gap(points[i, j], points[i, j + 1], frames[bones[k, 0], :3, 3], points[k, 0])
                overlap = (RADII[i, j] + PALM_RADIUS) * girth - gap
                if overlap > depth and not (i == k and j == 1 and overlap < 0.008):
                    depth, first, second = overlap, i, 5
    return depth, first, second


@njit(cache=True, fastmath=True)
def _resolve(pose, lengths, thickness, local, parents, bones, tips, lowest, highest, girth, tolerance):
    """Opens fingers that run into each other, a little at a time; returns the remaining overlap."""
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
            for m in range(4):
                pose[i, m] *= 0.95
        else:
            pose[i, 1] += 1.5
            pose[k, 1] -= 1.5
            pose[i, 0], pose[k, 0] = 0.9 * pose[i, 0] + 0.1 * pose[k, 0], 0.9 * pose[k, 0] + 0.1 * pose[i, 0]
        for m in range(5):
            for n in range(5):
                pose[m, n] = min(max(pose[m, n], lowest[m, n]), highest[m, n])
    return depth


def sample_free_pose(rng: np.random.Generator, rig: Rig, lengths: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """A random pose (5,5) in degrees in which no finger enters another by more than flesh yields."""
    parents = rig.template.bone_parents
    best, least = None, np.inf
    girth = float(np.mean(thickness))
    for _ in range(TRIES):
        pose = sample_pose(rng)
        depth = _resolve(
            pose, lengths, thickness, rig.local, parents, rig.bones, rig.tips, LOWEST, HIGHEST, girth, TOLERANCE
        )
        if depth < least:
            best, least = pose, depth
        if least <= TOLERANCE:
            break
    assert best is not None
    return best


def posed(rig: Rig, pose: np.ndarray, lengths: np.ndarray, thickness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V,3) float32 and bone frames (B,4,4) of a pose, template frame, metres; equals `template.skin`."""
    frames = forward(rotations(rig, pose), lengths, thickness, rig.local, rig.template.bone_parents)
    vertices = blend(frames, lengths, thickness, rig.to_bone, rig.influence, rig.weight, rig.template.vertices)
    return vertices, frames
