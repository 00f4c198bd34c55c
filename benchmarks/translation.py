"""Where hands are in metres: synthetic hands in front of 200 random cameras, our formula and HaMeR's side by side.

    python benchmarks/translation.py

Cameras differ in size, field of view, fx / fy, principal point, lens (none, plumb_bob, equidistant), crop and binning.
Each sees one posed hand, wholly inside its image, 0.3 to 1.5 m away. Both formulas get the joints' pixels, exact or
with 1 px of noise, and their exact places relative to the wrist. Errors are distances between the wrist found and the
true one.

HaMeR (Pavlakos et al., Reconstructing Hands in 3D with Transformers, CVPR 2024) predicts a weak-perspective camera
(s, tx, ty) of a square crop of 256 px and takes it to the whole image as SPIN and CLIFF do (Li et al., CLIFF, ECCV
2022, section 3.2): with crop centre c and size b in px and the image's centre o, tz = 2 f / (b s) and
t_xy = (tx, ty) + 2 (c - o) / (b s). Its demo sets f = 5000 / 256 times the image's long edge, a virtual focal length
with which hands are tens of metres away; the last column gives it the camera's own f, the mean of fx and fy. Its
joints are turned as they look from the camera towards the crop, which is what its network sees, and its (s, tx, ty) is
the best one there is for them: the least-squares fit in the crop, at f = 5000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from script import options, run_script

from handos_model.camera import Camera, ray_rotation
from handos_model.template.hand_template import HandTemplate, skin
from handos_model.template.load import load_template
from handos_model.translation_fit import fit_translation

CAMERAS = 200
KINDS = ("pinhole", "plumb_bob", "equidistant", "cropped", "binned")
"""Lenses of the cameras, in turns; crops and bins are of any of the first three."""
DISTANCES = (0.3, 1.5)
"""m, along z."""
CROP_SIZE = 256
CROP_FOCAL = 5000.0
"""px, of HaMeR's network input."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One hand before one camera."""

    kind: str
    camera: Camera
    joints: np.ndarray
    """(21, 3) m, relative to the wrist, axes of the camera frame."""
    translation: np.ndarray
    """(3,) m, of the wrist."""
    pixels: np.ndarray
    """(21, 2) px, exact."""


def random_scenes(rng: np.random.Generator, count: int = CAMERAS) -> list[Scene]:
    """Hands before cameras of all KINDS, equally many of each."""
    template = load_template()
    return [_random_scene(rng, KINDS[index % len(KINDS)], template) for index in range(count)]


def ours(scene: Scene, pixels: np.ndarray) -> np.ndarray:
    """Wrist (3,) m by weighted least squares over undistorted rays."""
    return fit_translation(scene.joints[None], scene.camera.normalise(pixels)[None], np.ones((1, 21)))[0][0]


def hamer(scene: Scene, pixels: np.ndarray, focal: float) -> np.ndarray:
    """Wrist (3,) m by the formula of HaMeR with the focal length `focal` in px of the whole image."""
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    centre, size = (low + high) / 2, 2.0 * float((high - low).max())
    in_crop = (pixels - centre) * CROP_SIZE / size
    turn = ray_rotation(scene.camera.normalise(centre)[None])[0]  # from the crop's view to the camera's
    joints, rays = scene.joints @ turn, in_crop / CROP_FOCAL
    near = fit_translation(joints[None], rays[None], np.ones((1, 21)), min_spread=0)[0][0]
    scale = 2 * CROP_FOCAL / (CROP_SIZE * near[2])
    image_centre = np.array([scene.camera.width, scene.camera.height]) / 2
    offset = 2 * (centre - image_centre) / (size * scale)
    return np.array([near[0] + offset[0], near[1] + offset[1], 2 * focal / (size * scale)])


def hamer_demo(scene: Scene, pixels: np.ndarray) -> np.ndarray:
    """As HaMeR's demo has it, with its virtual focal length."""
    return hamer(scene, pixels, CROP_FOCAL / CROP_SIZE * max(scene.camera.width, scene.camera.height))


def hamer_real_focal(scene: Scene, pixels: np.ndarray) -> np.ndarray:
    """The same with the camera's own focal length."""
    return hamer(scene, pixels, float(scene.camera.K[[0, 1], [0, 1]].mean()))


METHODS = {"ours": ours, "HaMeR, virtual f": hamer_demo, "HaMeR, real f": hamer_real_focal}


def errors(scenes: list[Scene], noise: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Distances (scenes,) in m between found and true wrists, per method; noise: px, standard deviation."""
    seen = [scene.pixels + rng.normal(0, noise, scene.pixels.shape) for scene in scenes]
    return {
        name: np.array([np.linalg.norm(method(s, p) - s.translation) for s, p in zip(scenes, seen, strict=True)])
        for name, method in METHODS.items()
    }


def table(scenes: list[Scene], noise: float, rng: np.random.Generator) -> str:
    """Median errors by kind of camera, as Markdown: mm, and in per cent of depth."""
    found = errors(scenes, noise, rng)
    depth = np.array([scene.translation[2] for scene in scenes])
    lines = [f"| {noise:g} px of noise | cameras | {' | '.join(found)} |", "|---" * (2 + len(found)) + "|"]
    for kind in (*KINDS, "all"):
        of_kind = np.array([kind in ("all", scene.kind) for scene in scenes])
        cells = [
            f"{1000 * np.median(e[of_kind]):.3g} mm, {100 * np.median(e[of_kind] / depth[of_kind]):.2g} %"
            for e in found.values()
        ]
        lines.append(f"| {kind} | {of_kind.sum()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _random_scene(rng: np.random.Generator, kind: str, template: HandTemplate) -> Scene:
    while True:
        camera = _random_camera(rng, kind)
        joints = _random_joints(rng, template)
        ray = camera.normalise(rng.uniform([0, 0], [camera.width, camera.height]))
        translation = np.append(ray, 1.0) * rng.uniform(*DISTANCES)
        pixels = camera.project(joints + translation)
        inside = ((pixels >= 0) & (pixels < [camera.width, camera.height])).all()  # False for NaN
        if inside and _is_lens(camera, joints + translation):
            return Scene(kind, camera, joints, translation, pixels)


def _is_lens(camera: Camera, points: np.ndarray) -> bool:
    """Whether pixels move outwards all the way as rays turn from the axis to the points (N, 3).

    Random coefficients may bend an image back upon itself, which no glass does.
    """
    steps = np.linspace(0, 1, 100)[:, None, None]
    ends = points[:, :2] / points[:, 2:]
    rays = np.insert(ends * steps, 2, 1.0, axis=-1)  # (100, N, 3)
    radius = np.linalg.norm((camera.project(rays) - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]], axis=-1)
    outwards = np.diff(radius, axis=0) / (np.linalg.norm(ends, axis=1) / 99)
    return bool((outwards > 0.1).all())


def _random_camera(rng: np.random.Generator, kind: str) -> Camera:
    width, height = [(640, 480), (848, 480), (1280, 720), (1920, 1080)][rng.integers(4)]
    lens = kind if kind in ("plumb_bob", "equidistant") else KINDS[rng.integers(3)]
    if kind == "pinhole":
        lens = "pinhole"
    if lens == "equidistant":
        focal = width / np.radians(rng.uniform(100, 170))
        model, distortion = lens, rng.normal(0, [0.02, 0.01, 0.005, 0.002])
    else:
        focal = width / 2 / np.tan(np.radians(rng.uniform(50, 100)) / 2)
        pinhole = lens == "pinhole"
        model = "none" if pinhole else lens
        distortion = np.zeros(0) if pinhole else rng.normal(0, [0.12, 0.04, 0.001, 0.001, 0.01])
    centre = [width / 2, height / 2] + rng.uniform(-0.1, 0.1, 2) * [width, height]
    camera = Camera.from_intrinsics(
        focal, focal * rng.uniform(0.85, 1.15), *centre, width, height, model, tuple(distortion)
    )
    if kind == "cropped":
        w, h = (rng.uniform(0.4, 0.8, 2) * [width, height]).astype(int).tolist()
        return camera.cropped(int(rng.integers(width - w)), int(rng.integers(height - h)), w, h)
    return camera.binned(*rng.integers(1, 4, 2).tolist()) if kind == "binned" else camera


def _random_joints(rng: np.random.Generator, template: HandTemplate) -> np.ndarray:
    """Joints (21, 3) m of a hand of random pose, side and orientation, relative to the wrist."""
    turns = np.tile(np.eye(3), (len(template.bone_names), 1, 1))
    for bone, name in enumerate(template.bone_names):
        if "phalanx" in name:
            flexion = -rng.uniform(-0.2, 1.3)
            c, s = np.cos(flexion), np.sin(flexion)
            turns[bone] = [[1, 0, 0], [0, c, -s], [0, s, c]]
    joints = template.joint_regressor.astype(np.float64) @ skin(template, turns).astype(np.float64)
    joints = (joints - joints[0]) * [rng.choice([-1.0, 1.0]), 1, 1]
    orientation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return joints @ (orientation * np.sign(np.linalg.det(orientation))).T


def main() -> None:
    """Prints the tables without and with noise."""
    options(__doc__).parse_args()
    rng = np.random.default_rng(0)
    scenes = random_scenes(rng)
    for noise in (0.0, 1.0):
        print(table(scenes, noise, rng), end="\n\n")


if __name__ == "__main__":
    run_script(main)
