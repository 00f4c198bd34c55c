"""HandPredictor: one image and its camera in, a list of Hand out, on ONNX Runtime."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from handos_model.camera import Camera, fit_translation, ray_rotation
from handos_model.hand import Hand, joints_box
from handos_model.prediction.letterbox import STRIDE, letterbox, to_source
from handos_model.prediction.session import HandSession
from handos_model.template.embedded import EMBEDDED_NAME
from handos_model.template.hand_template import HandTemplate, signed_volume
from handos_model.template.load import load_template

CANDIDATE_SCORE = 0.1
"""Least score of a hand in the first pass that is worth a closer look."""
MOST_LOOKS = 4
"""Closer looks per image, at the hands that score best: each costs a pass over a small window."""
DUPLICATE_DISTANCE = 0.15
"""Two results are one hand when their joints lie this close on average, as a fraction of the larger one's extent."""
MIN_SIDE_CONFIDENCE = 0.1
"""Below, the side is unknown."""


class HandPredictor:
    """Finds hands in single images.

    weights: an ONNX file of `handos export`, the embedded one when None. device: "auto" (CUDA where there is one),
    "cpu" or "cuda". size: long edge in px that images are resized to. The embedded network works for hands of 15 to 120
    px there: small ones get a closer look in a window of the source image, and where nothing is found the image is seen
    once more at half the size, for hands that fill it. score_threshold: hands below are dropped, and those that the
    weights' own graph holds back. size and score_threshold come from the weights when None. hand_scale: size of the
    user's hand as a factor of a mean adult's, which scales every metre of the result. threads: CPU threads, ONNX
    Runtime's choice when None. template: the hand template that the weights were trained on, or its file as
    load_template takes it, such as the user's MANO_RIGHT.pkl; the embedded one when None. spinning: between two images
    the threads wait for work at full power, which answers sooner where nothing else runs, and is in the way of what
    does. Wrong values raise ValueError, a missing file FileNotFoundError.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "auto",
        size: int | None = None,
        score_threshold: float | None = None,
        hand_scale: float = 1.0,
        threads: int | None = None,
        template: HandTemplate | str | Path | None = None,
        spinning: bool = True,
    ) -> None:
        self._session = HandSession(weights, device, threads, spinning)
        self.name = self._session.metadata["name"]
        self.version = self._session.metadata["version"]
        self.provider = self._session.provider
        self.size = _checked_size(self._session.metadata["size"] if size is None else size)
        self.small_size, self.best_size = self._session.closer_look
        default = float(self._session.metadata["score_threshold"])
        self.score_threshold = default if score_threshold is None else float(score_threshold)
        self.hand_scale = float(hand_scale)
        if not 0 <= self.score_threshold <= 1:
            raise ValueError(f"score_threshold is {score_threshold}, must lie between 0 and 1")
        if not 0.2 <= self.hand_scale <= 5:
            raise ValueError(f"hand_scale is {hand_scale}, must lie between 0.2 and 5")
        self.template = template if isinstance(template, HandTemplate) else load_template(template)
        if (trained_on := self._session.metadata["template"]) != self.template.name:
            needed = "none" if trained_on == EMBEDDED_NAME else "the file of that one"
            raise ValueError(
                f"weights file {self._session.weights} was trained on the hand template {trained_on}, not on "
                f"{self.template.name}: give {needed} as template"
            )

    @property
    def network_seconds(self) -> float:
        """Spent in the network by all predictions so far."""
        return self._session.seconds

    def predict(self, image: np.ndarray, camera: Camera | None = None) -> list[Hand]:
        """The hands in an image (H, W, 3) uint8 RGB, best score first.

        camera: that of this image; Camera.from_fov's guess when None. Raises ValueError for another kind of array and
        for a camera of another image size.
        """
        _check_image(image)
        height, width = image.shape[:2]
        camera = Camera.from_fov(width, height) if camera is None else camera
        if (camera.width, camera.height) != (width, height):
            raise ValueError(f"the camera is one of {camera.width}x{camera.height} px, the image has {width}x{height}")
        found = self._find(np.ascontiguousarray(image))
        if not len(found.scores):
            return []
        return _hands(found, camera, self.template, self.hand_scale)

    def _find(self, image: np.ndarray) -> Instances:
        """Distinct hands that score enough, best first."""
        found = self._pass(image, self.size)
        if not self.small_size:
            return found.where(found.scores >= self.score_threshold)
        if not (found.scores >= self.score_threshold).any():
            # Of the first pass none scores enough, so no hand is in both.
            found = _joined([found, self._pass(image, max(self.size // 2, STRIDE))])
        small = found.network_size < self.small_size
        if small.any() and max(image.shape[:2]) > self.size:
            closer = np.flatnonzero(small)[:MOST_LOOKS]
            looks = [self._look_closer(image, found.take([i])) for i in closer]
            others = np.delete(np.arange(len(small)), closer)
            found = _distinct(_joined([found.take(others), *looks]))
        return found.where(found.scores >= self.score_threshold)

    def _pass(self, image: np.ndarray, size: int) -> Instances:
        canvas, scale = letterbox(image, size)
        return _distinct(_instances(self._session.run(canvas), scale, min(CANDIDATE_SCORE, self.score_threshold)))

    def _look_closer(self, image: np.ndarray, hand: Instances) -> Instances:
        """The same hand from a pass over its surroundings, where it is best_size large; as it was if not seen there."""
        extent = _extent(hand.joints_2d)[0]
        reach = extent * self.size / self.best_size / 2
        x0, y0 = np.maximum(np.floor(hand.view[0, :2] - reach), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(hand.view[0, :2] + reach), image.shape[1::-1]).astype(int)
        if min(x1 - x0, y1 - y0) < 2:
            return hand
        window = np.ascontiguousarray(image[y0:y1, x0:x1])
        seen = self._pass(window, max(STRIDE, round(max(window.shape[:2]) * self.best_size / extent)))
        seen = seen.moved(np.array([x0, y0]))
        distance = np.linalg.norm(seen.joints_2d.mean(axis=1) - hand.joints_2d.mean(axis=1), axis=1)
        nearby = np.flatnonzero(distance < extent)[:1]
        return seen.take(nearby) if len(nearby) else hand


@dataclass(frozen=True)
class Instances:
    """What the network says of N hands; pixels are those of the source image."""

    scores: np.ndarray  # (N,)
    joints_2d: np.ndarray  # (N, 21, 2) px
    joint_confidence: np.ndarray  # (N, 21)
    joints_3d: np.ndarray  # (N, 21, 3) m, relative to the wrist, view frame
    vertices: np.ndarray  # (N, 778, 3) m, likewise
    view: np.ndarray  # (N, 4) cx, cy, size in px, angle in rad of the reference box
    translation: np.ndarray  # (N, 3) of the normalised camera
    right: np.ndarray  # (N,) probability of a right hand
    network_size: np.ndarray  # (N,) extent of the hand in px of the network's input

    def take(self, index: np.ndarray | list[int]) -> Instances:
        """The hands at `index`, in that order."""
        index = np.asarray(index, np.intp)
        return Instances(*(getattr(self, f.name)[index] for f in fields(self)))

    def where(self, kept: np.ndarray) -> Instances:
        """The hands for which `kept` (N,) is true."""
        return self if kept.all() else self.take(np.flatnonzero(kept))

    def moved(self, offset: np.ndarray) -> Instances:
        """From pixels of a window to those of the image it was cut from at `offset` (2,)."""
        view = self.view + [*offset, 0, 0]
        return replace(self, joints_2d=self.joints_2d + offset, view=view)


def _instances(outputs: dict[str, np.ndarray], scale: np.ndarray, threshold: float) -> Instances:
    """Hands of one pass that score enough and are finite, in pixels of the source image."""
    scores, joints, view = outputs["scores"], outputs["joints_2d"], outputs["view"]
    values = [values.reshape(len(scores), math.prod(values.shape[1:])) for values in outputs.values()]
    finite = np.isfinite(np.concatenate(values, axis=1).sum(axis=1))  # with NaN or infinity in it no sum is
    # A score of 0 is that of the candidate which the graph always decodes.
    kept = finite & (scores >= threshold) & (scores > 0)
    pixels = to_source(np.concatenate([joints, view[:, None, :2]], axis=1), scale)
    size = view[:, 2:3] / math.sqrt(math.prod(scale.tolist()))
    instances = Instances(
        scores=scores,
        joints_2d=pixels[:, :21],
        joint_confidence=outputs["joint_confidence"].clip(0, 1),
        joints_3d=outputs["joints_3d"],
        vertices=outputs["vertices"],
        view=np.concatenate([pixels[:, 21], size, view[:, 3:]], axis=1),
        translation=outputs["translation"],
        right=outputs["right"],
        network_size=_extent(joints),
    )
    return instances.where(kept)


def _extent(joints_2d: np.ndarray) -> np.ndarray:
    """Long edges (N,) of the boxes of joints (N, 21, 2)."""
    return (joints_2d.max(axis=1) - joints_2d.min(axis=1)).max(axis=1)


def _distinct(found: Instances) -> Instances:
    """Of results that are the same hand, the one that scores best; best score first."""
    scores = found.scores.tolist()
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept = _first_of_each(found.joints_2d, order)
    return found if kept == list(range(len(order))) else found.take(kept)


def _joined(parts: list[Instances]) -> Instances:
    """All hands of several passes."""
    return Instances(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Instances)))


def _first_of_each(joints_2d: np.ndarray, order: list[int]) -> list[int]:
    """Those of `order`, indices of hands (N, 21, 2), that are no duplicate of an earlier one that was kept."""
    # Plain numbers: on a few hands NumPy takes several times as long.
    extents, joints = _extent(joints_2d).tolist(), joints_2d.tolist()
    kept: list[int] = []
    for i in order:
        if not any(_same(joints[i], joints[j], max(extents[i], extents[j])) for j in kept):
            kept.append(i)
    return kept


def _same(a: list[list[float]], b: list[list[float]], extent: float) -> bool:
    """Whether 21 joints (x, y) of two results, the larger of which is `extent` px long, are those of one hand."""
    return sum(map(math.dist, a, b)) < DUPLICATE_DISTANCE * extent * len(a)


def _hands(found: Instances, camera: Camera, template: HandTemplate, hand_scale: float) -> list[Hand]:
    """From view frames to the camera frame, metric, with sides; hands that would lie behind the camera are left out."""
    # The mesh's normals decide the side; how sure it is, the network says beside it. No agreement, no confidence.
    normals, right = np.sign(signed_volume(found.vertices, template.faces)).tolist(), found.right.tolist()
    rotation = view_rotation(found.view, camera)  # (N, 3, 3)
    points = np.concatenate([found.joints_3d, found.vertices], axis=1)
    points = points @ (hand_scale * rotation).astype(np.float32).transpose(0, 2, 1)  # (N, 21 + V, 3)
    said = _said(found, rotation, camera, hand_scale)
    translation = _place(found, points[:, :21], said, camera).astype(np.float32)
    points = points + translation[:, None]
    boxes = joints_box(found.joints_2d).astype(np.float32)
    joints_2d = found.joints_2d.astype(np.float32)
    hands = []
    for i in np.flatnonzero(translation[:, 2] > 0).tolist():
        confidence = max(normals[i] * (2 * right[i] - 1), 0.0)
        side = ("right" if normals[i] > 0 else "left") if confidence >= MIN_SIDE_CONFIDENCE else "unknown"
        joints_3d, vertices = points[i, :21], points[i, 21:]
        values = (boxes[i], joints_2d[i], found.joint_confidence[i], joints_3d, vertices, translation[i])
        hands.append(Hand(float(found.scores[i]), side, confidence, *values, said[i].astype(np.float32)))
    return hands


def view_rotation(view: np.ndarray, camera: Camera) -> np.ndarray:
    """Rotations (N, 3, 3) from the view frames of N hands to the camera frame: R_ray(centre) @ Rz(angle).

    view (N, 4): centre and size in px of the source image, angle in rad. A view frame looks along the ray through the
    centre of its hand, so that what the network sees of a hand does not change with the hand's place in the image.
    """
    rays = camera.normalise(view[:, :2])
    if not np.isfinite(rays).all():  # centres beyond the distortion model, off the image's edge
        rays = np.where(np.isfinite(rays), rays, camera.pinhole(view[:, :2]))
    turns = [(math.cos(angle), math.sin(angle)) for angle in view[:, 3].tolist()]
    spin = np.array([[[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]] for c, s in turns]).reshape(-1, 3, 3)
    return ray_rotation(rays) @ spin


def _place(found: Instances, joints: np.ndarray, said: np.ndarray, camera: Camera) -> np.ndarray:
    """Metric translations (N, 3): closed form where the joints allow it, else what the network said."""
    rays = camera.normalise(found.joints_2d)
    fitted, solved = fit_translation(joints, rays, found.joint_confidence)
    return np.where(solved[:, None], fitted, said)


def _said(found: Instances, rotation: np.ndarray, camera: Camera, hand_scale: float) -> np.ndarray:
    """Metric translations (N, 3) as the network says them."""
    depth_unit = camera.focal / np.maximum(found.view[:, 2], 1e-6)
    said = found.translation * np.stack([np.ones_like(depth_unit), np.ones_like(depth_unit), depth_unit], axis=1)
    return hand_scale * (rotation @ said[..., None])[..., 0]


def _check_image(image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        came = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"image is {came}, must be a NumPy array of uint8 (H, W, 3), RGB")
    if 0 in image.shape:
        raise ValueError(f"image is empty: its shape is {image.shape}")


def _checked_size(size: str | int) -> int:
    """The long edge from a number, or from text: the weights' metadata and the command line have it so."""
    try:
        checked = int(size)
    except ValueError:
        checked = 0
    if not 64 <= checked <= 4096:
        raise ValueError(f"size is {size}, must be a whole number of px from 64 to 4096")
    return checked
