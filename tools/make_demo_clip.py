#!/usr/bin/env python3
"""Makes docs/demo.mp4: a right and a left hand that go through some gestures, drawn by our own renderer.

pip install -e ".[train]"
python tools/make_demo_clip.py docs/demo.mp4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from handos_model.synthetic.body.arm import ArmShape, arm_rings, arm_tube, sleeve_tube
from handos_model.synthetic.body.person import Studio, make_studio
from handos_model.synthetic.body.pose import UPRIGHT, turn
from handos_model.synthetic.body.rig import posed
from handos_model.synthetic.body.skin import paint
from handos_model.synthetic.rendering.background import procedural
from handos_model.synthetic.rendering.compose import draw
from handos_model.synthetic.rendering.mesh import Mesh, plain_mesh
from handos_model.template.load import load_template

SIZE = (640, 480)
FPS = 15
FOCAL = 560.0  # px
STEPS = 14  # frames from one gesture to the next
SEED = 11
TONE = np.array([0.80, 0.60, 0.49])  # sRGB, 0..1
NAIL = np.array([0.68, 0.42, 0.34, 0.5])  # linear colour and shine
SLEEVES = (np.array([0.05, 0.12, 0.3]), np.array([0.3, 0.06, 0.08]))
SKIN = np.array([0.06, 240, 0.05, 0.08, 4, 1, 0, 0.8])
CLOTH = np.array([0.03, 25, 0.05, 0.1, 4, 0, 0, 0])

OPEN = np.array([[-12, -10, 2, 0, 0], [0, 7, 6, 4, 0], [0, 1, 6, 4, 0], [0, -5, 6, 4, 0], [0, -13, 6, 4, 0]])
FIST = np.array([[26, 14, 34, 38, 8]] + [[78, 0, 98, 55, 0]] * 4)
POINT = np.array([[26, 12, 34, 38, 8], [2, 0, 6, 3, 0]] + [[78, 0, 98, 55, 0]] * 3)
VICTORY = np.array([[30, 8, 40, 40, 8], [2, 9, 6, 3, 0], [2, -7, 6, 3, 0], [78, 0, 98, 55, 0], [78, 0, 98, 55, 0]])
PINCH = np.array([[12, 22, 12, 28, 12], [46, 0, 52, 30, 0], [14, 0, 16, 8, 0], [8, -4, 12, 6, 0], [4, -9, 10, 5, 0]])
GRIP = np.array([[14, 22, 15, 16, 14]] + [[44, 1, 55, 34, 0]] * 4)
GESTURES = ((OPEN, PINCH, OPEN, POINT, VICTORY, FIST), (OPEN, VICTORY, GRIP, OPEN, FIST, PINCH))


def main() -> None:
    """Renders the clip, one second per gesture, ending where it began."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="FILE.mp4")
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    studio = make_studio(load_template())
    behind = cv2.GaussianBlur(procedural(np.random.default_rng(SEED), SIZE[1], SIZE[0]), (0, 0), 9)
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter_fourcc(*"mp4v"), FPS, SIZE)
    if not writer.isOpened():
        raise SystemExit(f"cannot write {out}: OpenCV has no encoder for mp4v here")
    for frame in range(STEPS * len(GESTURES[0])):
        picture = render(studio, behind, frame / STEPS)
        noise = np.random.default_rng((SEED, frame)).normal(0, 1.2, picture.shape)
        shown = np.clip(picture * 255 + noise, 0, 255).round().astype(np.uint8)
        writer.write(np.ascontiguousarray(shown[:, :, ::-1]))
    writer.release()


def render(studio: Studio, behind: np.ndarray, time: float) -> np.ndarray:
    """Picture (H, W, 3) float32 in 0..1 at a time in gestures; light, skin and clothes are the same at any time."""
    rng = np.random.default_rng(SEED)
    albedo, _ = paint(rng, studio.skin, TONE)
    meshes = hand_meshes(studio, albedo, time, 0) + hand_meshes(studio, albedo, time, 1)
    K = np.array([[FOCAL, 0, (SIZE[0] - 1) / 2], [0, FOCAL, (SIZE[1] - 1) / 2], [0, 0, 1]])
    detail = (studio.skin.features, studio.skin.feature_start, NAIL)
    around = (np.array([0, 0, 0.5]), 0.3)
    sheets = np.full((3, 96, 96, 3), 0.5, np.float32)
    materials = np.array([SKIN, CLOTH])
    picture, _, _ = draw(rng, meshes, around, materials, detail, K, behind.astype(np.float32) / 255, sheets)
    return picture


def hand_meshes(studio: Studio, albedo: np.ndarray, time: float, number: int) -> list[Mesh]:
    """Hand, wrist and sleeve of number 0 (right) or 1 (left) in the camera frame, outside out."""
    rig = studio.rig
    unit = np.ones(len(rig.local))
    vertices, _ = posed(rig, gesture(GESTURES[number], time), unit, unit)
    rings = arm_rings(vertices, studio.rim, ArmShape(-0.1, 0.0, 0.5, 1.2, 1.0), 1.0)
    sleeve, sleeve_faces = sleeve_tube(np.random.default_rng(SEED), rings, 0.007, 0.004)
    phase = 2 * np.pi * time / len(GESTURES[number]) + 2.0 * number
    palm_to_camera = turn(1, np.pi + 0.7 * np.sin(phase))
    rotation = turn(2, 0.25 * np.sin(phase + 1)) @ turn(0, 0.2 * np.sin(phase)) @ palm_to_camera @ UPRIGHT
    side = np.diag([-1.0 if number else 1.0, 1, 1])
    place = np.array([0.0, 0.06 + 0.015 * np.cos(phase), 0.5])
    place[0] = (0.115 if number == 0 else -0.115) + 0.015 * np.sin(phase)
    skin = Mesh(
        vertices, rig.template.faces, rig.template.vertices, albedo,
        np.zeros(len(rig.template.faces), np.int32), studio.skin.face_bone, number,
    )  # fmt: skip
    tube, tube_faces = arm_tube(rings[:8])
    arm = plain_mesh(tube, tube_faces, tube, TONE**2, 0)
    cloth = plain_mesh(sleeve, sleeve_faces, sleeve, SLEEVES[number], 1)
    for mesh in (skin, arm, cloth):
        mesh.vertices = (mesh.vertices @ (side @ rotation).T + place).astype(np.float32)
        mesh.faces = np.ascontiguousarray(mesh.faces[:, ::-1]) if number else mesh.faces
    return [skin, arm, cloth]


def gesture(poses: tuple[np.ndarray, ...], time: float) -> np.ndarray:
    """Angles (5, 5) in degrees: each gesture is held for a moment, then goes over smoothly into the next."""
    step = int(time)
    share = np.clip((time - step - 0.2) / 0.7, 0, 1)
    share = share * share * (3 - 2 * share)
    return poses[step % len(poses)] * (1 - share) + poses[(step + 1) % len(poses)] * share


if __name__ == "__main__":
    main()
