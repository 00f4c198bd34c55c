#!/usr/bin/env python3
"""Makes handos_model/weights/template.npz from the rigged WebXR hand (MIT, see licences/webxr-input-profiles.txt).

Needs, beside NumPy: scipy, fast-simplification 0.2.0, and npm unless --glb names the file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import fast_simplification
import numpy as np
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a checkout that is not installed

from handos_model.template.coarse import coarse_subset, random_hands
from handos_model.template.embedded import EMBEDDED_TEMPLATE, save_template
from handos_model.template.hand_template import HandTemplate, pose_bones, signed_volume, skin

PACKAGE = "@webxr-input-profiles/assets@1.0.20"
MEMBER = "package/dist/profiles/generic-hand/right.glb"
GLB_SHA256 = "291790c14f7f88a7f9bd35330c47392ed8e8d395ae6728f4bb7089f1bc1f2b96"
VERTICES, FACES = 778, 1552  # a closed surface of genus 0: F = 2 V - 4
FINGERS = ("index-finger", "middle-finger", "ring-finger", "pinky-finger")
# the bone whose origin is the joint, in our order; tips are points of the skin
JOINT_BONES = (
    "wrist",
    "thumb-metacarpal",
    "thumb-phalanx-proximal",
    "thumb-phalanx-distal",
    "thumb-tip",
    *(
        f"{finger}-{part}"
        for finger in FINGERS
        for part in ("phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip")
    ),
)
PULP_ANGLE = np.radians(20)  # the touching point of a finger lies this far from the bone's axis towards the palm


@dataclass
class Rig:
    """Content of the glb: vertices (V, 3), faces (F, 3), weights (V, 25), bone names and frames (25, 4, 4)."""

    vertices: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    names: list[str]
    frames: np.ndarray


def fetch_glb() -> bytes:
    """right.glb out of the npm package."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            return archive.extractfile(MEMBER).read()


def accessor(gltf: dict, blob: bytes, index: int) -> np.ndarray:
    """One glTF accessor as (count, components)."""
    entry = gltf["accessors"][index]
    view = gltf["bufferViews"][entry["bufferView"]]
    kind = {5126: "<f4", 5121: "u1", 5123: "<u2"}[entry["componentType"]]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
    offset = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
    return np.frombuffer(blob, kind, entry["count"] * width, offset).reshape(-1, width)


def read_rig(data: bytes) -> Rig:
    """The skinned mesh in its bind pose, with the vertices doubled along UV seams merged."""
    length = struct.unpack_from("<I", data, 12)[0]
    gltf, blob = json.loads(data[20 : 20 + length]), data[28 + length :]
    primitive, skin_ = gltf["meshes"][0]["primitives"][0], gltf["skins"][0]
    attributes = primitive["attributes"]
    position = accessor(gltf, blob, attributes["POSITION"]).astype(np.float64)
    bones = accessor(gltf, blob, attributes["JOINTS_0"])
    weights = np.zeros((len(position), len(skin_["joints"])))
    np.add.at(weights, (np.arange(len(position))[:, None], bones), accessor(gltf, blob, attributes["WEIGHTS_0"]))
    # the mesh lives in the bind frame, where a bone is the inverse of its matrix, whatever pose the nodes are in
    inverse_bind = accessor(gltf, blob, skin_["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    frames = np.linalg.inv(inverse_bind.astype(np.float64))
    names = [gltf["nodes"][joint]["name"] for joint in skin_["joints"]]
    faces = accessor(gltf, blob, primitive["indices"]).reshape(-1, 3)
    _, first, index = np.unique(position.round(6), axis=0, return_index=True, return_inverse=True)
    return Rig(position[first], index.reshape(-1)[faces], weights[first], names, frames)


def to_wrist_frame(rig: Rig) -> Rig:
    """Moves the rig into the wrist bone's frame and cleans the bones' rotations."""
    inverse = np.linalg.inv(rig.frames[0])
    frames = inverse @ rig.frames
    frames[:, :3, :3] = Rotation.from_matrix(frames[:, :3, :3]).as_matrix()
    return Rig(rig.vertices @ inverse[:3, :3].T + inverse[:3, 3], rig.faces, rig.weights, rig.names, frames)


def check_surface(vertices: np.ndarray, faces: np.ndarray) -> None:
    """Stops unless the surface is closed, consistently oriented outwards and of genus 0."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    closed = len(directed) == len(edges) and all((b, a) in directed for a, b in directed)
    euler = len(vertices) - len(edges) // 2 + len(faces)
    if not closed or euler != 2 or signed_volume(vertices, faces) <= 0:
        raise SystemExit(f"Not a closed outward surface: closed {closed}, Euler characteristic {euler}.")


def check_right_hand(rig: Rig) -> None:
    """Stops unless the thumb is at -x where the fingers point to -z and the back of the hand to +y."""
    tip = {name: frame[:3, 3] for name, frame in zip(rig.names, rig.frames, strict=True)}
    bent = tip["middle-finger-tip"][1] - tip["middle-finger-metacarpal"][1]
    if not (tip["middle-finger-tip"][2] < -0.1 and tip["thumb-tip"][0] < tip["pinky-finger-tip"][0] and bent < 0):
        raise SystemExit("The rig is not a right hand in the wrist frame that is expected.")


def decimate(rig: Rig) -> tuple[np.ndarray, np.ndarray]:
    """Quadric edge collapse to exactly 778 vertices."""
    vertices, faces = fast_simplification.simplify(
        rig.vertices.astype(np.float32), rig.faces.astype(np.int32), target_count=FACES, agg=2
    )
    if len(vertices) != VERTICES or len(faces) != FACES:
        raise SystemExit(f"Decimation gave {len(vertices)} vertices, {len(faces)} faces; not {VERTICES}, {FACES}.")
    check_surface(vertices, faces)
    return vertices.astype(np.float64), faces


def closest_on_triangles(point: np.ndarray, triangles: np.ndarray) -> tuple[int, np.ndarray]:
    """The triangle (T, 3, 3) nearest to a point, and the barycentric coordinates of the nearest point on it."""
    a, ab, ac = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    d = point - a
    aa, bb, cc = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    p, q = (d * ab).sum(1), (d * ac).sum(1)
    area = aa * cc - bb * bb
    v, w = (cc * p - bb * q) / area, (aa * q - bb * p) / area
    inside = np.stack([1 - v - w, v, w], 1)
    candidates = [np.where((inside >= 0).all(1, keepdims=True), inside, np.nan)]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        side = triangles[:, j] - triangles[:, i]
        t = np.clip(((point - triangles[:, i]) * side).sum(1) / (side * side).sum(1), 0, 1)
        edge = np.zeros((len(triangles), 3))
        edge[:, i], edge[:, j] = 1 - t, t
        candidates.append(edge)
    weights = np.stack(candidates, 1)  # (T, 4, 3)
    distance = np.linalg.norm(np.einsum("tkc,tcd->tkd", weights, triangles) - point, axis=2)
    triangle, kind = np.unravel_index(np.nanargmin(distance), distance.shape)
    return int(triangle), weights[triangle, kind]


def transfer_weights(rig: Rig, vertices: np.ndarray) -> np.ndarray:
    """Skinning weights (V, 25) at the nearest points of the source surface, at most four bones per vertex."""
    triangles = rig.vertices[rig.faces]
    rows = []
    for vertex in vertices:
        face, barycentric = closest_on_triangles(vertex, triangles)
        row = barycentric @ rig.weights[rig.faces[face]]
        row[np.argsort(row)[:-4]] = 0
        row[row < 0.01] = 0
        rows.append(row / row.sum())
    return np.array(rows)


def bone_parent(name: str, names: list[str]) -> int:
    """The bone before this one in the same finger; the wrist for the first."""
    index = names.index(name)
    if name == "wrist":
        return -1
    return 0 if name.endswith("metacarpal") else index - 1


def fit_joint(template: HandTemplate, bone: int, posed: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Row (V,) of the regressor: non-negative weights of near vertices that follow a bone's origin over all poses."""
    parent = max(int(template.bone_parents[bone]), 0)
    near = np.linalg.norm(template.vertices - template.bone_frames[bone, :3, 3], axis=1)
    near[template.skinning_weights[:, [bone, parent]].sum(1) < 0.3] = np.inf
    candidates = np.argsort(near)[:32]
    weight = np.ones(len(posed))
    weight[0] = 1000  # the rest pose holds exactly
    system = posed[:, candidates].transpose(0, 2, 1) * weight[:, None, None]  # (N, 3, C)
    target = origins[:, bone] * weight[:, None]
    total = 1000.0  # rows sum to 1
    solution, _ = nnls(
        np.vstack([system.reshape(-1, len(candidates)), np.full((1, len(candidates)), total)]),
        np.append(target.reshape(-1), total),
        maxiter=5000,
    )
    row = np.zeros(len(template.vertices))
    row[candidates] = solution
    row[row < 0.002] = 0
    return row / row.sum()


def tip_row(template: HandTemplate, rig_tip: np.ndarray) -> np.ndarray:
    """Row (V,) of the regressor for a fingertip: where a ray from the tip bone leaves the skin at the finger pulp."""
    direction = -np.cos(PULP_ANGLE) * rig_tip[:3, 2] - np.sin(PULP_ANGLE) * rig_tip[:3, 1]
    triangles = template.vertices[template.faces].astype(np.float64)
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    system = np.stack([b - a, c - a, np.broadcast_to(-direction, a.shape)], axis=2)
    v, w, distance = np.linalg.solve(system, (rig_tip[:3, 3] - a)[..., None])[..., 0].T
    hit = (v >= 0) & (w >= 0) & (v + w <= 1) & (distance > 0)
    face = np.flatnonzero(hit)[distance[hit].argmin()]
    row = np.zeros(len(template.vertices))
    row[template.faces[face]] = 1 - v[face] - w[face], v[face], w[face]
    return row


def fit_regressor(template: HandTemplate, rig: Rig) -> np.ndarray:
    """The joint regressor (21, V), fitted over the rest pose and random poses."""
    rotations, lengths, thickness = random_hands(template, 300, np.random.default_rng(1))
    rotations[0], lengths[0], thickness[0] = np.eye(3), 1, 1
    posed = skin(template, rotations, lengths, thickness).astype(np.float64)
    origins = pose_bones(template, rotations, lengths, thickness)[..., :3, 3].astype(np.float64)
    rows = []
    for name in JOINT_BONES:
        if name.endswith("tip"):
            rows.append(tip_row(template, rig.frames[rig.names.index(name)]))
        else:
            bone = template.bone_names.index(name)
            rows.append(fit_joint(template, bone, posed, origins))
            error = np.linalg.norm(rows[-1] @ posed - origins[:, bone], axis=1) * 1000
            print(
                f"{name:35s} {np.count_nonzero(rows[-1]):3d} vertices, rest {error[0]:.3f} mm, "
                f"posed mean {error.mean():.2f} max {error.max():.2f} mm"
            )
    return np.array(rows)


def make_template(rig: Rig) -> HandTemplate:
    """The whole way from the rig to the template."""
    vertices, faces = decimate(rig)
    weights = transfer_weights(rig, vertices)
    kept = [i for i, name in enumerate(rig.names) if not name.endswith("tip")]  # tips move no vertex
    names = [rig.names[i] for i in kept]
    template = HandTemplate(
        name="webxr-generic-hand-778",
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        joint_regressor=np.zeros((21, VERTICES), np.float32),
        skinning_weights=weights[:, kept].astype(np.float32),
        bone_names=tuple(names),
        bone_parents=np.array([bone_parent(name, names) for name in names], np.int32),
        bone_frames=rig.frames[kept].astype(np.float32),
        coarse=np.zeros(0, np.int32),
        upsample=np.zeros((VERTICES, 0), np.float32),
    )
    regressor = fit_regressor(template, rig).astype(np.float32)
    return coarse_subset(HandTemplate(**{**vars(template), "joint_regressor": regressor}))


def report(template: HandTemplate) -> None:
    """Prints what one wants to know about a template: size, volume, error of the coarse subset on unseen hands."""
    length = np.linalg.norm(template.joints[12] - template.joints[0])
    posed = skin(template, *random_hands(template, 1000, np.random.default_rng(99)))
    error = np.linalg.norm(template.upsample @ posed[:, template.coarse] - posed, axis=2) * 1000
    gain = np.linalg.norm(template.upsample, axis=1)
    print(
        f"{len(template.vertices)} vertices, {len(template.faces)} faces, wrist to middle fingertip {length:.4f} m, "
        f"volume {signed_volume(template.vertices, template.faces) * 1e6:.0f} cm^3"
    )
    print(
        f"{len(template.coarse)} coarse vertices: error mean {error.mean():.3f} mm, "
        f"p99 {np.percentile(error, 99):.3f} mm, max {error.max():.2f} mm; "
        f"noise gain mean {gain.mean():.2f}, max {gain.max():.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glb", type=Path, help=f"right.glb of {PACKAGE}; without it, npm fetches the package")
    parser.add_argument("--out", type=Path, default=EMBEDDED_TEMPLATE)
    args = parser.parse_args()
    data = args.glb.read_bytes() if args.glb else fetch_glb()
    if hashlib.sha256(data).hexdigest() != GLB_SHA256:
        raise SystemExit(f"right.glb is not the one of {PACKAGE}: expected the sha256 {GLB_SHA256}.")
    rig = to_wrist_frame(read_rig(data))
    check_surface(rig.vertices, rig.faces)
    check_right_hand(rig)
    template = make_template(rig)
    report(template)
    save_template(template, args.out)
    print(f'wrote {args.out}; EMBEDDED_SHA256 = "{hashlib.sha256(args.out.read_bytes()).hexdigest()}"')


if __name__ == "__main__":
    main()
