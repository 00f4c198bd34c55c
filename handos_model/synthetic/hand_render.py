"""Whole synthetic frames: zero to two hands as a camera sees them, with exact labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from handos_model.hand import JOINTS, VERTICES
from handos_model.synthetic.body.person import Studio, build_hand, make_studio, sample_person
from handos_model.synthetic.body.skin import sample_tone
from handos_model.synthetic.place import PlacedHand, place_hand, place_outside, scatter_things, stand_behind
from handos_model.synthetic.render_options import RenderOptions
from handos_model.synthetic.rendering.background import background, textures
from handos_model.synthetic.rendering.compose import draw
from handos_model.synthetic.rendering.mesh import Mesh
from handos_model.synthetic.rendering.photograph import photograph
from handos_model.template.load import load_template

MAX_RENDERED_HANDS = 2
# m that a joint may lie below the visible surface and still count as visible: at most the thickness of the flesh of its
# part, and less than the distance to the far side of the next finger
FINGER = [0.023, 0.014, 0.012, 0.012]
UNDER_SKIN = np.array([0.032, 0.028, 0.019, 0.015, 0.013, *FINGER, *FINGER, *FINGER, *FINGER])


@dataclass
class Render:
    """One picture and its n hands; the fields of a Sample. vertices and joints_3d in the camera frame, metres."""

    image: np.ndarray  # (H,W,3) uint8 RGB
    K: np.ndarray  # (3,3) float32
    joints_2d: np.ndarray  # (n,21,3) float32: px and 1 hidden or outside, 2 visible
    joints_3d: np.ndarray  # (n,21,3) float32
    vertices: np.ndarray  # (n,778,3) float32
    side: np.ndarray  # (n,) int8: 0 left, 1 right
    # (H,W) int8: index of the hand seen a quarter of a pixel left of and above a pixel's centre, -1 for none. A hand is
    # labelled if enough of these points show it, so moving them would change which hands existing seeds give.
    mask: np.ndarray


@lru_cache(maxsize=1)
def _studio() -> Studio:
    return make_studio(load_template())


def render_hands(rng: np.random.Generator, options: RenderOptions) -> Render:
    """A random frame; the same generator state and options give the same frame."""
    behind = background(rng, options.height, options.width, options.backgrounds, options.excluded)
    sheets = textures(rng, behind, options.backgrounds, options.excluded)
    K = _camera(rng, options)
    materials: list[np.ndarray] = []
    tone = sample_tone(rng)
    hands = _arrange(rng, options, K, tone, materials)
    meshes = [mesh for hand in hands for mesh in hand.meshes] + stand_behind(rng, hands, tone, materials)
    meshes += scatter_things(rng, hands, materials)
    picture = _soften(rng, behind.astype(np.float32) / 255)
    inverse_depth = np.zeros((2 * options.height, 2 * options.width), np.float32)
    seen = np.full((options.height, options.width), -1)
    if meshes:
        skin = _studio().skin
        detail = (skin.features, skin.feature_start, hands[0].nail if hands else np.zeros(4))
        scene = (meshes, _surround(meshes), np.array(materials), detail)
        picture, inverse_depth, seen = draw(rng, *scene, K, picture, sheets)
    picture, covered = _cover_border(rng, picture, sheets)
    return _label(photograph(rng, picture), K, hands, inverse_depth, seen, covered)


def _soften(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Puts the background out of focus, sometimes."""
    if rng.random() < 0.35:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 4.0) * max(picture.shape[:2]) / 256)
    return picture


def _camera(rng: np.random.Generator, options: RenderOptions) -> np.ndarray:
    """Random intrinsics (3,3): horizontal field of view 40 to 90 degrees, principal point near the centre."""
    focal = options.width / 2 / np.tan(np.radians(rng.uniform(40, 90)) / 2)
    x, y = (options.width - 1) / 2, (options.height - 1) / 2
    shift = rng.normal(0, 0.015, 2) * options.width
    K = np.array([[focal, 0, x + shift[0]], [0, focal * rng.uniform(0.99, 1.01), y + shift[1]], [0, 0, 1]])
    return K.astype(np.float32).astype(np.float64)  # labels are made with exactly the numbers that are stored


def _arrange(
    rng: np.random.Generator, options: RenderOptions, K: np.ndarray, tone: np.ndarray, materials: list[np.ndarray]
) -> list[PlacedHand]:
    """Build and place the hands of a frame, mostly of one person."""
    count = int(rng.choice(3, p=np.array(options.hands) / sum(options.hands)))
    studio = _studio()
    person = sample_person(rng, tone)
    if count == 0:  # sometimes an arm whose hand is outside the picture
        if rng.random() < 0.6:
            return []
        outside = place_outside(rng, build_hand(rng, studio, person, -1, materials), studio, K, options)
        return [outside] if outside else []
    placed: list[PlacedHand] = []
    for number in range(count):
        if number and rng.random() < 0.25:
            person = sample_person(rng, sample_tone(rng))
        hand = build_hand(rng, studio, person, number, materials)
        placed.append(place_hand(rng, hand, studio, K, options, placed[0] if placed else None))
    return placed


def _surround(meshes: list[Mesh]) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius in m of the sphere in which shadows are computed: around the hands, or else everything."""
    hands = [m.vertices[:VERTICES] for m in meshes if m.owner >= 0]
    points = np.concatenate(hands if hands else [m.vertices for m in meshes])
    centre = (points.min(0) + points.max(0)) / 2
    return centre, float(min(np.linalg.norm(points - centre, axis=1).max(), 0.4))


def _cover_border(rng: np.random.Generator, picture: np.ndarray, sheets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sometimes something flat reaches in from the edge of the picture. Returns the picture and what is covered."""
    height, width = picture.shape[:2]
    covered = np.zeros((height, width), np.uint8)
    if rng.random() > 0.05:
        return picture, covered > 0
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.3)
    inwards = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-inwards[1], inwards[0]])
    edge = np.array([width, height]) * (0.5 - inwards * (0.5 - reach))
    spread = rng.uniform(0.1, 0.8, 2) * max(width, height)
    corners = [edge - along * spread[0], edge + along * spread[1]]
    corners += [corners[1] - inwards * 2 * width, corners[0] - inwards * 2 * width]
    cv2.fillConvexPoly(covered, np.array(corners).astype(np.int32), 1)
    sheet = cv2.resize(sheets[0], (width, height)) * np.float32(rng.uniform(0.3, 1.1))
    return np.where(covered[..., None] > 0, np.clip(sheet, 0, 1), picture), covered > 0


def _label(
    image: np.ndarray,
    K: np.ndarray,
    hands: list[PlacedHand],
    inverse_depth: np.ndarray,
    seen: np.ndarray,
    covered: np.ndarray,
) -> Render:
    """Labels of the hands that are at least partly seen; seen (H,W): number of hand or -1; inverse_depth (2H,2W)."""
    height, width = seen.shape
    seen[covered] = -1
    shown = [hand for hand in hands if hand.owner >= 0 and (seen == hand.owner).sum() > 12]
    joints_2d = np.zeros((len(shown), JOINTS, 3), np.float32)
    mask = np.full((height, width), -1, np.int8)
    for row, hand in enumerate(shown):
        mask[seen == hand.owner] = row
        joints_2d[row, :, :2] = hand.joints_2d
        x, y = np.rint(hand.joints_2d * 2 + 0.5).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < 2 * width) & (y < 2 * height)
        x, y = np.clip(x, 0, 2 * width - 1), np.clip(y, 0, 2 * height - 1)
        free = inverse_depth[y, x] * (hand.joints_3d[:, 2] - UNDER_SKIN * hand.size) < 1
        joints_2d[row, :, 2] = np.where(inside & free & ~covered[y // 2, x // 2], 2, 1)
    return Render(
        image=image,
        K=K.astype(np.float32),
        joints_2d=joints_2d,
        joints_3d=np.array([h.joints_3d for h in shown], np.float32).reshape(-1, JOINTS, 3),
        vertices=np.array([h.vertices for h in shown], np.float32).reshape(-1, VERTICES, 3),
        side=np.array([0 if h.left else 1 for h in shown], np.int8),
        mask=mask,
    )
