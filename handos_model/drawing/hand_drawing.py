"""Hands on an image: shaded mesh, skeleton, side, score and distance."""

from __future__ import annotations

import cv2
import numpy as np

from handos_model.camera import Camera
from handos_model.drawing.mesh_shading import LARGEST_SHADED, SHIFT, covered_region, draw_mesh
from handos_model.hand import BONES, Hand, turned_over
from handos_model.io.frame import checked_frame
from handos_model.template.load import load_template

MESH_COLOURS = {"right": (248, 144, 100), "left": (92, 168, 246), "unknown": (190, 190, 190)}
"""RGB: warm for right hands, cool for left ones."""
LABEL_COLOURS = {"right": (214, 92, 52), "left": (32, 112, 196), "unknown": (96, 96, 96)}
FINGER_COLOURS = ((255, 92, 87), (255, 179, 46), (67, 214, 107), (47, 184, 255), (190, 120, 255))
"""RGB, thumb to little."""
WRIST_COLOUR = (240, 240, 240)
FONT = cv2.FONT_HERSHEY_DUPLEX
_OUTLINE = (24, 24, 30)
_UNSURE = 0.4  # joint confidence below which a joint is drawn hollow and its bone thin
_DETAIL_LINES = 2  # skeletons are drawn this much larger, then reduced: OpenCV's small circles are ragged
_DETAIL = 4  # labels are drawn this much larger, then reduced: OpenCV's letters are coarse


def draw_hands(
    image: np.ndarray,
    hands: list[Hand],
    camera: Camera | None = None,
    mesh: bool = True,
    skeleton: bool = True,
    label: bool = True,
    faces: np.ndarray | None = None,
    mirrored: bool = False,
) -> np.ndarray:
    """A copy of `image` (H, W, 3) uint8 RGB with the hands drawn on it, far ones first.

    camera: the one that the hands were predicted with; Camera.from_fov's guess when None, as in HandPredictor. Joints
    of low confidence are hollow. The label gives side, score and distance along z, with "~" if the camera is a guess.
    faces (F, 3): of the hands' template, the embedded one's when None. Hands without vertices have no mesh. mirrored:
    as for HandFollower. Raises ValueError as HandPredictor.predict does, and for hands without pixels, such as those of
    HandFusion.
    """
    image, camera = checked_frame(image, camera)
    if not all(np.isfinite(hand.joints_2d).all() for hand in hands):
        raise ValueError("joints_2d of a hand is NaN or infinite, must be px: fused hands belong to no image")
    seen = hands
    if mirrored:
        (seen, camera), image = turned_over(hands, camera), image[:, ::-1]
    drawn = image.copy()
    for hand in sorted(seen, key=lambda hand: -float(hand.translation[2])):
        if mesh and len(hand.vertices):
            faces = load_template().faces if faces is None else faces
            colour = MESH_COLOURS[hand.side]
            draw_mesh(drawn, hand.vertices, faces, camera, colour, outward=hand.side != "left")
        if skeleton:
            draw_skeleton(drawn, hand)
    if mirrored:
        drawn = np.ascontiguousarray(drawn[:, ::-1])
    if label:
        draw_labels(drawn, hands, camera.assumed)
    return drawn


def draw_skeleton(image: np.ndarray, hand: Hand) -> None:
    """Draws joints and bones of one hand, in place; their thickness follows the hand's size."""
    size = float(max(hand.box[2] - hand.box[0], hand.box[3] - hand.box[1]))
    width = float(np.clip(size / 80, 1.2, max(6.5, min(image.shape[:2]) / 160)))
    margin = 3 * width + 2
    region = covered_region(hand.joints_2d, margin, margin, image.shape)
    if region is None:
        return
    x0, y0, x1, y1 = region
    part = image[y0:y1, x0:x1]
    # Nearest-neighbour enlargement and area reduction return every untouched pixel unchanged.
    detail = _DETAIL_LINES if max(x1 - x0, y1 - y0) <= LARGEST_SHADED else 1
    fine = cv2.resize(part, None, fx=detail, fy=detail, interpolation=cv2.INTER_NEAREST)
    points = _fixed((hand.joints_2d - [x0, y0] + 0.5) * detail - 0.5)
    _bones(fine, points, hand.joint_confidence >= _UNSURE, width * detail)
    part[:] = cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)


def _bones(image: np.ndarray, points: list[tuple[int, int]], sure: np.ndarray, width: float) -> None:
    for outline in (True, False):
        for bone, (parent, child) in enumerate(BONES):
            thickness = width if sure[child] else width / 2
            thickness += 0.8 * width if outline else 0
            colour = _OUTLINE if outline else FINGER_COLOURS[bone // 4]
            cv2.line(image, points[parent], points[child], colour, max(1, round(thickness)), cv2.LINE_AA, SHIFT)
    for joint in range(20, -1, -1):
        colour = WRIST_COLOUR if joint == 0 else FINGER_COLOURS[(joint - 1) // 4]
        _dot(image, points[joint], width * (1.35 if joint == 0 else 1.05), colour, bool(sure[joint]))


def _dot(image: np.ndarray, point: tuple[int, int], radius: float, colour: tuple[int, int, int], filled: bool) -> None:
    core = (255, 255, 255) if filled else _OUTLINE
    for share, shade in ((1.35, _OUTLINE), (1.0, colour), (0.5, core)):
        cv2.circle(image, point, round(radius * share * (1 << SHIFT)), shade, -1, cv2.LINE_AA, SHIFT)


def _fixed(points: np.ndarray) -> list[tuple[int, int]]:
    """Pixels as OpenCV's fixed-point coordinates."""
    limit = 1 << 26  # far outside any image, within int32
    fixed = np.clip(np.rint(points.astype(np.float64) * (1 << SHIFT)), -limit, limit).astype(int)
    return [(int(x), int(y)) for x, y in fixed]


def label_words(hand: Hand) -> list[str]:
    """Id if the hand is tracked, side and score, for every label of a hand."""
    return [*([f"#{hand.id}"] if hand.id >= 0 else []), hand.side.capitalize(), f"{hand.score:.0%}"]


def draw_labels(image: np.ndarray, hands: list[Hand], assumed: bool) -> None:
    """Draws a label near each hand's box, in place, so that labels do not overlap; assumed: distances are a guess."""
    taken: list[tuple[int, int, int, int]] = []
    for hand in hands:
        _draw_label(image, hand, assumed, taken)


def _draw_label(image: np.ndarray, hand: Hand, assumed: bool, taken: list[tuple[int, int, int, int]]) -> None:
    words = [*label_words(hand), f"{'~' if assumed else ''}{float(hand.translation[2]):.2f} m"]
    height = max(14, round(min(image.shape[:2]) * 0.045))
    colour, coverage = _pill(words, height, LABEL_COLOURS[hand.side])
    while len(words) > 1 and coverage.shape[1] > image.shape[1]:  # small images have room for the first words only
        words.pop()
        colour, coverage = _pill(words, height, LABEL_COLOURS[hand.side])
    h, w = coverage.shape
    x, y = _free_place(hand.box, w, h, image.shape, taken)
    taken.append((x, y, x + w, y + h))
    target = image[y : y + h, x : x + w]
    part = coverage[: target.shape[0], : target.shape[1], None]
    target[:] = (target * (1 - part) + colour[: target.shape[0], : target.shape[1]] * part + 0.5).astype(np.uint8)


def _free_place(
    box: np.ndarray, width: int, height: int, shape: tuple[int, ...], taken: list[tuple[int, int, int, int]]
) -> tuple[int, int]:
    """Top left corner for a label: above the box, else below, else the nearest free line under it, inside the image."""
    right, bottom = max(shape[1] - width, 0), max(shape[0] - height, 0)
    x = int(np.clip((box[0] + box[2] - width) / 2, 0, right))
    lines = [box[1] - height - 2, box[3] + 2, *range(0, bottom + 1, height + 2)]
    for line in lines:
        y = int(np.clip(line, 0, bottom))
        if not any(x < x1 and x0 < x + width and y < y1 and y0 < y + height for x0, y0, x1, y1 in taken):
            return x, y
    return x, int(np.clip(lines[0], 0, bottom))


def _pill(words: list[str], height: int, colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A rounded label: colours (h, w, 3) float32 and coverage (h, w) 0..1. The first word is bright, the rest pale."""
    tall = height * _DETAIL
    scale = cv2.getFontScaleFromHeight(FONT, round(tall * 0.46), 1)
    stroke = max(1, round(tall / 26))
    gap = round(tall * 0.34)
    widths = [cv2.getTextSize(word, FONT, scale, stroke)[0][0] for word in words]
    wide = -(-(sum(widths) + gap * (len(words) + 1) + gap // 2) // _DETAIL) * _DETAIL
    canvas = np.zeros((tall, wide, 3), np.uint8)
    canvas[:] = colour
    x, baseline = gap + gap // 4, round(tall * 0.73)
    for i, (word, width) in enumerate(zip(words, widths, strict=True)):
        bright = 255 if i == 0 else 228
        cv2.putText(canvas, word, (x, baseline), FONT, scale, (bright, bright, bright), stroke, cv2.LINE_AA)
        x += width + gap
    mask = np.zeros((tall, wide), np.uint8)
    r = tall // 2
    cv2.rectangle(mask, (r, 0), (wide - r, tall), 255, -1)
    cv2.circle(mask, (r, r), r, 255, -1)
    cv2.circle(mask, (wide - r - 1, r), r, 255, -1)
    small = (wide // _DETAIL, height)
    colours = cv2.resize(canvas, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    return colours, cv2.resize(mask, small, interpolation=cv2.INTER_AREA).astype(np.float32) / 255 * 0.9
