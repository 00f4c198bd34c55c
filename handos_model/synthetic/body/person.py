"""One hand with everything that belongs to it: skin or glove, forearm, sleeve, ring, watch, and what it may hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handos_model.synthetic.body import things
from handos_model.synthetic.body.arm import STATIONS, WristRim, arm_rings, arm_tube, find_rim, sample_arm, sleeve_tube
from handos_model.synthetic.body.pose import turn
from handos_model.synthetic.body.rig import Rig, make_rig, posed, sample_free_pose
from handos_model.synthetic.body.shape import sample_shape
from handos_model.synthetic.body.skin import SkinMap, make_skin_map, paint
from handos_model.synthetic.rendering.mesh import Mesh, plain_mesh
from handos_model.synthetic.rendering.refine import Refinement, make_refinement
from handos_model.synthetic.rendering.surface import TEXTURE
from handos_model.template.hand_template import HandTemplate

TEXTURES = 3  # sheets that cloth and objects choose from


@dataclass(frozen=True)
class Studio:
    """A template with everything that is computed only once."""

    rig: Rig
    skin: SkinMap
    rim: WristRim
    arm_faces: np.ndarray  # (F,3) hand without its lid, then arm; vertices of the hand, then of the arm past the rim
    refinement: Refinement


def make_studio(template: HandTemplate) -> Studio:
    """Prepare a template for rendering."""
    rig = make_rig(template)
    rim = find_rim(template)
    around, count = len(rim.ring), len(template.vertices)
    tube, faces = arm_tube(np.zeros((len(STATIONS), around, 3)))
    index = np.concatenate([rim.ring, np.arange(len(tube) - around) + count])  # the tube starts on the rim itself
    faces = np.concatenate([template.faces[rim.open_faces], index[faces]]).astype(np.int32)
    return Studio(rig, make_skin_map(rig), rim, faces, make_refinement(faces, count + len(tube) - around))


@dataclass(frozen=True)
class Person:
    """Person in a frame, whose skin and clothes all its hands share."""

    tone: np.ndarray
    sleeve: bool
    sleeve_start: float
    sleeve_colour: np.ndarray
    sleeve_loose: float
    glove: bool


@dataclass
class RightHand:
    """A right hand in the template frame. vertices (778,3); frames (B,4,4); its meshes; nail row (4,); size factor."""

    vertices: np.ndarray
    frames: np.ndarray
    meshes: list[Mesh]
    nail: np.ndarray
    size: float


def sample_colour(rng: np.random.Generator) -> np.ndarray:
    """A linear colour (3,) for cloth or plastic: often a grey or a blue, but possibly anything."""
    kind = rng.random()
    if kind < 0.35:
        return np.full(3, rng.uniform(0.02, 0.9)) ** 1.5 * rng.uniform(0.95, 1.0, 3)
    if kind < 0.55:
        return np.array([0.25, 0.4, 0.8]) ** 2 * rng.uniform(0.15, 1.0)
    return rng.uniform(0.05, 0.95, 3) ** 2


def sample_person(rng: np.random.Generator, tone: np.ndarray) -> Person:
    """Random clothes for a skin tone."""
    start = rng.uniform(0.005, 0.06) if rng.random() < 0.65 else rng.uniform(0.06, 0.3)
    return Person(tone, rng.random() < 0.6, start, sample_colour(rng), rng.uniform(0.001, 0.014), rng.random() < 0.05)


def skin_material(rng: np.random.Generator) -> np.ndarray:
    """A material row for skin."""
    return np.array(
        [rng.uniform(0.03, 0.11), rng.uniform(170, 330), rng.uniform(0.02, 0.09), rng.uniform(0.02, 0.16),
         rng.integers(3, 6), 1.0, 0.0, rng.uniform(0.5, 1.2)]
    )  # fmt: skip


def other_material(rng: np.random.Generator, scale: float, textured: float) -> np.ndarray:
    """A material row for cloth, plastic or metal; with the chance `textured` it shows a crop of a photo."""
    noise, bump, shine = rng.uniform(0.02, 0.15), rng.uniform(0, 0.15), rng.uniform(0, 0.3)
    row = np.array([noise, scale, bump, shine, rng.integers(2, 7), 0, 0, 0])
    if rng.random() < textured:
        row[TEXTURE] = 1 + rng.integers(TEXTURES) + rng.uniform(0.3, 0.95)
    return row


def build_hand(
    rng: np.random.Generator, studio: Studio, person: Person, number: int, materials: list[np.ndarray]
) -> RightHand:
    """A random hand of that person; new rows are appended to materials, faces point to them."""
    rig = studio.rig
    lengths, thickness = sample_shape(rng, rig)
    pose = sample_free_pose(rng, rig, lengths, thickness)
    vertices, frames = posed(rig, pose, lengths, thickness)
    size = float(lengths[0] + thickness[0]) / 2
    albedo, nail = paint(rng, studio.skin, person.tone)
    materials.append(skin_material(rng))
    skin = len(materials) - 1
    if person.glove:
        materials.append(other_material(rng, 300, 0.3))
        albedo = np.broadcast_to(sample_colour(rng), albedo.shape)
    rings = arm_rings(vertices, studio.rim, sample_arm(rng), size)
    meshes = [
        _hand_and_arm(rng, studio, vertices, rings, albedo, (skin, len(materials) - 1), person, number),
        *_worn(rng, rig, frames, thickness, rings, person, materials),
    ]
    if rng.random() < 0.22:
        meshes.append(_held(rng, frames, rig, size, pose, materials))
    return RightHand(vertices, frames, meshes, nail, size)


def _hand_and_arm(rng, studio: Studio, vertices, rings, albedo, materials, person: Person, number: int) -> Mesh:
    """The hand without its lid and the bare arm as one surface, so that normals are continuous across the wrist."""
    rim, template = studio.rim, studio.rig.template
    tube, faces = arm_tube(rings)
    around, hand_faces = len(rim.ring), int(rim.open_faces.sum())
    arm_rest = np.zeros((len(tube) - around, 3))
    arm_rest[:] = tube[around:] * [1, 1, 1] + [0.3, 0, 0]
    from_rim = np.clip(np.linalg.norm(tube[around:] - rings[0].mean(0), axis=1, keepdims=True) / 0.06, 0, 1)
    shade = person.tone**2 * rng.uniform(0.85, 1.05)
    # the arm starts with the colour of the rim and fades into its own
    ring_colour = np.tile(albedo[rim.ring], (len(rings), 1))[: len(tube) - around]
    arm_colour = ring_colour * (1 - from_rim) + shade * from_rim
    skin, cover = materials
    return Mesh(
        np.concatenate([vertices, tube[around:]]),
        studio.arm_faces,
        np.concatenate([template.vertices, arm_rest]),
        np.concatenate([albedo, arm_colour]),
        np.concatenate([np.full(hand_faces, cover), np.full(len(faces), skin)]).astype(np.int32),
        np.concatenate([studio.skin.face_bone[rim.open_faces], np.full(len(faces), -1)]).astype(np.int32),
        number,
    )


def _worn(rng, rig: Rig, frames, thickness, rings, person: Person, materials: list[np.ndarray]) -> list[Mesh]:
    """Sleeve, cuff of a glove, watch, ring."""
    worn = []
    if person.sleeve or person.glove:
        materials.append(other_material(rng, 25, 0.35))
        start = 0.004 if person.glove else person.sleeve_start
        tube, faces = sleeve_tube(rng, rings, start, person.sleeve_loose)
        rest = tube[:, [2, 0, 1]] * 6.0
        worn.append(plain_mesh(tube, faces, rest, person.sleeve_colour, len(materials) - 1))
    if not person.sleeve and not person.glove and rng.random() < 0.18:  # a watch strap or a bracelet
        station = int(rng.integers(3, 6))
        centre = rings[station].mean(0)
        wide = rng.uniform(0.15, 0.5)
        band = np.stack(
            [centre + (rings[station] - centre) * g + (rings[station + 1] - rings[station]) * w
             for g, w in ((1.0, -wide), (1.06, -wide), (1.08, 0), (1.06, wide), (1.0, wide))]
        )  # fmt: skip
        materials.append(other_material(rng, 200, 0.1))
        tube, faces = arm_tube(band)
        worn.append(plain_mesh(tube, faces, tube, sample_colour(rng), len(materials) - 1))
    if not person.glove and rng.random() < 0.13:
        finger = int(rng.choice([1, 2, 3, 4], p=[0.15, 0.2, 0.5, 0.15]))
        bone = rig.bones[finger, 1]
        vertices, faces, rest = things.finger_ring(0.0094 * thickness[bone], rng.uniform(0.002, 0.007))
        frame = frames[bone]
        along = vertices[:, [0, 2, 1]] * [1, 1, -1] + [0, -0.0015, -rng.uniform(0.019, 0.026)]
        materials.append(np.array([0.02, 200, 0.0, rng.uniform(0.4, 1.2), 4, 0, 0, 0]))
        metal = np.array([[0.75, 0.55, 0.2], [0.7, 0.7, 0.7], [0.1, 0.1, 0.1]])[rng.integers(3)] * rng.uniform(0.6, 1)
        worn.append(plain_mesh(along @ frame[:3, :3].T + frame[:3, 3], faces, rest, metal, len(materials) - 1))
    return worn


def _held(rng, frames, rig: Rig, size: float, pose: np.ndarray, materials: list[np.ndarray]) -> Mesh:
    """An object in front of the palm, where the fingers close around it."""
    vertices, faces, rest = things.random_thing(rng, size * rng.uniform(0.7, 1.15))
    half = np.sort(np.abs(vertices).max(0))
    palm = frames[rig.bones[2, 0]]
    curl = np.clip(pose[1:, 2].mean() / 90, 0, 1)
    deep = 0.014 * size + half[0] * rng.uniform(0.8, 1.1)
    centre = np.array([rng.normal(0, 0.01), -deep - 0.004, -(0.075 - 0.02 * curl) * size + rng.normal(0, 0.012)])
    if rng.random() < 0.3:  # between the fingertips
        tips = np.mean([(frames[rig.bones[i, 3]] @ [*rig.tips[i], 1])[:3] for i in (0, 1, 2)], axis=0)
        centre = (palm[:3, :3].T @ (tips - palm[:3, 3])) + rng.normal(0, 0.006, 3)
    # long things lie across the palm, along x
    spin = turn(2, np.pi / 2 + rng.normal(0, 0.3)) @ turn(1, rng.uniform(0, 2 * np.pi))
    local = vertices @ spin.T + centre
    materials.append(other_material(rng, 30, 0.75))
    where = local @ palm[:3, :3].T + palm[:3, 3]
    return plain_mesh(where, faces, rest, sample_colour(rng), len(materials) - 1)
