"""Places hands and things in front of the camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handos_model.synthetic.body.figure import make_figure
from handos_model.synthetic.body.person import RightHand, Studio, other_material, sample_colour
from handos_model.synthetic.body.pose import sample_orientation
from handos_model.synthetic.body.things import random_thing
from handos_model.synthetic.render_options import RenderOptions
from handos_model.synthetic.rendering.compose import project
from handos_model.synthetic.rendering.mesh import Mesh, plain_mesh
from handos_model.synthetic.rendering.refine import Refinement

NEAREST = 0.09  # m from the camera to the skin
FINE = 90  # px; hands of a longer edge are rounded before they are drawn
TRIES = 12


@dataclass(frozen=True)
class PlacedHand:
    """A hand in the camera frame. vertices (778,3), joints_3d (21,3) m; joints_2d (21,2) px; meshes whose normals point
    outwards for either side; owner: its number in the picture; size: factor on the template; extent: long edge, px."""

    vertices: np.ndarray
    joints_3d: np.ndarray
    joints_2d: np.ndarray
    meshes: list[Mesh]
    left: bool
    owner: int
    nail: np.ndarray
    size: float
    extent: float


def _extent(points: np.ndarray) -> float:
    return float((points.max(0) - points.min(0)).max())


def _stand(joints: np.ndarray, K: np.ndarray, extent: float, centre: np.ndarray) -> np.ndarray:
    """Translation (3,) that gives turned joints (21,3) the wanted long edge and centre in px."""
    middle = (joints.min(0) + joints.max(0)) / 2
    distance = K[0, 0] * max(_extent(joints[:, :2]), 0.02) / extent
    target = np.array(centre, float)
    for _ in range(12):
        ray = np.array([(target[0] - K[0, 2]) / K[0, 0], (target[1] - K[1, 2]) / K[1, 1], 1.0])
        translation = ray * distance - middle
        translation[2] = max(translation[2], 0.03 - joints[:, 2].min())
        pixels = project(joints + translation, K)
        target = target + (centre - (pixels.min(0) + pixels.max(0)) / 2)
        grown = _extent(pixels) / extent
        # a near hand grows faster than 1 / distance, so the steps are in the logarithm, and damped
        distance *= grown**0.8
        if abs(grown - 1) < 0.003:
            break
    return translation


def _sample_spot(
    rng: np.random.Generator, options: RenderOptions, first: PlacedHand | None
) -> tuple[float, np.ndarray]:
    """Long edge in px and centre of a hand; a second hand is often near the first."""
    edge = max(options.width, options.height)
    low, high = options.hand_size[0] * edge, options.hand_size[1] * edge
    frame = np.array([options.width, options.height], float)
    if first is not None and rng.random() < 0.5:
        extent = float(np.clip(first.extent * np.exp(rng.normal(0, 0.12)), low, high))
        angle = rng.uniform(0, 2 * np.pi)
        away = np.array([np.cos(angle), 0.6 * np.sin(angle)]) * extent * rng.uniform(0.25, 1.1)
        centre = (first.joints_2d.min(0) + first.joints_2d.max(0)) / 2 + away
        return extent, np.clip(centre, 0, frame)
    extent = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if rng.random() < 0.22:  # anywhere, even if the edge cuts it off
        return extent, rng.uniform(0, 1, 2) * frame
    margin = np.minimum(extent * 0.5, frame * 0.48)
    return extent, margin + rng.uniform(0, 1, 2) * (frame - 2 * margin)


def place_hand(
    rng: np.random.Generator,
    hand: RightHand,
    studio: Studio,
    K: np.ndarray,
    options: RenderOptions,
    first: PlacedHand | None,
) -> PlacedHand:
    """Turns a hand at random and puts it in front of the camera; its long edge in px is in the range of the options."""
    if first is None:
        left = bool(rng.random() < 0.5)
    else:
        left = first.left if rng.random() < 0.2 else not first.left
    regressor = studio.rig.template.joint_regressor
    for attempt in range(TRIES):
        linear = np.diag([-1.0 if left else 1.0, 1, 1]) @ sample_orientation(rng)
        extent, centre = _sample_spot(rng, options, first)
        if attempt >= TRIES - 3:  # far enough away for any hand
            extent = options.hand_size[0] * max(options.width, options.height)
        joints = (regressor @ hand.vertices) @ linear.T
        translation = _stand(joints, K, extent, centre)
        reached = _extent(project(joints + translation, K))
        near = ((hand.vertices @ linear.T) + translation)[:, 2].min()
        if near > NEAREST and abs(reached / extent - 1) < 0.01:
            break
    return _put(hand, studio, K, linear, translation, left)


def _moved(mesh: Mesh, linear: np.ndarray, translation: np.ndarray, left: bool) -> Mesh:
    vertices = (mesh.vertices @ linear.T + translation).astype(np.float32)
    return replace(mesh, vertices=vertices, faces=np.ascontiguousarray(mesh.faces[:, ::-1]) if left else mesh.faces)


def _put(
    hand: RightHand, studio: Studio, K: np.ndarray, linear: np.ndarray, translation: np.ndarray, left: bool
) -> PlacedHand:
    vertices = (hand.vertices @ linear.T + translation).astype(np.float32)
    joints_3d = studio.rig.template.joint_regressor.astype(np.float64) @ vertices
    joints_2d = project(joints_3d, K)
    meshes = [_moved(mesh, linear, translation, left) for mesh in hand.meshes]
    if _extent(joints_2d) > FINE:
        fine = studio.refinement
        meshes[0].refinement = Refinement(fine.edges, fine.faces[:, ::-1]) if left else fine
    owner = meshes[0].owner
    return PlacedHand(vertices, joints_3d, joints_2d, meshes, left, owner, hand.nail, hand.size, _extent(joints_2d))


def place_outside(
    rng: np.random.Generator, hand: RightHand, studio: Studio, K: np.ndarray, options: RenderOptions
) -> PlacedHand | None:
    """Puts a hand outside the picture with its arm reaching in; None if no try kept the hand out of the picture."""
    frame = np.array([options.width, options.height], float)
    regressor = studio.rig.template.joint_regressor
    for _ in range(TRIES):
        left = bool(rng.random() < 0.5)
        linear = np.diag([-1.0 if left else 1.0, 1, 1]) @ sample_orientation(rng)
        arm = hand.meshes[0].vertices[len(hand.vertices) :].mean(0) @ linear.T
        towards = arm[:2] / max(np.linalg.norm(arm[:2]), 1e-6)
        extent = float(np.exp(rng.uniform(np.log(0.3), np.log(0.8)))) * frame.max()
        centre = frame / 2 - towards * (frame / 2 + extent * rng.uniform(0.5, 0.8))
        translation = _stand((regressor @ hand.vertices) @ linear.T, K, extent, centre)
        placed = _put(hand, studio, K, linear, translation, left)
        pixels = project(placed.vertices.astype(float), K)
        outside = (pixels < -1).any(1) | (pixels > frame).any(1)
        if outside.all() and placed.vertices[:, 2].min() > NEAREST:
            return placed
    return None


def stand_behind(
    rng: np.random.Generator, hands: list[PlacedHand], tone: np.ndarray, materials: list[np.ndarray]
) -> list[Mesh]:
    """A figure behind the hands, in about every sixth frame; new rows are appended to materials."""
    if rng.random() > 0.17:
        return []
    middle = hands[0].joints_3d.mean(0) if hands else np.array([0, 0, rng.uniform(0.3, 0.6)])
    deepest = max((hand.vertices[:, 2].max() for hand in hands), default=0.3)
    eyes = middle + rng.normal([0, -0.04, 0], [0.1, 0.12, 0])
    eyes[2] = deepest + rng.exponential(0.14) + 0.02
    eyes[:2] *= eyes[2] / middle[2]  # about where the hand is in the picture, not in the room
    meshes = make_figure(rng, tone, materials)
    for mesh in meshes:
        mesh.vertices = mesh.vertices + eyes
    return meshes


def scatter_things(rng: np.random.Generator, hands: list[PlacedHand], materials: list[np.ndarray]) -> list[Mesh]:
    """Objects in front of and behind the hands, sometimes; new rows are appended to materials."""
    meshes = []
    for front, chance in ((True, 0.14), (False, 0.15)):
        if rng.random() > (chance if hands else 0.3):
            continue
        if hands:
            middle = hands[rng.integers(len(hands))].joints_3d.mean(0)
        else:
            middle = np.array([0, 0, rng.uniform(0.3, 0.7)])
        share = rng.uniform(0.6, 0.85) if front else rng.uniform(1.25, 1.8)
        spot = middle * share + rng.normal(0, 0.07, 3) * [1, 1, 0]
        q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        q *= np.linalg.det(q)
        vertices, faces, rest = random_thing(rng, rng.uniform(0.5, 1.0) if front else rng.uniform(1, 2.5))
        materials.append(other_material(rng, 30, 0.8))
        where = (vertices @ q.T + spot).astype(np.float32)
        meshes.append(plain_mesh(where, faces, rest, sample_colour(rng), len(materials) - 1))
    return meshes
